/** What runs leave in traces: segments, places, switches, secrets. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../agent/index.ts';
import { forkedEvents } from '../durable/fork.ts';
import { type Committed, fold, initialState } from '../kernel/index.ts';
import { run, Runner, RunState } from '../run/index.ts';
import { Journal, newRecord, stateOf } from '../run/record.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { RunContext, tool } from '../tools/index.ts';
import { Collector, nameOf } from './collector.fixture.ts';
import {
  getCurrentSpan,
  getCurrentTrace,
  type LoggedRun,
  NoopSpan,
  setTraceProcessors,
  setTracingDisabled,
  type SpanDetails,
  spansOf,
  withCustomSpan,
  withTrace,
} from './index.ts';
import { enableMetrics } from './metrics/index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;

let collector: Collector;
beforeEach(() => {
  collector = new Collector();
  setTraceProcessors([collector]);
  setTracingDisabled(false);
});
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
});

type Execute = () => unknown;
const makeTool = (name: string, execute: Execute, more: object = {}) =>
  tool({ name, description: '', parameters: NOTHING, strict: false, execute, ...more });

/** An agent that calls `name` and then says it is done. */
function caller(name: string, execute: Execute, more: object = {}): AnyAgent {
  const model = new ScriptedModel([[functionCall(name, {}, { callId: 'c1' })], [assistantMessage('done')]]);
  return new Agent({ name: 'A', model, tools: [makeTool(name, execute, more)] }) as AnyAgent;
}

const details = (name: string): (SpanDetails | undefined)[] => collector.named(name).map((span) => span.details);
const ids = (): string[] => collector.spans.map(({ spanId }) => spanId);

