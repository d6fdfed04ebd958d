/** What a run adds to the metrics: as it runs, and read from its log. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Agent, type AnyAgent, handoff } from '../../agent/index.ts';
import { forkedEvents } from '../../durable/fork.ts';
import type { Committed, RunEvent } from '../../kernel/index.ts';
import type { ModelResponse } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { run, RunState } from '../../run/index.ts';
import { MemorySession } from '../../session/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../../testing/index.ts';
import { tool, ToolGuardrailFunctionOutputFactory } from '../../tools/index.ts';
import { setTraceProcessors, setTracingDisabled, setTracingProcessor } from '../index.ts';
import { Collector } from '../collector.fixture.ts';
import { enableMetrics, type Metrics } from './enable.ts';
import { observationOf, observationsOf, type RunObservation } from './observation.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
let metrics: Metrics;
let seen: RunObservation[];
const price = (): number => 1_000_000;

beforeEach(() => {
  seen = [];
  metrics = enableMetrics({ price, onRun: (each) => seen.push(each) });
});
afterEach(() => metrics.close());

const used = (output: ModelResponse['output']): ModelResponse => ({
  output,
  usage: new Usage({ inputTokens: 10, outputTokens: 5, totalTokens: 15 }),
});
const says = (text: string): ModelResponse => used([assistantMessage(text)]);
const calls = (name: string, callId = 'c1'): ModelResponse => used([functionCall(name, { input: 'x' }, { callId })]);
const scripted = (...replies: ModelResponse[]): ScriptedModel => new ScriptedModel(replies);
const makeTool = (name: string, execute: () => unknown, more: object = {}) =>
  tool({ name, description: '', parameters: NOTHING, strict: false, execute, ...more });
const only = (): RunObservation => {
  expect(seen).toHaveLength(1);
  return seen[0] as RunObservation;
};

describe('one observation', () => {
  test('of a run with a tool: turns, calls, tokens, cost; the log tells the same', async () => {
    const agent = new Agent({
      name: 'A',
      model: scripted(calls('look'), says('done')),
      tools: [makeTool('look', () => 'x')],
    });
    const result = await run(agent, 'hi');
    const live = only();
    expect(live).toMatchObject({
      agent: 'A',
      status: 'finished',
      turns: 2,
      modelCalls: 2,
      toolCalls: 1,
      toolErrors: 0,
    });
    expect(live).toMatchObject({ inputTokens: 20, outputTokens: 10, nanoUsd: 2_000_000, unpriced: 0 });
    const events = result.state.events as Committed[];
    expect(live.seq).toBe(events.length - 1);
    expect(observationOf({ runId: live.runId, events }, { price })).toEqual(live);
    // Reading it again adds nothing.
    expect(seen).toHaveLength(1);
  });

  test('is the same whether the run is traced or not, streamed or not, and spans are where they were', async () => {
    const make = () =>
      new Agent({ name: 'A', model: scripted(calls('look'), says('done')), tools: [makeTool('look', () => 'x')] });
    await run(make(), 'hi');
    const collector = new Collector();
    setTracingProcessor(collector);
    setTracingDisabled(false);
    try {
      await run(make(), 'hi');
      const streamed = await run(make(), 'hi', { stream: true });
      await streamed.completed;
    } finally {
      setTraceProcessors([]);
      setTracingDisabled(true);
    }
    expect(collector.named('function look')).toHaveLength(2);
    expect(collector.parentsOf('function look')).toEqual(['turn 1', 'turn 1']);
    const counts = seen.map(({ turns, inputTokens, nanoUsd, seq }) => ({ turns, inputTokens, nanoUsd, seq }));
    expect(new Set(counts.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(seen).toHaveLength(3);
  });

  test('without a price for a call is out of cost, and says so', async () => {
    metrics = enableMetrics({ onRun: (each) => seen.push(each) });
    await run(new Agent({ name: 'A', model: scripted(says('x')) }), 'hi');
    expect(only()).toMatchObject({ unpriced: 1, nanoUsd: 0, inputTokens: 10 });
    expect(metrics.text()).toContain('baton_runs_priced_total{agent="A"} 0');
  });

  test('belongs to its session, else its conversation, its group, or itself', async () => {
    const agent = () => new Agent({ name: 'A', model: scripted(says('x')) });
    await run(agent(), 'hi', { session: new MemorySession({ sessionId: 's1' }) });
    await run(agent(), 'hi', { conversationId: 'conv' });
    await run(agent(), 'hi');
    await Promise.resolve();
    expect(seen.map(({ session }) => session)).toEqual(['s1', 'conv', seen[2]?.runId]);
  });
});

describe('what rolls up', () => {
  test('a sub-agent adds its tokens, cost and verdicts, but no turns and no run', async () => {
    const child = new Agent({
      name: 'Child',
      model: scripted(calls('bad'), says('found')),
      tools: [
        makeTool('bad', () => {
          throw new Error('no');
        }),
      ],
    });
    const root = new Agent({
      name: 'Root',
      model: scripted(calls('ask'), says('done')),
      tools: [child.asTool({ toolName: 'ask', toolDescription: '' })],
    });
    await run(root, 'hi');
    expect(only()).toMatchObject({ turns: 2, modelCalls: 4, inputTokens: 40, nanoUsd: 4_000_000, unpriced: 0 });
    expect(only()).toMatchObject({ toolCalls: 2, toolErrors: 1 });
  });

  test("a log without the sub-agent's counts its tokens once, and has no price", async () => {
    const child = new Agent({ name: 'Child', model: scripted(says('found')) });
    const root = new Agent({
      name: 'Root',
      model: scripted(calls('ask'), says('done')),
      tools: [child.asTool({ toolName: 'ask', toolDescription: '' })],
    });
    const result = await run(root, 'hi');
    const read = observationOf({ runId: 'r', events: result.state.events as Committed[] }, { price });
    expect(read).toMatchObject({ inputTokens: 30, unpriced: 1, turns: 2 });
  });

  test("a guardrail's own run is a part of the run that it guards", async () => {
    const judge = new Agent({ name: 'Judge', model: scripted(says('bad')) });
    const guard = {
      name: 'judge',
      runInParallel: false,
      execute: async () => ({ tripwireTriggered: (await run(judge, 'ok?')).finalOutput === 'bad', outputInfo: {} }),
    };
    const agent = new Agent({ name: 'A', model: scripted(says('x')), inputGuardrails: [guard] });
    await expect(run(agent, 'hi')).rejects.toThrow();
    expect(only()).toMatchObject({
      agent: 'A',
      status: 'failed',
      tripped: 1,
      turns: 0,
      modelCalls: 1,
      nanoUsd: 1_000_000,
    });
  });

  test('guardrails that fail, and contents that are rejected, are counted apart', async () => {
    const broken = {
      name: 'broken',
      runInParallel: false,
      execute: async () => {
        throw new Error('down');
      },
    };
    await run(new Agent({ name: 'A', model: scripted(says('x')), inputGuardrails: [broken] }), 'hi').catch(
      () => undefined,
    );
    const reject = {
      type: 'tool_output' as const,
      name: 'no',
      run: async () => ToolGuardrailFunctionOutputFactory.rejectContent('withheld'),
    };
    const look = makeTool('look', () => 'secret', { outputGuardrails: [reject] });
    await run(new Agent({ name: 'A', model: scripted(calls('look'), says('x')), tools: [look] }), 'hi');
    const halt = { ...reject, run: async () => ToolGuardrailFunctionOutputFactory.throwException() };
    const stop = makeTool('look', () => 'secret', { outputGuardrails: [halt] });
    await run(new Agent({ name: 'A', model: scripted(calls('look'), says('x')), tools: [stop] }), 'hi').catch(
      () => undefined,
    );
    expect(seen.map(({ tripped, errored, rejected, toolErrors }) => [tripped, errored, rejected, toolErrors])).toEqual([
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [1, 0, 0, 0],
    ]);
  });
});

describe('handoffs', () => {
  const to = (name: string): string => `transfer_to_${name}`;

  test.each([
    ['whose target answers', [says('done')], 1, 1],
    ['that are handed straight back', [calls(to('A'), 'c2')], 2, 1],
    ['that are handed back after work', [calls('look', 'c2'), calls(to('A'), 'c3')], 2, 2],
  ])('%s', async (_, replies, made, good) => {
    const look = makeTool('look', () => 'x');
    const b: AnyAgent = new Agent({ name: 'B', model: scripted(...replies), tools: [look] }) as AnyAgent;
    const a = new Agent({ name: 'A', model: scripted(calls(to('B')), says('back')), handoffs: [handoff(b)] });
    b.handoffs = [a as AnyAgent];
    await run(a, 'hi');
    expect([only().handoffs, only().handoffsGood]).toEqual([made, good]);
  });

  test('a callback that fails is a failure; a run that a user cancels is left out', async () => {
    const b = new Agent({ name: 'B', model: scripted(says('x')) });
    const broken = handoff(b, {
      onHandoff: () => {
        throw new Error('no');
      },
    });
    await run(new Agent({ name: 'A', model: scripted(calls(to('B'))), handoffs: [broken] }), 'hi').catch(
      () => undefined,
    );
    expect([only().handoffs, only().handoffsGood]).toEqual([1, 0]);
    seen = [];
    const controller = new AbortController();
    const stop = makeTool('stop', () => controller.abort());
    const c = new Agent({ name: 'C', model: scripted(calls('stop', 'c2'), says('x')), tools: [stop] });
    const agent = new Agent({ name: 'A', model: scripted(calls(to('C'))), handoffs: [handoff(c)] });
    await run(agent, 'hi', { signal: controller.signal }).catch(() => undefined);
    expect(only()).toMatchObject({ status: 'cancelled', handoffs: 0 });
  });
});

describe('counted once', () => {
  const asks = (): AnyAgent =>
    new Agent({
      name: 'A',
      model: scripted(calls('pay'), says('paid')),
      tools: [makeTool('pay', () => 'ok', { needsApproval: true })],
    }) as AnyAgent;

  test('a pause is no end; what two resumes of one state come to is one observation', async () => {
    const paused = await run(asks(), 'hi');
    expect(seen).toEqual([]);
    expect(metrics.text()).toContain('baton_approvals_waiting 1');
    const text = paused.state.toString();
    for (let n = 0; n < 2; n++) {
      const agent = asks();
      agent.model = scripted(says('paid'));
      const state = await RunState.fromString(agent, text);
      for (const ask of state.getInterruptions()) state.approve(ask);
      await run(agent, state);
    }
    expect(seen.length).toBe(1);
    expect(seen[0]).toMatchObject({ turns: 2, approvals: 1, modelCalls: 2, inputTokens: 20 });
    // One run, one place in its log.
    expect(metrics.text()).toContain('baton_runs_total{agent="A",status="finished"} 1');
    expect(metrics.text()).toContain('baton_approvals_waiting 0');
  });

  test('a failed run that goes on is observed again, for its new part alone', async () => {
    const agent = new Agent({
      name: 'A',
      model: scripted(calls('look'), says('done')),
      tools: [makeTool('look', () => 'x')],
    });
    const error = await run(agent, 'hi', { maxTurns: 1 }).catch(
      (each: unknown) => each as { state: RunState<unknown, AnyAgent> },
    );
    await run(agent as AnyAgent, (error as { state: RunState<unknown, AnyAgent> }).state, { maxTurns: 5 });
    expect(seen.map(({ status, turns, toolCalls, nearMaxTurns }) => [status, turns, toolCalls, nearMaxTurns])).toEqual([
      ['failed', 1, 1, true],
      ['finished', 1, 0, false],
    ]);
    expect(seen[0]?.runId).toBe(seen[1]?.runId);
    expect(seen[0]?.seq).toBeLessThan(seen[1]?.seq ?? 0);
  });

  test("nothing of a fork's prefix counts", async () => {
    const agent = new Agent({
      name: 'A',
      model: scripted(calls('look'), says('done')),
      tools: [makeTool('look', () => 'x')],
    });
    const { state } = await run(agent, 'hi');
    const events = state.events as Committed[];
    const answered = events.findIndex(({ type }) => type === 'batch.closed') + 1;
    const copied = forkedEvents(events, 'copy', { of: 'r', at: answered, once: 'stub' });
    const rest = events.slice(events.findLastIndex((each) => each.type === 'effect.requested'));
    const recovered: RunEvent = { type: 'run.recovered' };
    const log = [...copied, recovered, ...rest];
    expect(observationsOf({ runId: 'copy', events: log }, { price })).toMatchObject([
      { runId: 'copy', turns: 1, toolCalls: 0, modelCalls: 1, nanoUsd: 1_000_000 },
    ]);
  });

  test('time is that of active segments: waits for people and downtime are left out', () => {
    const at = (ms: number, event: RunEvent): Committed => ({ ...event, at: ms });
    const events: Committed[] = [
      at(1_000, { type: 'run.started', runId: 'r', agent: 'A', input: 'hi', maxTurns: null }),
      at(3_000, { type: 'effect.requested', effect: { do: 'call_model', id: 'm1', k: 1 } }),
      // Lost after 2 s, taken up an hour later.
      at(3_603_000, { type: 'run.recovered' }),
      at(3_607_000, { type: 'run.paused' }),
      at(9_000_000, { type: 'approval.decided', tool: 't', approved: true }),
      { type: 'run.resumed', maxTurns: null },
      at(9_001_000, { type: 'run.finished' }),
    ];
    const found = observationOf({ runId: 'r', events });
    expect(found).toMatchObject({ activeMs: 2_000 + 4_000 + 1_000, wallMs: 9_000_000, approvalWaitMs: 5_393_000 });
  });
});
