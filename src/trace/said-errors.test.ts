/** What user code says went wrong in a span of the run itself: whoever keeps it says the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import { run } from '../run/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { Collector, nameOf } from './collector.fixture.ts';
import {
  getCurrentSpan,
  MemoryTraceProcessor,
  setTraceProcessors,
  setTracingDisabled,
  type Span,
  type SpanError,
  type TracingProcessor,
  withCustomSpan,
} from './index.ts';
import { openTraceStore, TraceStoreProcessor } from './store/index.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
type Said = Record<string, unknown>;
type Shown = Pick<Span, 'spanData' | 'error'>;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-said-'));
});
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
  rmSync(dir, { recursive: true, force: true });
});

/** A run of two calls, the first of which does `work`; its input is checked. */
async function work(execute: () => unknown): Promise<void> {
  const tools = [execute, () => 'fine'].map((each, n) =>
    tool({ name: `tool${n}`, description: '', parameters: NOTHING, strict: false, execute: each }),
  );
  const calls = ['tool0', 'tool1'].map((name, n) => [functionCall(name, {}, { callId: `c${n}` })]);
  const model = new ScriptedModel([...calls, [assistantMessage('done')]]);
  const check = async (): Promise<{ tripwireTriggered: boolean; outputInfo: object }> => {
    getCurrentSpan()?.setError({ message: 'said by a check' });
    return { tripwireTriggered: false, outputInfo: {} };
  };
  await run(new Agent({ name: 'A', model, tools, inputGuardrails: [{ name: 'check', execute: check }] }), 'hi');
}

async function traced(processor: TracingProcessor, execute: () => unknown): Promise<void> {
  setTracingDisabled(false);
  setTraceProcessors([processor]);
  await work(execute);
}

const errorsOf = (spans: readonly Shown[]): Said =>
  Object.fromEntries(spans.flatMap(({ spanData, error }) => (error ? [[nameOf(spanData), error]] : [])));

/** By a processor that is told of spans, by one in memory, and by the file. */
async function everywhere(execute: () => unknown): Promise<Said[]> {
  const told = new Collector();
  await traced(told, execute);
  const memory = new MemoryTraceProcessor({ redact: false });
  await traced(memory, execute);
  const path = join(dir, 'traces.db');
  const processor = new TraceStoreProcessor({ path, redact: false });
  await traced(processor, execute);
  await processor.shutdown();
  const store = await openTraceStore({ path });
  const [only] = await store.runs();
  const trace = await store.trace(only?.runId ?? '');
  await store.close();
  const stored = (trace?.spans ?? []).flatMap(({ type, name, error }) =>
    error ? [[['turn', 'task', 'generation'].includes(type) ? name : `${type} ${name}`, error]] : [],
  );
  return [errorsOf(told.spans), errorsOf(memory.spans()), Object.fromEntries(stored)];
}

const failed = { message: 'half of it', data: { left: 2 } };
const CHECKED = { 'guardrail check': { message: 'said by a check' } };
let kept: Span | null = null;

test.each<[string, () => unknown, Said]>([
  ['in a tool that goes on', () => (getCurrentSpan()?.setError(failed), 'ok'), { 'function tool0': failed }],
  [
    'twice, of which the last word counts',
    () => {
      getCurrentSpan()?.setError({ message: 'first' });
      getCurrentSpan()?.setError(failed);
      return 'ok';
    },
    { 'function tool0': failed },
  ],
  [
    'from within a span of its own',
    async () => {
      const span = getCurrentSpan();
      return withCustomSpan(async () => (span?.setError(failed), 'ok'), { data: { name: 'mine' } });
    },
    { 'function tool0': failed },
  ],
  [
    'before the tool fails, which has the last word',
    () => {
      getCurrentSpan()?.setError(failed);
      throw new Error('no');
    },
    {},
  ],
])('an error is there that is said %s', async (_, execute, expected) => {
  const [told, ...others] = await everywhere(execute);
  expect(told).toMatchObject({ ...CHECKED, ...expected });
  for (const other of others) expect(other).toEqual(told);
});

test.each<[string, unknown, unknown]>([
  ['an Error', new Error('boom'), { message: 'boom' }],
  ['a text', 'boom', { message: 'boom' }],
  ['null', null, undefined],
])('%s is told as its message', async (_, given, expected) => {
  const [told, ...others] = await everywhere(() => {
    getCurrentSpan()?.setError(given as SpanError);
    return 'ok';
  });
  expect(told?.['function tool0']).toEqual(expected);
  for (const other of others) expect(other).toEqual(told);
});

test('what is said of a span that has ended changes nothing that is kept', async () => {
  const memory = new MemoryTraceProcessor();
  setTracingDisabled(false);
  setTraceProcessors([memory]);
  await work(() => ((kept = getCurrentSpan()), 'ok'));
  kept?.setError(failed);
  expect(errorsOf(memory.spans())).toEqual(CHECKED);
});

test('it loses its secrets and not its span where everything is redacted', async () => {
  const path = join(dir, 'traces.db');
  const processor = new TraceStoreProcessor({ path, redact: { patterns: [/span_[0-9a-f]+/, /hunter\d/] } });
  await traced(processor, () => (getCurrentSpan()?.setError({ message: 'no hunter2', data: { password: 'x' } }), 'ok'));
  await processor.shutdown();
  const store = await openTraceStore({ path });
  const [only] = await store.runs();
  const trace = await store.trace(only?.runId ?? '');
  await store.close();
  expect(trace?.spans.find(({ name }) => name === 'tool0')?.error).toEqual({
    message: 'no [redacted]',
    data: { password: '[redacted]' },
  });
});

test('what JSON has no word for does not cost the run its trace', async () => {
  const cyclic: Record<string, unknown> = { bytes: new Uint8Array(1000), n: 1n };
  cyclic['self'] = cyclic;
  const path = join(dir, 'traces.db');
  const processor = new TraceStoreProcessor({ path });
  await traced(processor, () => (getCurrentSpan()?.setError({ message: 'odd', data: cyclic }), 'ok'));
  await processor.shutdown();
  expect(processor.dropped).toBe(0);
  const store = await openTraceStore({ path });
  const [only] = await store.runs();
  const trace = await store.trace(only?.runId ?? '');
  await store.close();
  expect(trace?.spans.find(({ name }) => name === 'tool0')?.error).toMatchObject({ message: 'odd' });
  expect(trace?.spans).toHaveLength(11);
});