describe('segments', () => {
  test('a pause ends every span; a resume from a string goes on in the same trace, linked, with ids of its own', async () => {
    const agent = caller('pay', () => 'paid', { needsApproval: true });
    const first = await run(agent, 'hi');
    expect(collector.spans.filter(({ endedAt }) => endedAt === null)).toEqual([]);
    const text = first.state.toString();
    for (let n = 0; n < 2; n++) {
      const copy = caller('pay', () => 'paid', { needsApproval: true });
      copy.model = new ScriptedModel([[assistantMessage('done')]]);
      const state = await RunState.fromString(copy, text);
      for (const ask of state.getInterruptions()) state.approve(ask);
      await run(copy, state);
    }
    const tasks = collector.named('task');
    expect(tasks).toHaveLength(3);
    expect(new Set(tasks.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(ids()).size).toBe(ids().length);
    expect(new Set(details('task').map((each) => each?.segmentId)).size).toBe(3);
    const link = { traceId: tasks[0]?.traceId, spanId: tasks[0]?.spanId };
    expect(details('task').map((each) => [each?.outcome, each?.links])).toEqual([
      ['paused', undefined],
      ['finished', [link]],
      ['finished', [link]],
    ]);
    for (const pay of details('function pay')) expect(pay?.approvalWaitMs).toBeGreaterThanOrEqual(0);
    expect(collector.parentsOf('function pay')).toEqual(['turn 1', 'turn 1']);
  });

  test('a run that was lost at any point of its log goes on in its trace, and its lost part is told, interrupted', async () => {
    const whole = await run(
      caller('look', () => 'seen'),
      'hi',
    );
    const envelope = JSON.parse(whole.state.toString()) as { run: LoggedRun & { events: Committed[] } };
    const { events } = envelope.run;
    const before = collector.spans.map(({ spanId }) => spanId);
    for (let cut = 1; cut < events.length; cut++) {
      collector = new Collector();
      setTraceProcessors([collector]);
      const agent = caller('look', () => 'seen');
      const answered = events.slice(0, cut).filter(({ type }) => type === 'model.replied').length;
      const script = [[functionCall('look', {}, { callId: 'c1' })], [assistantMessage('done')]];
      agent.model = new ScriptedModel(script.slice(answered));
      const torn = { ...envelope, run: { ...envelope.run, events: events.slice(0, cut) } };
      const state = await RunState.fromString(agent, JSON.stringify(torn));
      await run(agent, state);
      const [lost, again] = details('task');
      expect([lost?.outcome, again?.outcome], `cut at ${cut}`).toEqual(['interrupted', 'finished']);
      expect(again?.links).toEqual([{ traceId: collector.spans[0]?.traceId, spanId: collector.spans[0]?.spanId }]);
      expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
      expect(collector.spans.filter(({ endedAt }) => endedAt === null)).toEqual([]);
      expect(new Set(ids()).size).toBe(ids().length);
      // What was told before the crash is told again under the same ids.
      const told = collector.spans.filter((span) => span.details?.segmentId === lost?.segmentId);
      expect(before).toEqual(expect.arrayContaining(told.map(({ spanId }) => spanId)));
    }
  });

  test('a run that is taken up from a snapshot within a lost segment stays in its trace, linked to that segment', async () => {
    const { state } = await run(
      caller('look', () => 'seen'),
      'hi',
    );
    const events = state.events as Committed[];
    const [task] = collector.named('task');
    collector = new Collector();
    setTraceProcessors([collector]);
    const agent = caller('look', () => 'seen');
    agent.model = new ScriptedModel([[assistantMessage('done')]]);
    const answered = events.findIndex(({ type }) => type === 'model.replied') + 2;
    const before = fold(events.slice(0, answered), initialState());
    const base = { at: answered, state: before, usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 } };
    const journal = new Journal(before.runId, events.slice(answered, answered + 1), [], base);
    const record = newRecord({ journal, root: agent, context: new RunContext({}), state: stateOf(journal) });
    await run(agent, new RunState(record));
    expect(
      collector.named('task').map(({ traceId, details: facts }) => [traceId, facts?.outcome, facts?.links]),
    ).toEqual([[task?.traceId, 'finished', [{ traceId: task?.traceId, spanId: task?.spanId }]]]);
    expect(collector.told.filter((line) => line.startsWith('ends'))).toHaveLength(collector.spans.length);
  });

  test('a fork has a trace of its own, linked to the task that it was forked from, and tells nothing of that again', async () => {
    const { state } = await run(
      caller('look', () => 'seen'),
      'hi',
    );
    const original = new Set(ids());
    const [task] = collector.named('task');
    collector = new Collector();
    setTraceProcessors([collector]);
    const agent = caller('look', () => 'seen');
    agent.model = new ScriptedModel([[assistantMessage('other')]]);
    const events = forkedEvents(state.events as Committed[], 'run_copy', {
      of: 'r',
      at: state.events.length - 4,
      once: 'run',
    });
    const journal = new Journal('run_copy', events);
    const record = newRecord({ journal, root: agent, context: new RunContext({}), state: stateOf(journal) });
    const copy = await run(agent, new RunState(record));
    expect(ids().filter((id) => original.has(id))).toEqual([]);
    expect(collector.spans[0]?.traceId).not.toBe(task?.traceId);
    expect(details('task')[0]?.links).toEqual([{ traceId: task?.traceId, spanId: task?.spanId }]);
    const stored = spansOf({ runId: 'run_copy', events: copy.state.events });
    expect(stored.map(({ spanId }) => spanId)).toEqual(ids());
  });

  test('a log of a run that nobody traced has spans, the same ones each time', async () => {
    setTraceProcessors([]);
    const { state } = await run(
      caller('look', () => 'seen'),
      'hi',
    );
    expect(JSON.stringify(state.events)).not.toContain('segment');
    const log = { runId: 'r', events: state.events };
    const spans = spansOf(log);
    expect(spans.map(({ spanData }) => nameOf(spanData))).toEqual([
      'task',
      'agent A',
      'turn 1',
      'generation',
      'function look',
      'turn 2',
      'generation',
    ]);
    expect(spansOf(log).map((span) => span.toJSON())).toEqual(spans.map((span) => span.toJSON()));
  });
});

test('a state has the spans of its sub-agents, also of those that are over: the newest hundred', async () => {
  const writer = new Agent({ name: 'Writer', model: new ScriptedModel([[assistantMessage('poem')]]) });
  const many = Array.from({ length: 120 }, () => [assistantMessage('line')]);
  const poet = new Agent({ name: 'Poet', model: new ScriptedModel(many) });
  const ask = (name: string, n: number) => functionCall(name, { input: 'x' }, { callId: `${name}${n}` });
  const boss = (...calls: ReturnType<typeof ask>[]): AnyAgent =>
    new Agent({
      name: 'Boss',
      model: new ScriptedModel([calls, [assistantMessage('done')]]),
      tools: [writer.asTool({ toolName: 'write' }), poet.asTool({ toolName: 'rhyme' })],
    }) as AnyAgent;
  const first = await run(boss(ask('write', 0), ask('rhyme', 0)), 'hi');
  const shapes = (spans: readonly Collector['spans'][number][]): string[] =>
    spans.map(({ spanId, parentId, startedAt, endedAt }) => JSON.stringify([spanId, parentId, startedAt, endedAt]));
  expect(shapes(spansOf(first.state)).toSorted()).toEqual(shapes(collector.spans).toSorted());
  expect(spansOf(first.state)).toHaveLength(8 + 2 * 4);
  const long = await run(boss(...Array.from({ length: 119 }, (_, n) => ask('rhyme', n))), 'hi');
  expect(long.state.children).toHaveLength(100);
  expect(JSON.parse(long.state.toString())).not.toMatchObject({ run: { children: expect.anything() } });
});

