/** Traces in memory: spans of runs that are derived when they are asked for, beside those of user code. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import { run } from '../run/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { nameOf } from './collector.fixture.ts';
import {
  getCurrentSpan,
  MemoryTraceProcessor,
  setTraceProcessors,
  setTracingDisabled,
  type Span,
  withCustomSpan,
} from './index.ts';

const parameters = { type: 'object', properties: {}, required: [], additionalProperties: true } as const;

let memory: MemoryTraceProcessor;
beforeEach(() => use(new MemoryTraceProcessor()));
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
});

function use(processor: MemoryTraceProcessor): void {
  memory = processor;
  setTraceProcessors([memory]);
  setTracingDisabled(false);
}

function caller(execute: () => unknown, args: Record<string, unknown> = {}): Agent {
  const look = tool({ name: 'look', description: '', parameters, strict: false, execute });
  const model = new ScriptedModel([[functionCall('look', args, { callId: 'c1' })], [assistantMessage('done')]]);
  return new Agent({ name: 'A', model, tools: [look] });
}

/** `name under name`. */
function tree(spans: readonly Span[]): string[] {
  const names = new Map(spans.map(({ spanId, spanData }) => [spanId, nameOf(spanData)]));
  return spans.map(({ parentId, spanData }) => `${nameOf(spanData)} under ${names.get(parentId ?? '') ?? ''}`);
}

test('a run has its whole tree, with what user code did in it, while it goes on and when it is over', async () => {
  let within: string[] = [];
  let place: string | undefined;
  const agent = caller(() =>
    withCustomSpan(
      async () => {
        within = tree(memory.spans());
        place = getCurrentSpan()?.spanData.type;
        return 'seen';
      },
      { data: { name: 'mine' } },
    ),
  );
  const { state } = await run(agent, 'hi');
  const whole = [
    'task under ',
    'agent A under task',
    'turn 1 under agent A',
    'generation under turn 1',
    'function look under turn 1',
    'custom mine under function look',
  ];
  expect(within.toSorted()).toEqual(whole.toSorted());
  expect(place).toBe('custom');
  const spans = memory.spans();
  expect(tree(spans).toSorted()).toEqual([...whole, 'turn 2 under agent A', 'generation under turn 2'].toSorted());
  expect(spans.filter(({ endedAt }) => endedAt === null)).toEqual([]);
  expect(spans.find(({ spanData }) => spanData.type === 'task')?.details).toMatchObject({ outcome: 'finished' });
  expect(memory.spans({ traceId: state.events.length > 0 ? (spans[0]?.traceId ?? '') : '' })).toHaveLength(8);
  expect(memory.spans({ traceId: 'trace_other' })).toEqual([]);
});

test('secrets are in nothing that is handed out, unless that is asked for', async () => {
  const key = 'sk-abcdefghijklmnop1234';
  const go = async (): Promise<void> => {
    const agent = caller(
      () => withCustomSpan(async () => `it is ${key}`, { data: { name: key, data: { password: 'hunter2secret' } } }),
      { token: 'hunter2secret' },
    );
    await run(agent, `my key is ${key}`);
  };
  await go();
  expect(JSON.stringify(memory.spans().map(({ spanData, details, error }) => [spanData, details, error]))).not.toMatch(
    /abcdefghijklmnop|hunter2/,
  );
  use(new MemoryTraceProcessor({ redact: false }));
  await go();
  expect(JSON.stringify(memory.spans().map(({ spanData }) => spanData))).toContain(key);
});

test('what is kept is bounded: the oldest runs go first, and none is kept in part', async () => {
  use(new MemoryTraceProcessor({ maxEntries: 60 }));
  for (let n = 0; n < 10; n++)
    await run(
      caller(() => 'seen'),
      `question ${n}`,
    );
  const inputs = memory
    .spans()
    .flatMap(({ spanData }) => (spanData.type === 'generation' ? [JSON.stringify(spanData.input?.[0])] : []));
  expect(new Set(inputs).size).toBeLessThan(6);
  expect(inputs.at(-1)).toContain('question 9');
  expect(memory.spans().filter(({ spanData }) => spanData.type === 'task')).toHaveLength(new Set(inputs).size);
  memory.clear();
  expect(memory.spans()).toEqual([]);
  expect(() => new MemoryTraceProcessor({ maxEntries: 0 })).toThrow(/maxEntries.*Got 0/);
});
