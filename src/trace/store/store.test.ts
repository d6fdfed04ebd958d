/** Runs in a store beside a collector: the store has what a processor is told, once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../../agent/index.ts';
import type { ModelRequest, ModelResponse } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { run, Runner, RunState } from '../../run/index.ts';
import { assistantMessage, functionCall, modelError, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { fakeClock } from '../clock.fixture.ts';
import { Collector } from '../collector.fixture.ts';
import {
  setTraceProcessors,
  setTracingDisabled,
  withCustomSpan,
  withGenerationSpan,
  withGuardrailSpan,
  withMCPListToolsSpan,
  withSpeechGroupSpan,
  withTrace,
  withTurnSpan,
} from '../index.ts';
import {
  type KeepsSegments,
  KEEPS_SEGMENTS,
  type KeptSegment,
  type SegmentKeeper,
  SegmentReader,
} from '../segment-log.ts';
import { openTraceStore, type StoredTrace, type TraceStore, TraceStoreProcessor } from './index.ts';

const LONG = { timeout: 60_000 };
const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;

let dir = '';
let path = '';
let collector: Collector;
let processor: TraceStoreProcessor;
let open: TraceStore | undefined;

/** Beside a store that keeps segments: derives their spans when they are over. */
class Deriving extends Collector implements KeepsSegments {
  [KEEPS_SEGMENTS](kept: KeptSegment): SegmentKeeper {
    const reader = new SegmentReader(kept, this);
    const over = (): void => kept.entries.forEach((entry) => reader.read(entry));
    return { heard: () => undefined, sent: () => undefined, over };
  }
}

