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

/** Triage checks, looks a booking up and hands over; Refund asks an expert and fails to find an account. */
function airline(): Agent {
  const expert = new Agent({
    name: 'Expert',
    model: new ScriptedModel([{ output: [assistantMessage('It may be refunded.')], usage: usage(11, 3) }]),
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
          functionCall('ask_expert', { input: 'May it be?' }, { callId: 'c3' }),
          functionCall('find_account', { id: 'a' }, { callId: 'c4' }),
        ],
        usage: usage(200, 20),
      },
      { output: [assistantMessage('It is refunded.')], usage: usage(300, 30) },
    ]),
    tools: [expert.asTool({ toolName: 'ask_expert', toolDescription: '' }), broken],
  });
  return new Agent({
    name: 'Triage',
    instructions: 'Be kind.',
    model: new ScriptedModel([
      { output: [functionCall('lookup_booking', { id: 'X1' }, { callId: 'c1' })], usage: usage(100, 10) },
      { output: [functionCall('transfer_to_Refund', {}, { callId: 'c2' })], usage: usage(150, 15) },
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
      const tree = spans.map(
        ({ name, parent_id }) =>
          `${parent_id === caller ? 'caller' : (names.get(parent_id ?? '') ?? 'nobody')} > ${name}`,
      );
      expect(tree.toSorted()).toEqual(['caller > invoke_workflow Airline']);
      const of = (name: string): StoredSpan[] => spans.filter((span) => span.name === name);
      console.log(
        JSON.stringify(of('chat')[0] ?? spans[0], null, 1),
        JSON.stringify(of('execute_tool find_account')[0]),
      );
      expect(JSON.stringify(spans)).not.toContain('PLANTED');
    },
  );
});
