/** What happens beside runs, counted where it happens, told by the process, by windows and by the store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../../agent/index.ts';
import { booking, call, cutOff, done } from '../../durable/booking.fixture.ts';
import { RunStore } from '../../durable/index.ts';
import { memoryLog } from '../../log/index.ts';
import { createPrices, createRouter } from '../../model/index.ts';
import { failure, FakeModel } from '../../model/router/router.fixture.ts';
import { run, RunState } from '../../run/index.ts';
import { assistantMessage, ScriptedModel } from '../../testing/index.ts';
import { BatchTraceProcessor } from '../batch.ts';
import { setTraceProcessors, setTracingDisabled } from '../index.ts';
import { enableMetrics, type Metrics } from './enable.ts';
import { Keeping } from './keeping.ts';
import { openMetricsStore, type MetricsStore } from './store/open.ts';
import { observation } from './synthetic.fixture.ts';
import { fakeClock } from '../clock.fixture.ts';

const PATIENT = { timeout: 30_000 };
let folder = '';
let store: MetricsStore;
let metrics: Metrics;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-metrics-'));
  store = openMetricsStore({ path: join(folder, 'traces.db') });
  metrics = enableMetrics({ store });
});
afterEach(async () => {
  metrics.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The counter in the process's text, in the store's, and of the last hour. */
async function told(name: string, operation: 'leaseTakeovers' | 'cooldowns' | 'budgetRefusals' | 'telemetryDropped') {
  const text = metrics.text();
  // What is gathered is written when metrics end.
  metrics.close();
  const now = Date.now();
  const hour = await store.window(now - 3_600_000, now + 60_000);
  return [number(text, `baton_${name}`), number(await store.text(), `baton_store_${name}`), hour.operations[operation]];
}

const number = (text: string, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);

test(
  'a lease that is taken over from a worker that died; going on with a run that waits is none',
  PATIENT,
  async () => {
    const log = memoryLog();
    const made = await cutOff(log, 'r1', { effect: 'idempotent' });
    const taker = new RunStore({ log, agents: [made.agent], leaseMs: 5000 });
    expect((await taker.resume('r1')).finalOutput).toBe('Done.');
    const asks = booking([call, done], { needsApproval: true });
    await run(asks.agent, 'Book LH1.', { durable: { store: taker, runId: 'r2' } });
    await taker.approve('r2', 'c1');
    const other = new RunStore({ log, agents: [asks.agent], leaseMs: 5000 });
    expect((await other.resume('r2')).finalOutput).toBe('Done.');
    expect(await told('lease_takeovers_total', 'leaseTakeovers')).toEqual([1, 1, 1]);
  },
);

test('an endpoint that is not asked for a while', PATIENT, async () => {
  const limited = new FakeModel('small', failure('rate_limit', { retryAfterMs: 60_000 }));
  const models = createRouter({ models: { main: [limited, new FakeModel('large')] }, retry: { maxAttempts: 1 } });
  for (let n = 0; n < 3; n++) await run(new Agent({ name: 'A', model: models('main') }), 'Hi');
  expect(limited.asked).toBe(1);
  expect(await told('cooldowns_total', 'cooldowns')).toEqual([1, 1, 1]);
});

test('calls that a budget does not allow', PATIENT, async () => {
  const prices = createPrices({ catalog: false, models: { 'acme/small': { input: 1000, output: 1000 } } });
  const agent = new Agent({ name: 'A', model: new FakeModel('small'), modelSettings: { maxTokens: 1000 } });
  for (let n = 0; n < 2; n++) {
    await expect(run(agent, 'Hi', { prices, budget: { usd: 0.000001 } })).rejects.toMatchObject({
      code: 'budget/exceeded',
    });
  }
  expect(await told('budget_refusals_total', 'budgetRefusals')).toEqual([2, 2, 2]);
});

test('telemetry that could not be sent', PATIENT, async () => {
  const lost = new BatchTraceProcessor({ export: () => Promise.reject(new Error('gone')) });
  setTraceProcessors([lost]);
  setTracingDisabled(false);
  await run(new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('Hi.')]]) }), 'Hi');
  await lost.forceFlush();
  setTraceProcessors([]);
  setTracingDisabled(true);
  const { dropped } = lost;
  expect(dropped).toBe(5);
  expect(await told('telemetry_dropped_total', 'telemetryDropped')).toEqual([dropped, dropped, dropped]);
});

test('approvals wait in the store, in whatever process, until their run goes on', PATIENT, async () => {
  const waiting = async (): Promise<number> => number(await store.text(), 'baton_store_approvals_waiting');
  const { agent } = booking([call], { needsApproval: true });
  const first = await run(agent, 'Book LH1.');
  expect(number(metrics.text(), 'baton_approvals_waiting')).toBe(1);
  expect(await waiting()).toBe(1);
  metrics.close();
  metrics = enableMetrics({ store });
  expect(await waiting()).toBe(1);
  (agent as Agent).model = new ScriptedModel([done]);
  const state = await RunState.fromString(agent as AnyAgent, first.state.toString());
  for (const ask of state.getInterruptions()) state.approve(ask);
  await run(agent, state);
  expect(await waiting()).toBe(0);
});

test('latency, time to first token, tokens and costs are in the store, too', PATIENT, async () => {
  await store.add(observation({ modelMs: [300, 0, 2000], firstTokenMs: [120], cachedTokens: 7, retries: 2 }));
  const text = await store.text();
  expect(number(text, 'baton_store_model_call_seconds_count')).toBe(3);
  expect(number(text, 'baton_store_model_call_seconds_sum')).toBe(2.3);
  expect(number(text, 'baton_store_time_to_first_token_seconds_count')).toBe(1);
  expect(number(text, 'baton_store_time_to_first_token_seconds_sum')).toBe(0.12);
  expect(number(text, 'baton_store_cached_tokens_total')).toBe(7);
  expect(number(text, 'baton_store_retries_total')).toBe(2);
  expect(number(text, 'baton_store_cost_usd_total')).toBe(0.001);
});

test('old rows go by themselves: when a process begins to write, and every hour', PATIENT, async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const pruned: number[] = [];
  const watched: MetricsStore = {
    ...store,
    prune: async (now) => {
      pruned.push(now ?? Number.NaN);
      return store.prune(now);
    },
  };
  const keeping = new Keeping(watched, clock);
  keeping.add(observation({ endedAt: clock.now() }));
  keeping.add(observation({ endedAt: clock.now() }));
  await expect.poll(() => clock.waiting(), PATIENT).toEqual([3_600_000]);
  expect(pruned).toEqual([clock.now()]);
  expect((await store.window(clock.now(), clock.now() + 1)).sums.runs).toBe(2);
  // Minutes are kept 2 days, hours 90.
  for (const hours of [1, 1, 91 * 24]) {
    clock.advance(hours * 3_600_000);
    await expect.poll(() => clock.waiting(), PATIENT).toEqual([3_600_000]);
  }
  expect(pruned).toHaveLength(4);
  expect((await store.window(Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 1))).sums.runs).toBe(0);
  keeping.close();
  expect(clock.waiting()).toEqual([]);
});