describe('places', () => {
  test('a tool finds the span of its call; what it opens and runs hangs from there', async () => {
    const inner = new Agent({ name: 'Inner', model: new ScriptedModel([[assistantMessage('in')]]) });
    const agent = caller('look', async () => {
      expect(getCurrentSpan()?.spanData).toMatchObject({ type: 'function', name: 'look' });
      await withCustomSpan(async () => run(inner, 'deep'), { data: { name: 'mine' } });
      return 'seen';
    });
    await run(agent, 'hi');
    expect(collector.parentsOf('custom mine')).toEqual(['function look']);
    expect(collector.parentsOf('task')).toEqual([null, 'custom mine']);
    expect(collector.traces).toHaveLength(1);
    expect(getCurrentTrace()).toBeNull();
  });

  test('a run inside withTrace takes its trace and the current span, ignores its own traceId, and never ends it', async () => {
    const agent = new Agent({
      name: 'A',
      model: new ScriptedModel([[assistantMessage('a')], [assistantMessage('b')]]),
    });
    const runner = new Runner({ traceId: `trace_${'0'.repeat(32)}`, workflowName: 'Mine' });
    await withTrace('Outer', async (trace) => {
      await withCustomSpan(async () => runner.run(agent, 'one'), { data: { name: 'step' } });
      await run(agent, 'two');
      expect(collector.spans.every(({ traceId }) => traceId === trace.traceId)).toBe(true);
      expect(collector.told).not.toContain('trace ends Outer');
    });
    expect(collector.parentsOf('task')).toEqual(['custom step', null]);
    expect(collector.told.filter((line) => line.startsWith('trace'))).toEqual([
      'trace starts Outer',
      'trace ends Outer',
    ]);
  });

  test('two runs at once find their own spans', async () => {
    const seen: unknown[] = [];
    const agent = (name: string): AnyAgent =>
      caller(name, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push([name, getCurrentSpan()?.spanData]);
        return name;
      });
    await Promise.all([run(agent('one'), 'hi'), run(agent('two'), 'hi')]);
    for (const [name, data] of seen as [string, object][]) expect(data).toMatchObject({ name });
    expect(collector.traces).toHaveLength(2);
  });
});

describe('what is in spans', () => {
  test('the configuration of a run names its trace', async () => {
    const agent = new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('hi')]]) });
    const traceId = `trace_${'a'.repeat(32)}`;
    const runner = new Runner({ workflowName: 'Refund', traceId, groupId: 'g1', traceMetadata: { user: 'u1' } });
    await runner.run(agent, 'hi', { tracing: { apiKey: 'sk-secret' } });
    const [trace] = collector.traces;
    expect(trace).toMatchObject({ traceId, name: 'Refund', groupId: 'g1', metadata: { user: 'u1' } });
    expect(trace?.tracingApiKey).toBe('sk-secret');
    expect(JSON.stringify([trace?.toJSON(), collector.spans.map((span) => span.toJSON())])).not.toContain('sk-secret');
    expect(collector.spans[0]?.traceMetadata).toEqual({ user: 'u1' });
  });

  test('without content no span holds what was said, thrown or instructed; stored logs keep to it', async () => {
    const secret = 'PLANTED';
    const model = new ScriptedModel([
      [functionCall('look', { q: secret }, { callId: 'c1' }), functionCall('fail', { q: secret }, { callId: 'c2' })],
    ]);
    const fail = makeTool('fail', () => Promise.reject(new Error(secret)), { errorFunction: null });
    const tools = [makeTool('look', () => secret), fail];
    const agent = new Agent({ name: 'A', instructions: secret, model, tools });
    const runner = new Runner({ traceIncludeSensitiveData: false });
    const error: unknown = await runner.run(agent, secret).catch((thrown: unknown) => thrown);
    const all = (spans: readonly unknown[]): string => JSON.stringify(spans);
    const live = collector.spans.map(({ spanData, error: said, details: facts }) => ({ spanData, said, facts }));
    expect(live.length).toBeGreaterThan(4);
    expect(all(live)).not.toContain(secret);
    expect(all(live)).toContain('ToolCallError');
    const events = (error as { state: { events: Committed[] } }).state.events;
    const stored = spansOf({ runId: 'r', events }).map((span) => [span.spanData, span.error, span.details]);
    expect(stored).toHaveLength(live.length);
    expect(all(stored)).not.toContain(secret);
  });

  test('additions are beside the span data, never in toJSON', async () => {
    await run(
      caller('look', () => 'seen'),
      'hi',
    );
    const [call] = collector.named('generation');
    expect(call?.details).toMatchObject({ effectId: 'm1', agent: 'A', usage: { totalTokens: 0 } });
    expect(details('function look')[0]).toMatchObject({ callId: 'c1', toolKind: 'function', toolOutcome: 'ok' });
    for (const span of collector.spans) {
      expect(JSON.stringify(span.toJSON())).not.toMatch(/runId|segmentId|effectId|toolKind/);
    }
  });

  test('without tasks and turns, agents hang from the trace and calls from agents', async () => {
    const agent = caller('look', () => 'seen');
    await new Runner({ tracing: { includeTaskAndTurnSpans: false } }).run(agent, 'hi');
    expect(collector.spans.map(({ spanData }) => nameOf(spanData))).toEqual([
      'agent A',
      'generation',
      'function look',
      'generation',
    ]);
    expect(collector.parentsOf('agent A')).toEqual([null]);
    expect(collector.parentsOf('function look')).toEqual(['agent A']);
  });
});

