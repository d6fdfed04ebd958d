/** Secrets in every place that a span has, and nothing of them on the wire. */
import { afterEach, expect, test } from 'vitest';
import type { SpanData } from '../types.ts';
import { OTLPTraceExporter, type OTLPTraceExporterOptions } from './otlp-exporter.ts';
import { startOtlpServer, type OtlpServer } from './otlp-server.fixture.ts';
import { makeSpan, makeTrace } from './span.fixture.ts';

const KEY = 'sk-proj-PLANTED0123456789';
const LITERAL = 'PLANTED "customer" / 42';
const FIELD = 'PLANTED-field-value';
const all = `${KEY} and ${LITERAL}`;
const nested = {
  password: FIELD,
  list: [{ note: all, ssn: FIELD }],
  json: JSON.stringify({ api_key: FIELD, text: all }),
};
const audio = { data: all, format: 'pcm' } as const;

const datas: SpanData[] = [
  { type: 'agent', name: all, tools: [all], handoffs: [all], output_type: all },
  { type: 'task', name: all },
  { type: 'turn', turn: 1, agent_name: all },
  {
    type: 'function',
    name: all,
    input: JSON.stringify(nested),
    output: `Cookie: session=${FIELD}\n${all}`,
    mcp_data: all,
  },
  {
    type: 'generation',
    model: all,
    input: [
      { role: 'user', content: all },
      { type: 'function_call', callId: all, name: all, arguments: JSON.stringify(nested) },
    ],
    output: [
      { type: 'unheard_of', payload: nested },
      { role: 'assistant', content: [{ type: 'output_text', text: all }] },
    ],
    model_config: { stop: [all], extra: nested },
    usage: { details: nested },
  },
  {
    type: 'response',
    response_id: all,
    _input: all,
    _response: { model: all, output: [{ role: 'assistant', content: all }], instructions: all, tools: [nested] },
  },
  { type: 'handoff', from_agent: all, to_agent: all },
  { type: 'guardrail', name: all, triggered: true },
  { type: 'custom', name: all, data: nested },
  { type: 'mcp_tools', server: all, result: [all] },
  { type: 'transcription', input: audio, output: all, model: all },
  { type: 'speech', input: all, output: audio, model: all },
  { type: 'speech_group', input: all },
];

const servers: OtlpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => server.close()));
});

async function sent(options: OTLPTraceExporterOptions): Promise<string> {
  const server = await startOtlpServer();
  servers.push(server);
  const exporter = new OTLPTraceExporter({ endpoint: server.url, includeContent: true, ...options });
  const metadata = { note: all, token: FIELD, deep: nested, [all]: 1 };
  await exporter.onTraceStart(makeTrace({ name: all, groupId: all, metadata, tracingApiKey: KEY }));
  for (const [index, data] of datas.entries()) {
    await exporter.onSpanEnd(
      makeSpan({
        index: index + 1,
        data,
        metadata,
        error: { message: `failed: ${all}`, data: { error: `TypeError: ${all}`, nested } },
        details: {
          runId: all,
          agent: all,
          callId: all,
          instructions: all,
          requestId: all,
          origin: { provider: all, api: all, model: all },
        },
      }),
    );
  }
  await exporter.shutdown();
  expect(exporter.stats()).toMatchObject({ acknowledged: datas.length, dropped: 0 });
  return server.taken.map(({ raw }) => raw).join('\n');
}

const redact = { literals: [LITERAL], fields: ['ssn'] };

test.each(['genai', 'openinference'] as const)(
  'with redaction nothing leaves by %s, in either encoding',
  async (dialect) => {
    for (const protocol of ['http/json', 'http/protobuf'] as const) {
      expect(await sent({ dialect, protocol, redact })).not.toContain('PLANTED');
    }
  },
);

test('without literals and fields, keys and known names are still taken out', async () => {
  const wire = await sent({});
  expect(wire).not.toContain(KEY);
  expect(wire).toContain('customer');
});

test('the test sees what it looks for', async () => {
  expect(await sent({ redact: false })).toContain(KEY);
});
