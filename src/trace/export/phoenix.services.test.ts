/**
 * An agent run in a real back end: sent by OTLP to Arize Phoenix, and read back by its REST API.
 *
 * `node scripts/services/main.ts phoenix -- node scripts/suite.ts services` starts it.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Agent, handoff } from '../../agent/index.ts';
import { Usage } from '../../protocol/usage.ts';
import { run } from '../../run/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { setTraceProcessors, setTracingDisabled, setTracingProcessor, withTrace } from '../index.ts';
import { flushTraces, OTLPTraceExporter, traceFromHeaders } from './index.ts';

const phoenix = process.env['BATON_PHOENIX_URL'] ?? '';
const PARAMETERS = {
  type: 'object',
  properties: { id: { type: 'string' } },
  required: ['id'],
  additionalProperties: false,
} as const;

const TOKEN_NAMES = {
  openinference: ['llm.token_count.prompt', 'llm.token_count.completion'],
  genai: ['gen_ai.usage.input_tokens', 'gen_ai.usage.output_tokens'],
} as const;
/** Phoenix's kind and the first word of the name. */
const KINDS = [
  'CHAIN invoke_workflow',
  'AGENT invoke_agent',
  'CHAIN turn',
  'LLM chat',
  'TOOL execute_tool',
  'TOOL handoff',
  'GUARDRAIL guardrail',
];

type StoredSpan = {
  name: string;
  span_kind: string;
  parent_id: string | null;
  status_code: string;
  status_message: string;
  context: { trace_id: string; span_id: string };
  attributes: Record<string, unknown>;
  events: { name: string; attributes?: Record<string, unknown> }[];
};

/** Phoenix takes spans at once and writes them a moment later. */
async function stored(traceId: string, count: number): Promise<StoredSpan[]> {
  for (;;) {
    const response = await fetch(`${phoenix}/v1/projects/default/spans?limit=1000&trace_id=${traceId}`);
    // Before the first span there is no such project.
    const { data = [] } = response.ok ? ((await response.json()) as { data?: StoredSpan[] }) : {};
    const spans = data.filter(({ context }) => context.trace_id === traceId);
    if (spans.length >= count) return spans;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

const usage = (inputTokens: number, outputTokens: number): Usage =>
  new Usage({ inputTokens, outputTokens, totalTokens: inputTokens + outputTokens });

/** As a vendor's model says it: with the model's name. */
const by = <T extends object>(item: T): T => ({
  ...item,
  origin: { provider: 'openai', api: 'openai-chat', model: 'gpt-5.4-mini' },
});

/** Triage checks, looks a booking up and hands over; Refund asks an expert and fails to find an account. */
function airline(): Agent {
  const expert = new Agent({
    name: 'Expert',
    model: new ScriptedModel([{ output: [by(assistantMessage('It may be refunded.'))], usage: usage(11, 3) }]),
  });
  const lookup = tool({
    name: 'lookup_booking',
    description: '',
    parameters: PARAMETERS,
    strict: false,
    execute: () => 'Oslo, paid',
  });
  const broken = tool({
    name: 'find_account',
    description: '',
    parameters: PARAMETERS,
    strict: false,
    execute: () => {
      throw new RangeError('no such account');
    },
  });
  const refund = new Agent({
    name: 'Refund',
    model: new ScriptedModel([
      {
        output: [
          by(functionCall('ask_expert', { input: 'May it be?' }, { callId: 'c3' })),
          by(functionCall('find_account', { id: 'a' }, { callId: 'c4' })),
        ],
        usage: usage(200, 20),
      },
      { output: [by(assistantMessage('It is refunded.'))], usage: usage(300, 30) },
    ]),
    tools: [expert.asTool({ toolName: 'ask_expert', toolDescription: '' }), broken],
  });
  return new Agent({
    name: 'Triage',
    instructions: 'Be kind.',
    model: new ScriptedModel([
      { output: [by(functionCall('lookup_booking', { id: 'X1' }, { callId: 'c1' }))], usage: usage(100, 10) },
      { output: [by(functionCall('transfer_to_Refund', {}, { callId: 'c2' }))], usage: usage(150, 15) },
    ]),
    tools: [lookup],
    handoffs: [handoff(refund)],
    inputGuardrails: [{ name: 'polite', execute: async () => ({ tripwireTriggered: false, outputInfo: {} }) }],
  });
}

beforeAll(() => {
  if (phoenix === '' && process.env['CI'] === 'true') throw new Error('BATON_PHOENIX_URL is not set.');
});
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
});