test('a stored state whose segment is nonsense runs all the same', async () => {
  const agent = caller('pay', () => 'paid', { needsApproval: true });
  const { state } = await run(agent, 'hi');
  const text = state.toString().replace(/"trace":\{[^}]*\}/, '"trace":7');
  expect(text).toContain('"trace":7');
  const again = await RunState.fromString(agent, text);
  for (const ask of again.getInterruptions()) again.approve(ask);
  expect((await run(agent, again)).finalOutput).toBe('done');
});

describe('off', () => {
  test.each([
    ['tracing is disabled', () => setTracingDisabled(true), {}],
    ['the run says so', () => undefined, { tracingDisabled: true }],
    ['there is no processor', () => setTraceProcessors([]), {}],
  ])('nothing is told and nothing recorded where %s', async (_, prepare, config) => {
    prepare();
    let inTool: unknown = 'not called';
    const agent = caller('look', () => (inTool = getCurrentSpan()));
    const { state } = await new Runner(config).run(agent, 'hi');
    expect(collector.spans).toEqual([]);
    expect(collector.traces).toEqual([]);
    expect(inTool).toBeNull();
    expect(JSON.stringify(state.events)).not.toContain('segment');
  });

  test.each([{ metered: false }, { metered: true }])(
    'user code of an untraced run, and of its sub-agents, is in no trace around it: %o',
    async ({ metered }) => {
      const metrics = metered ? enableMetrics({ alerts: false }) : undefined;
      const secret = (): Promise<boolean> =>
        withCustomSpan(async () => getCurrentSpan() instanceof NoopSpan, { data: { name: 'secret' } });
      const inner = caller('inside', secret).asTool({ toolName: 'ask', toolDescription: '' });
      const agent = caller('ask', () => '');
      agent.tools = [inner];
      await withTrace('around', async () => {
        await new Runner({ tracingDisabled: true }).run(caller('alone', secret), 'hi');
        await new Runner({ tracingDisabled: true }).run(agent, 'hi');
        await withCustomSpan(async () => undefined, { data: { name: 'after' } });
      });
      metrics?.close();
      expect(collector.spans.map(({ spanData }) => nameOf(spanData))).toEqual(['custom after']);
    },
  );

  test('a processor that throws disturbs no run', async () => {
    const broken = new Collector();
    broken.onSpanStart = () => {
      throw new Error('broken');
    };
    broken.onSpanEnd = () => Promise.reject(new Error('broken too'));
    setTraceProcessors([broken, collector]);
    const result = await run(
      caller('look', () => 'seen'),
      'hi',
    );
    expect(result.finalOutput).toBe('done');
    expect(collector.named('function look')).toHaveLength(1);
  });
});

test('a clock that is set back makes no span that ends before it starts, nor one that outlives what it is in', async () => {
  const agent = caller('pay', () => 'paid');
  const { state } = await run(agent, 'hi');
  // As they were committed: with their times.
  const committed: readonly Committed[] = state.events;
  const first = committed[0]?.at ?? 0;
  // An hour back after a third of the log.
  const events = committed.map((event, n): Committed =>
    event.at === undefined ? event : { ...event, at: first + n - (n > committed.length / 3 ? 3_600_000 : 0) },
  );
  const spans = spansOf({ runId: 'r', events });
  expect(spans.length).toBeGreaterThan(4);
  const time = (iso: string | null | undefined): number => Date.parse(iso ?? '');
  for (const span of spans) {
    expect(time(span.endedAt)).toBeGreaterThanOrEqual(time(span.startedAt));
    const above = spans.find(({ spanId }) => spanId === span.parentId);
    if (above) expect(time(above.endedAt)).toBeGreaterThanOrEqual(time(span.endedAt));
  }
});