/** Where somebody listens to spans the store is told of them; else it keeps events and derives them. */
describe.each(['told of spans', 'keeping segments'])('%s', (mode) => {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'baton-traces-'));
    path = join(dir, 'traces.db');
    collector = mode === 'told of spans' ? new Collector() : new Deriving();
    processor = new TraceStoreProcessor({ path, flushMs: 60_000 });
    setTraceProcessors([collector, processor]);
    setTracingDisabled(false);
  });
  afterEach(async () => {
    setTraceProcessors([]);
    setTracingDisabled(true);
    await processor.shutdown();
    await open?.close();
    open = undefined;
    rmSync(dir, { recursive: true, force: true });
  });

  async function store(): Promise<TraceStore> {
    await processor.forceFlush();
    return (open ??= await openTraceStore({ path }));
  }

  async function traceOf(id: string): Promise<StoredTrace> {
    const found = await (await store()).trace(id);
    if (!found) throw new Error(`no trace ${id}`);
    return found;
  }

  /** An agent that calls `name` and then says it is done. */
  function caller(name: string, execute: () => unknown, more: object = {}): AnyAgent {
    const model = new ScriptedModel([[functionCall(name, {}, { callId: 'c1' })], [assistantMessage('done')]]);
    const tools = [tool({ name, description: '', parameters: NOTHING, strict: false, execute, ...more })];
    return new Agent({ name: 'A', model, tools }) as AnyAgent;
  }

  /** Id, parent, kind and times, as a collector or the store has them. */
  const shapes = (spans: readonly { spanId: string; parentId?: string | null | undefined }[]): unknown[] =>
    spans.map(({ spanId, parentId }) => `${spanId} under ${parentId ?? 'nothing'}`).toSorted();

  test('a run that pauses and goes on is one trace, with the spans that processors were told of', async () => {
    const first = await run(
      caller('pay', () => 'paid', { needsApproval: true }),
      'hi',
    );
    const { traceId } = collector.traces[0] ?? {};
    expect((await traceOf(traceId ?? '')).runs).toMatchObject([
      { status: 'paused', segments: 1, endedAt: expect.any(Number) },
    ]);
    const copy = caller('pay', () => 'paid', { needsApproval: true });
    copy.model = new ScriptedModel([[assistantMessage('done')]]);
    const state = await RunState.fromString(copy, first.state.toString());
    for (const ask of state.getInterruptions()) state.approve(ask);
    await run(copy, state);

    const trace = await traceOf(traceId ?? '');
    expect(trace.runs).toMatchObject([{ status: 'finished', segments: 2, turns: 2, toolCalls: 1 }]);
    expect(shapes(trace.spans)).toEqual(shapes(collector.spans));
    const calls = trace.spans.filter(({ type }) => type === 'generation');
    expect(calls[1]?.content['input']).toMatchObject([{ content: 'hi' }, { name: 'pay' }, { name: 'pay' }]);
  });

  test('a sub-agent is a run under its caller, who pays for it; so is a run that a tool begins', async () => {
    const usage = new Usage({ requests: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 });
    const answer = (text: string): ModelResponse => ({ usage, output: [assistantMessage(text)] });
    const writer = new Agent({ name: 'Writer', model: new ScriptedModel([answer('poem')]) });
    const inner = new Agent({ name: 'Inner', model: new ScriptedModel([answer('seen')]) });
    const look = tool({
      name: 'look',
      description: '',
      parameters: NOTHING,
      strict: false,
      execute: () => withCustomSpan(async () => (await run(inner, 'look')).finalOutput, { data: { name: 'mine' } }),
    });
    const model = new ScriptedModel([
      [functionCall('write', { input: 'x' }, { callId: 'c1' }), functionCall('look', {}, { callId: 'c2' })],
      answer('done'),
    ]);
    await run(new Agent({ name: 'Boss', model, tools: [writer.asTool({ toolName: 'write' }), look] }), 'hi');

    const [root] = await (await store()).runs();
    expect(root).toMatchObject({ agent: 'Boss', turns: 2, modelCalls: 4, inputTokens: 30, outputTokens: 15 });
    const { runs, spans } = await traceOf(root?.runId ?? '');
    expect(
      runs.map(({ agent, parentRunId, turns }) => `${agent ?? ''} ${turns} ${parentRunId ?? ''}`).toSorted(),
    ).toEqual(['Boss 2 ', `Inner 1 ${root?.runId ?? ''}`, `Writer 1 ${root?.runId ?? ''}`]);
    expect(spans.find(({ name }) => name === 'mine')).toMatchObject({ type: 'custom', runId: root?.runId });
    expect(await (await store()).usage()).toMatchObject([
      { agent: 'Boss', calls: 2, inputTokens: 10 },
      { agent: 'Inner', calls: 1, inputTokens: 10 },
      { agent: 'Writer', calls: 1, inputTokens: 10 },
    ]);
  });

  test('sub-agents of a sub-agent end first, and are under it all the same; each run ends', async () => {
    const usage = new Usage({ requests: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 });
    class Later extends ScriptedModel {
      override async getResponse(request: ModelRequest): Promise<ModelResponse> {
        // A sub-agent begins at another millisecond than its caller.
        const begun = Date.now();
        while (Date.now() === begun) await sleep(1);
        return super.getResponse(request);
      }
    }
    const over = (name: string, below: AnyAgent | undefined): AnyAgent => {
      const answer: ModelResponse = { usage, output: [assistantMessage(name)] };
      const call: ModelResponse = { usage, output: [functionCall('ask', { input: 'x' }, { callId: name })] };
      const model = new Later(below ? [call, answer] : [answer]);
      return new Agent({ name, model, tools: below ? [below.asTool({ toolName: 'ask' })] : [] }) as unknown as AnyAgent;
    };
    await run(over('Top', over('Middle', over('Bottom', undefined))), 'hi');

    const roots = await (await store()).runs();
    expect(roots).toMatchObject([{ agent: 'Top', status: 'finished', modelCalls: 5, inputTokens: 50 }]);
    const { runs } = await traceOf(roots[0]?.runId ?? '');
    expect(runs.map(({ agent, status, inputTokens }) => [agent, status, inputTokens])).toEqual([
      ['Top', 'finished', 50],
      ['Middle', 'finished', 30],
      ['Bottom', 'finished', 10],
    ]);
    expect(runs.map(({ parentRunId }) => parentRunId)).toEqual([undefined, runs[0]?.runId, runs[1]?.runId]);
  });

  test('a span in the store says what the span said, but for what stands beside it', async () => {
    const details = { cached_tokens: 2, reasoning_tokens: 1 };
    const usage = new Usage({
      requests: 1,
      inputTokens: 10,
      outputTokens: 5,
      totalTokens: 15,
      inputTokensDetails: details,
    });
    const steps = [functionCall('go', {}, { callId: 'c1' }), assistantMessage('done')];
    const model = new ScriptedModel(steps.map((item): ModelResponse => ({ usage, output: [item] })));
    const go = tool({ name: 'go', description: '', parameters: NOTHING, strict: false, execute: () => 'gone' });
    const agent = new Agent({ name: 'A', model, tools: [go], modelSettings: { temperature: 0, maxTokens: 100 } });
    await withTrace('mine', async () => {
      await run(agent, 'hi');
      await withGenerationSpan(async () => undefined, { data: { model: 'm', usage: { input_tokens: 1, extra: [1] } } });
      await withTurnSpan(async () => undefined, { data: { turn: 1, agent_name: 'Else' } });
      await withGuardrailSpan(async () => undefined, { data: { name: 'g', triggered: true } });
      await withMCPListToolsSpan(async () => undefined, { data: { server: 's', result: ['a', 'b'] } });
      await withSpeechGroupSpan(async () => undefined, { data: { input: 'said' } });
    });
    const trace = await traceOf(collector.traces[0]?.traceId ?? '');
    expect(trace.spans).toHaveLength(collector.spans.length);
    for (const { spanId, spanData, details: known } of collector.spans) {
      const stored = trace.spans.find((one) => one.spanId === spanId);
      const { type, ...said } = JSON.parse(JSON.stringify(spanData)) as Record<string, unknown>;
      const { instructions: _, ...facts } = known ?? {};
      const content = Object.entries(stored?.content ?? {}).filter(([key]) => key !== 'instructions');
      // What was said in a custom span is its data.
      expect({ ...stored?.data, ...Object.fromEntries(content) }).toEqual(said);
      expect([stored?.type, stored?.details]).toEqual([type, known && facts]);
    }
  });

  test('a run that is under way is there as far as it is, and whole when it is over', async () => {
    let seen: StoredTrace | undefined;
    const agent = caller('look', async () => {
      seen = await traceOf((await (await store()).runs())[0]?.runId ?? '');
      return 'seen';
    });
    await run(agent, 'hi');
    expect(seen?.runs).toMatchObject([{ status: 'running', agent: 'A' }]);
    const drawn = (trace: StoredTrace | undefined): string[] =>
      trace?.spans.map(({ type, isOpen }) => `${type} ${isOpen ? 'open' : 'ended'}`) ?? [];
    expect(drawn(seen)).toEqual(['task open', 'agent open', 'turn open', 'generation ended', 'function open']);
    const trace = await traceOf(seen?.traceId ?? '');
    expect(trace.runs).toMatchObject([{ status: 'finished', turns: 2, toolCalls: 1, segments: 1 }]);
    expect(shapes(trace.spans)).toEqual(shapes(collector.spans));
    expect(trace.spans.filter(({ isOpen }) => isOpen)).toEqual([]);
  });

  test('a failed run says why; runs are found by status, agent, and page by page', async () => {
    const broken = new Agent({ name: 'Broken', model: new ScriptedModel([]) });
    await expect(run(broken, 'hi')).rejects.toThrow();
    for (let n = 0; n < 5; n++)
      await run(
        caller('go', () => 'gone'),
        'hi',
      );
    const found = await store();
    expect(await found.runs({ status: 'failed' })).toMatchObject([
      { agent: 'Broken', error: expect.stringMatching(/./) },
    ]);
    expect(await found.runs({ agent: 'A' })).toHaveLength(5);
    const first = await found.runs({ limit: 4 });
    const rest = await found.runs({ limit: 4, before: first.at(-1)?.key ?? 0 });
    expect([...first, ...rest].map(({ agent }) => agent)).toEqual(['A', 'A', 'A', 'A', 'A', 'Broken']);
    expect(await found.runs({ since: Date.now() + 1000 })).toEqual([]);
    await expect(found.runs({ until: Number.NaN })).rejects.toThrow('until is NaN. Give a number');
    // A filter may come from a request.
    const said = { tenant: 'other', do: 'usage' };
    expect(await found.runs({ ...said, limit: 1 })).toMatchObject([{ agent: 'A' }]);
  });

  test('what was said is stored once a trace, however many turns repeat it', async () => {
    const steps = Array.from({ length: 20 }, (_, n) => [functionCall('go', {}, { callId: `c${n}` })]);
    const model = new ScriptedModel([...steps, [assistantMessage('done')]]);
    const go = tool({
      name: 'go',
      description: '',
      parameters: NOTHING,
      strict: false,
      execute: () => 'y'.repeat(100),
    });
    await run(new Agent({ name: 'A', model, tools: [go] }), `a long question ${'x'.repeat(50_000)}`, { maxTurns: 30 });
    await processor.shutdown();
    const db = new DatabaseSync(path);
    const [row] = db
      .prepare("SELECT count(*) AS n FROM baton_trace_parts WHERE concat(text, said) LIKE '%a long question%'")
      .all();
    db.close();
    expect(row?.['n']).toBe(1);
  });

  test('without content nothing that was said is in the file', async () => {
    const agent = caller('go', () => 'a secret result');
    await new Runner({ traceIncludeSensitiveData: false }).run(agent, 'a secret question');
    await processor.shutdown();
    expect(readFileSync(path, 'latin1')).not.toContain('secret');
  });

  test('data of user code that JSON has no word for is stored as far as it goes, and disturbs nothing', async () => {
    const cycle: Record<string, unknown> = { big: 12n, when: 'now', run: () => 1 };
    cycle['self'] = cycle;
    await withTrace('mine', async () => {
      await withCustomSpan(async () => undefined, { data: { name: 'odd', data: cycle } });
      await run(
        caller('go', () => 'gone'),
        [{ type: 'message', role: 'user', content: 'hi' }],
      );
    });
    const trace = await traceOf(collector.traces[0]?.traceId ?? '');
    expect(trace).toMatchObject({ workflow: 'mine', runs: [{ status: 'finished', workflow: 'mine' }] });
    expect(trace.spans.find(({ name }) => name === 'odd')?.content).toMatchObject({ data: { big: '12', when: 'now' } });
    expect(processor.dropped).toBe(0);
  });

  test('planted secrets are in none of the files, whatever they were part of', async () => {
    const literal = 'correct-horse-battery';
    const key = 'sk-abcdefghijklmnop1234';
    const planted = [literal, key, 'hunter2secret'];
    await processor.shutdown();
    processor = new TraceStoreProcessor({
      path,
      redact: { literals: [literal], fields: ['ssn'], patterns: [/acct-\d+/] },
    });
    setTraceProcessors([processor]);
    const model = new ScriptedModel([
      [functionCall('go', { token: 'hunter2secret', note: literal, account: 'acct-778899' }, { callId: 'c1' })],
      [functionCall('go', { headers: `Authorization: Bearer ${key}` }, { callId: 'c2' })],
      [assistantMessage(`it was ${literal}`)],
    ]);
    const go = tool({
      name: 'go',
      description: '',
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
      strict: false,
      execute: () => {
        throw new Error(`no entry with ${key} ssn: 123-45-6789`);
      },
    });
    const agent = new Agent({ name: 'A', model, tools: [go], instructions: `password: hunter2secret` });
    const runner = new Runner({ traceMetadata: { apiKey: key, note: literal }, groupId: literal });
    await runner.run(agent, `my password is "${literal}" and {"ssn":"123-45-6789"}`);
    await expect(
      new Runner({}).run(
        new Agent({ name: 'B', model: new ScriptedModel([modelError(new Error(`denied ${key} ${literal}`))]) }),
        'x',
      ),
    ).rejects.toThrow();
    await withTrace(`trace ${literal}`, () =>
      withCustomSpan(async () => undefined, {
        data: { name: `span ${key}`, data: { deep: [{ password: 'hunter2secret' }] } },
      }),
    );
    await processor.forceFlush();
    const files = readdirSync(dir);
    expect(files).toContain('traces.db-wal');
    for (const file of files) {
      const bytes = readFileSync(join(dir, file), 'latin1');
      for (const secret of [...planted, 'acct-778899', '123-45-6789']) {
        expect([file, secret, bytes.includes(secret)]).toEqual([file, secret, false]);
      }
    }
    expect(await (await store()).runs()).toHaveLength(2);
  });

  test(
    'what is old goes by itself, also where nothing is written any more: what was said, then runs',
    LONG,
    async () => {
      await processor.shutdown();
      const [hour, day] = [3_600_000, 86_400_000];
      const clock = fakeClock(Date.now());
      processor = new TraceStoreProcessor({ path, flushMs: 60_000 }, clock);
      setTraceProcessors([processor]);
      for (let n = 0; n < 150; n++)
        await run(new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('Hi.')]]) }), 'hi');
      const found = await store();
      const left = async (ms: number): Promise<unknown[]> => {
        clock.advance(ms);
        await expect.poll(() => clock.waiting(), { timeout: 20_000 }).toEqual([hour]);
        const runs = await found.runs({ limit: 1000 });
        const first = runs[0] && (await found.trace(runs[0].runId));
        return [runs.length, first?.spans.some(({ content }) => Object.keys(content).length > 0)];
      };
      expect(await left(0)).toEqual([150, true]);
      expect(await left(6.9 * day)).toEqual([150, true]);
      expect(await left(0.2 * day)).toEqual([150, false]);
      expect(await left(23 * day)).toEqual([0, undefined]);
      expect(processor.dropped).toBe(0);
    },
  );

  test('a store that is not there is said kindly', async () => {
    await expect(openTraceStore({ path: join(dir, 'none.db') })).rejects.toMatchObject({
      code: 'trace-store/missing',
      message: expect.stringContaining(join(dir, 'none.db')),
    });
  });
});