describe.skipIf(phoenix === '')('Phoenix', () => {
  test.each(['openinference', 'genai'] as const)(
    'has a run that was sent as %s: agents, tools, tokens, parents',
    async (dialect) => {
      const traceId = randomBytes(16).toString('hex');
      const caller = randomBytes(8).toString('hex');
      const exporter = new OTLPTraceExporter({
        endpoint: phoenix,
        dialect,
        includeContent: true,
        serviceName: 'airline',
      });
      setTracingProcessor(exporter);
      setTracingDisabled(false);
      const options = traceFromHeaders({ traceparent: `00-${traceId}-${caller}-01` });
      await withTrace('Airline', async () => run(airline(), 'Refund booking X1. My key is sk-proj-PLANTED0123456789'), {
        ...options,
        groupId: 'chat-1',
      });
      await flushTraces({ timeoutMs: 30_000 });
      const { created, acknowledged } = exporter.stats();
      expect(acknowledged).toBe(created);

      const spans = await stored(traceId, created);
      expect(spans).toHaveLength(created);
      const names = new Map(spans.map(({ context, name }) => [context.span_id, name]));
      const parentOf = ({ parent_id }: StoredSpan): string =>
        parent_id === caller ? 'the caller' : (names.get(parent_id ?? '') ?? 'nobody');
      expect(spans.map((span) => `${parentOf(span)} > ${span.name}`).toSorted()).toEqual([
        'execute_tool ask_expert > invoke_workflow Agent workflow',
        'invoke_agent Expert > turn 1',
        'invoke_agent Refund > turn 3',
        'invoke_agent Refund > turn 4',
        'invoke_agent Triage > guardrail polite',
        'invoke_agent Triage > turn 1',
        'invoke_agent Triage > turn 2',
        'invoke_workflow Agent workflow > invoke_agent Expert',
        'invoke_workflow Agent workflow > invoke_agent Refund',
        'invoke_workflow Agent workflow > invoke_agent Triage',
        'the caller > invoke_workflow Agent workflow',
        'turn 1 > chat gpt-5.4-mini',
        'turn 1 > chat gpt-5.4-mini',
        'turn 1 > execute_tool lookup_booking',
        'turn 2 > chat gpt-5.4-mini',
        'turn 2 > handoff Triage -> Refund',
        'turn 3 > chat gpt-5.4-mini',
        'turn 3 > execute_tool ask_expert',
        'turn 3 > execute_tool find_account',
        'turn 4 > chat gpt-5.4-mini',
      ]);
      const [input, output] = TOKEN_NAMES[dialect];
      const sum = (name: string): number =>
        spans.reduce((total, { attributes }) => total + Number(attributes[name] ?? 0), 0);
      expect([sum(input), sum(output)]).toEqual([100 + 150 + 200 + 300 + 11, 10 + 15 + 20 + 30 + 3]);
      const kinds = spans.map(({ name, span_kind }) => `${span_kind} ${name.split(' ')[0] ?? ''}`);
      if (dialect === 'openinference') expect(new Set(kinds)).toEqual(new Set(KINDS));
      const lookup = spans.find(({ name }) => name === 'execute_tool lookup_booking');
      expect(JSON.stringify(lookup?.attributes)).toContain('Oslo, paid');
      const failed = spans.filter(({ status_code }) => status_code === 'ERROR');
      expect(failed.map(({ name }) => name)).toEqual(['execute_tool find_account']);
      expect(JSON.stringify(spans)).not.toContain('PLANTED');
    },
  );

  test('shows a run that failed, and why', async () => {
    const exporter = new OTLPTraceExporter({ endpoint: phoenix, dialect: 'openinference', includeContent: true });
    setTracingProcessor(exporter);
    setTracingDisabled(false);
    const traceId = randomBytes(16).toString('hex');
    const model = new ScriptedModel([
      [by(functionCall('nothing', {}, { callId: 'c' }))],
      [by(functionCall('nothing', {}, { callId: 'd' }))],
    ]);
    const nothing = tool({
      name: 'nothing',
      description: '',
      parameters: PARAMETERS,
      strict: false,
      execute: () => '',
    });
    const agent = new Agent({ name: 'Loop', model, tools: [nothing] });
    const failing = withTrace('Loop', async () => run(agent, 'Go.', { maxTurns: 1 }), { traceId: `trace_${traceId}` });
    await expect(failing).rejects.toThrow('maxTurns (1)');
    await flushTraces({ timeoutMs: 30_000 });
    const spans = await stored(traceId, exporter.stats().created);
    const failed = spans.filter(({ status_code }) => status_code === 'ERROR');
    expect(failed.map(({ name }) => name)).toContain('invoke_agent Loop');
    expect(JSON.stringify(failed[0]?.events)).toContain('MaxTurnsExceededError');
  });
});
