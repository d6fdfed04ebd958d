/** One price list: a run's result, metrics, spans, the trace store and the log tell the same cost. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../../agent/index.ts';
import { createPrices } from '../../model/index.ts';
import type { Committed } from '../../kernel/index.ts';
import type { ModelResponse } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { run, RunState, setDefaultPrices, stateOfError } from '../../run/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { Collector } from '../collector.fixture.ts';
import { MemoryTraceProcessor, setTraceProcessors, setTracingDisabled } from '../index.ts';
import { openTraceStore, TraceStoreProcessor } from '../store/index.ts';
import { enableMetrics, type Metrics } from './enable.ts';
import { observationOf, type RunObservation } from './observation.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const origin = { provider: 'acme', api: 'x', model: 'small' };
/** 15 tokens at $1 for a million: 15,000 nano-dollars. */
const prices = createPrices({ catalog: false, models: { 'acme/small': { input: 1, output: 1 } } });
const used = (output: ModelResponse['output']): ModelResponse => ({
  output,
  usage: new Usage({ requests: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 }),
});
const says = (text: string): ModelResponse => used([assistantMessage(text)]);
const calls = (name: string, args: Record<string, unknown>): ModelResponse =>
  used([functionCall(name, args, { callId: name })]);

class Priced extends ScriptedModel {
  readonly origin = origin;
}
const scripted = (...replies: ModelResponse[]): Priced => new Priced(replies);

let metrics: Metrics;
let seen: RunObservation[];
let processor: TraceStoreProcessor;
beforeEach(() => {
  seen = [];
  metrics = enableMetrics({ onRun: (each) => seen.push(each) });
  processor = new TraceStoreProcessor({ path: ':memory:' });
  setTraceProcessors([processor]);
  setTracingDisabled(false);
  setDefaultPrices(prices);
});
afterEach(async () => {
  metrics.close();
  setDefaultPrices(undefined);
  setTraceProcessors([]);
  setTracingDisabled(true);
  await processor.shutdown();
});

/** A boss with a sub-agent, a guardrail that asks an agent, and a tool that runs one by hand: seven calls. */
function boss(...more: ModelResponse[]): AnyAgent {
  const checker = new Agent({ name: 'Checker', model: scripted(says('fine'), says('fine')) });
  const inner = new Agent({ name: 'Inner', model: scripted(says('seen')) });
  const writer = new Agent({ name: 'Writer', model: scripted(says('poem')) });
  return new Agent({
    name: 'Boss',
    model: scripted(calls('write', { input: 'x' }), calls('look', {}), ...more),
    tools: [
      writer.asTool({ toolName: 'write', toolDescription: '' }),
      tool({
        name: 'look',
        description: '',
        parameters: NOTHING,
        strict: false,
        execute: () => run(inner, 'x').then(String),
      }),
      tool({
        name: 'pay',
        description: '',
        parameters: NOTHING,
        strict: false,
        needsApproval: true,
        execute: () => 'ok',
      }),
    ],
    inputGuardrails: [
      {
        name: 'polite',
        execute: async () => ({ tripwireTriggered: false, outputInfo: (await run(checker, 'ok?')).finalOutput }),
      },
    ],
  }) as AnyAgent;
}

async function stored(runId: string): Promise<unknown> {
  await processor.forceFlush();
  const store = await openTraceStore({ path: ':memory:' });
  const trace = await store.trace(runId);
  await store.close();
  const found = trace?.runs.find((each) => each.runId === runId);
  return found && [found.nanoUsd, found.unpricedCalls];
}

test('with sub-agents, guardrails and tools that run agents', { timeout: 30_000 }, async () => {
  const { cost, state } = await run(boss(says('done')), 'hi');
  const nanoUsd = 6 * 15_000;
  expect(cost).toMatchObject({ nanoUsd, unpriced: 0 });
  expect(seen).toMatchObject([{ nanoUsd, unpriced: 0, modelCalls: 6 }]);
  const events = state.events as Committed[];
  // The log has no logs of runs that are over, but what they cost.
  expect(observationOf({ runId: 'x', events })).toMatchObject({ nanoUsd, unpriced: 0, modelCalls: 3 });
  const [first] = events;
  const runId = first?.type === 'run.started' ? first.runId : '';
  expect(await stored(runId)).toEqual([nanoUsd, 0]);
});

test(
  'of a run that goes on in another process: what ended before counts by what its answers say',
  { timeout: 30_000 },
  async () => {
    const paused = await run(boss(calls('pay', {})), 'hi');
    const agent = boss();
    agent.model = scripted(says('done'));
    // As in another process: nothing is known but the state.
    metrics.close();
    metrics = enableMetrics({ onRun: (each) => seen.push(each) });
    const state = await RunState.fromString(agent, paused.state.toString());
    for (const ask of state.getInterruptions()) state.approve(ask);
    const { cost } = await run(agent, state);
    const nanoUsd = 7 * 15_000;
    expect(cost).toMatchObject({ nanoUsd, unpriced: 0 });
    expect(seen).toMatchObject([{ nanoUsd, unpriced: 0, turns: 4 }]);
    expect(metrics.text()).toContain(`baton_run_cost_usd_total{agent="Boss"} ${nanoUsd / 1e9}\n`);
  },
);

test('without prices nothing is known, and the run counts in no metric of cost', { timeout: 30_000 }, async () => {
  setDefaultPrices(undefined);
  const { cost } = await run(boss(says('done')), 'hi');
  expect(cost).toMatchObject({ nanoUsd: undefined });
  expect(seen[0]?.unpriced).toBeGreaterThan(0);
});

test.each([false, true])(
  'of an attempt that was cut off is not known: result and store say so (told of spans: %s)',
  { timeout: 30_000 },
  async (toldOfSpans) => {
    if (toldOfSpans) setTraceProcessors([new MemoryTraceProcessor(), processor, new Collector()]);
    const lost = { type: 'error', error: new Error('The stream was cut off.') } as const;
    const retry = { maxRetries: 1, policy: () => ({ retry: true, delayMs: 0, approveUnsafeReplay: true }) };
    const again = await run(
      new Agent({ name: 'A', model: new Priced([lost, says('done')]), modelSettings: { retry } }),
      'hi',
    );
    expect(again.cost).toMatchObject({ nanoUsd: 15_000, attempts: 2, unpriced: 1 });
    expect(await stored(again.state.runId)).toEqual([15_000, 1]);
    // What was spent on the answer is known: metrics count it.
    expect(seen).toMatchObject([{ nanoUsd: 15_000, unpriced: 0 }]);

    const failing = run(new Agent({ name: 'A', model: new Priced([lost]) }), 'hi');
    const failed = stateOfError(await failing.catch((error: unknown) => error));
    expect(failed?.cost).toMatchObject({ nanoUsd: undefined, attempts: 1, unpriced: 1 });
    expect(await stored(failed?.runId ?? '')).toEqual([0, 1]);
  },
);
