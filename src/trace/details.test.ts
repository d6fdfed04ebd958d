/** What spans know beside their data: cost, first token, retries, fallbacks, approvals, sessions, waiting in line. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import { createPrices, createRouter } from '../model/index.ts';
import { failure, FakeModel } from '../model/router/router.fixture.ts';
import { run, RunState } from '../run/index.ts';
import { MemorySession } from '../session/index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import type { Committed } from '../kernel/index.ts';
import { Collector } from './collector.fixture.ts';
import { setTraceProcessors, setTracingDisabled, spansOf } from './index.ts';
import type { SpanDetails } from './types.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const PATIENT = { timeout: 30_000 };
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

const detailsOf = (kind: string): (SpanDetails | undefined)[] => collector.named(kind).map(({ details }) => details);
/** Opens when it is told to. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

test('a call that waits for a place at its target says for how long; the log tells the same', PATIENT, async () => {
  const { opened, open } = gate();
  const busy = new FakeModel('small', { wait: opened });
  const events: string[] = [];
  const models = createRouter({
    models: { main: { model: busy, maxConcurrent: 1 } },
    onEvent: ({ type }) => void events.push(type),
  });
  const agent = new Agent({ name: 'A', model: models('main') });
  const first = run(agent, 'one');
  await expect.poll(() => busy.asked, PATIENT).toBe(1);
  const second = run(agent, 'two');
  await expect.poll(() => events, PATIENT).toContain('skipped');
  await sleep(60);
  expect(busy.asked).toBe(1);
  open();
  const { state } = await second;
  await first;
  const [one, two] = detailsOf('generation').toSorted((a, b) => (a?.queuedMs ?? 0) - (b?.queuedMs ?? 0));
  expect(one?.queuedMs ?? 0).toBeLessThan(two?.queuedMs ?? 0);
  expect(two?.queuedMs).toBeGreaterThanOrEqual(40);
  const told = spansOf({ runId: 'x', events: state.events as Committed[] });
  expect(told.find(({ spanData }) => spanData.type === 'generation')?.details?.queuedMs).toBe(two?.queuedMs);
});

test('a run that waits for its turn on a session says for how long, beside what it did there', PATIENT, async () => {
  const { opened, open } = gate();
  const session = new MemorySession();
  const slow = new ScriptedModel([
    modelResponder(async () => {
      await opened;
      return [assistantMessage('one')];
    }),
    [assistantMessage('two')],
  ]);
  const agent = new Agent({ name: 'A', model: slow });
  const first = run(agent, 'one', { session });
  await expect.poll(() => slow.calls.length, PATIENT).toBe(1);
  const second = run(agent, 'two', { session });
  await expect.poll(() => collector.named('task').length, PATIENT).toBe(2);
  await sleep(60);
  open();
  await Promise.all([first, second]);
  const operations = detailsOf('task').map((details) => details?.sessionOperations ?? []);
  expect(operations.map((each) => each.map(({ operation }) => operation))).toEqual([
    ['load', 'save'],
    ['load', 'save'],
  ]);
  const queued = operations.map(([load]) => load?.queuedMs ?? 0).toSorted((a, b) => a - b);
  expect(queued[0]).toBeLessThan(queued[1] ?? 0);
  expect(queued[1]).toBeGreaterThanOrEqual(40);
});

test(
  'retries, fallbacks, costs and the first token are on the call, the wait for a person on the tool',
  PATIENT,
  async () => {
    const prices = createPrices({ catalog: false, models: { 'acme/large': { input: 1, output: 1 } } });
    const small = new FakeModel('small', { ...failure('overloaded', { status: 503 }), events: [] });
    const models = createRouter({
      models: { main: [small, new FakeModel('large')] },
      retry: { maxAttempts: 1 },
      prices,
    });
    const result = await run(new Agent({ name: 'A', model: models('main') }), 'Hi', { stream: true });
    await result.completed;
    expect(detailsOf('generation')).toMatchObject([
      {
        firstTokenMs: expect.any(Number),
        nanoUsd: 20_000,
        attempts: [{ target: 'acme/small', error: { code: 'model/overloaded' } }, { target: 'acme/large' }],
      },
    ]);
    expect(detailsOf('task')).toMatchObject([{ nanoUsd: 20_000, outcome: 'finished' }]);

    const pay = tool({
      name: 'pay',
      description: '',
      parameters: NOTHING,
      strict: false,
      needsApproval: true,
      execute: () => 'paid',
    });
    const model = new ScriptedModel([[functionCall('pay', {}, { callId: 'c' })], [assistantMessage('done')]]);
    const agent = new Agent({ name: 'B', model, tools: [pay] });
    const paused = await run(agent, 'Hi');
    const state = await RunState.fromString(agent, paused.state.toString());
    await sleep(30);
    for (const ask of state.getInterruptions()) state.approve(ask);
    await run(agent, state);
    expect(detailsOf('function pay')[0]?.approvalWaitMs).toBeGreaterThanOrEqual(25);
  },
);
