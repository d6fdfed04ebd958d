/** The five default rules, from runs to notices. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UserError } from '../../../protocol/errors.ts';
import { enableMetrics } from '../enable.ts';
import type { RunObservation } from '../observation.ts';
import { MemoryRollups } from '../rollup.ts';
import { observation } from '../synthetic.fixture.ts';
import {
  type AlertKeeper,
  type AlertNotice,
  type Alerts,
  type AlertStates,
  DEFAULT_ALERT_RULES,
  startAlerts,
  logAlert,
  webhookAlert,
} from './index.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let now: number;
let rollups: MemoryRollups;
let notices: AlertNotice[];
let alerts: Alerts;

beforeEach(() => {
  now = Date.UTC(2026, 10, 25, 12, 0);
  rollups = new MemoryRollups({ slowMs: 30_000 });
  notices = [];
  alerts = watch();
});

const watch = (keeper?: AlertKeeper): Alerts =>
  startAlerts({
    source: rollups,
    actions: [(notice) => void notices.push(notice)],
    everyMs: 0,
    now: () => now,
    ...(keeper && { keeper }),
  });

const add = (count: number, of: (n: number) => Partial<RunObservation>, endedAt = now - 1): void => {
  for (let n = 0; n < count; n++) rollups.add(observation({ endedAt, ...of(n) }));
};

/** Looks every minute, with what happens before each look. */
async function minutes(count: number, happens: () => void = () => undefined): Promise<void> {
  for (let n = 0; n < count; n++) {
    now += MINUTE;
    happens();
    await alerts.evaluate();
  }
}

const statusOf = (id: string): string | undefined => alerts.states()[id]?.status;
const told = (): string[] => notices.map(({ id, status }) => `${id} ${status}`);

describe('the default rules', () => {
  test('guardrail trips: fire after ten minutes over 5 % of sessions, resolve when they are gone', async () => {
    await minutes(9, () => add(10, (n) => ({ tripped: n === 0 ? 1 : 0 })));
    expect(statusOf('guardrail-trip-rate')).toBe('pending');
    await minutes(3, () => add(10, (n) => ({ tripped: n === 0 ? 1 : 0 })));
    expect(told()).toEqual(['guardrail-trip-rate firing']);
    expect(notices[0]).toMatchObject({ value: 0.1, limit: 0.05, severity: 'warning' });
    await minutes(30, () => add(100, () => ({})));
    expect(told()).toEqual(['guardrail-trip-rate firing', 'guardrail-trip-rate resolved']);
    await minutes(20, () => add(100, () => ({})));
    expect(statusOf('guardrail-trip-rate')).toBe('ok');
  });

  test('trips are of sessions, not of runs: one session that trips often is one', async () => {
    await minutes(15, () => {
      add(10, (n) => ({ session: `mine${n}`, tripped: 0 }));
      add(10, (n) => ({ session: `yours${n}`, tripped: 0 }));
      add(5, () => ({ session: 'mine0', tripped: 3 }));
    });
    expect(alerts.states()['guardrail-trip-rate']).toMatchObject({ status: 'ok', value: 0.05, samples: 20 });
  });

  test('handoffs: fire below 80 %, resolve above 88 %', async () => {
    await minutes(15, () => add(2, (n) => ({ handoffs: 1, handoffsGood: n === 0 ? 1 : 0 })));
    expect(told()).toEqual(['handoff-success firing']);
    await minutes(1, () => add(100, () => ({ handoffs: 1, handoffsGood: 1 })));
    // 115 of 130 are 88.5 %.
    expect(told()).toEqual(['handoff-success firing', 'handoff-success resolved']);
  });

  test('cost: against the week before, where both are priced', async () => {
    for (let day = 14; day > 7; day--) add(10, () => ({ nanoUsd: 1_000 }), now - day * DAY + HOUR);
    for (let day = 7; day > 0; day--) add(10, () => ({ nanoUsd: 1_300 }), now - day * DAY + 2 * HOUR);
    await minutes(1);
    expect(told()).toEqual(['cost-per-run firing']);
    expect(notices[0]?.value).toBeCloseTo(1.3e-6);
    add(10, () => ({ unpriced: 1 }));
    await minutes(1);
    expect(told()).toEqual(['cost-per-run firing', 'cost-per-run no data']);
  });

  test('turns: above 10 and twice those of the week before; or one run near its limit', async () => {
    for (let day = 8; day > 1; day--) add(10, () => ({ turns: 5 }), now - day * DAY + HOUR);
    add(30, () => ({ turns: 10 }));
    await minutes(1);
    expect(statusOf('turns-per-session')).toBe('ok');
    add(30, () => ({ turns: 11 }));
    await minutes(1);
    expect(told()).toEqual(['turns-per-session firing']);
    rollups = new MemoryRollups({ slowMs: 30_000 });
    alerts = watch();
    add(1, () => ({ turns: 8, nearMaxTurns: true }));
    await minutes(1);
    expect(told()).toEqual(['turns-per-session firing', 'turns-per-session firing']);
    // Its value is below its limit: what fires must say why.
    expect(notices.map(({ because }) => because)).toEqual([undefined, '1 run came to 80 % of maxTurns']);
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    for (const notice of notices) void logAlert()(notice);
    expect(warned.mock.calls.flat()).toEqual([
      '[baton] Alert "turns-per-session" is firing: 11 of 60 samples, limit 10.',
      expect.stringMatching(/is firing: 1 run came to 80 % of maxTurns; \d+ of 1 samples, limit 10\.$/),
    ]);
    warned.mockRestore();
  });

  test('slow runs: those that are still active beyond 30 s count too', async () => {
    const hung = now;
    rollups.began('hung1', hung);
    rollups.began('hung2', hung);
    await minutes(10, () => add(5, () => ({ activeMs: 2_000 })));
    expect(told()).toEqual(['slow-runs firing']);
    expect(notices[0]?.value).toBeCloseTo(2 / 27);
    rollups.rested('hung1');
    rollups.rested('hung2');
    await minutes(1, () => add(5, () => ({})));
    expect(told()).toEqual(['slow-runs firing', 'slow-runs resolved']);
  });

  test('too few samples are no verdict, whatever they say', async () => {
    await minutes(30, () => {
      if (now % (20 * MINUTE) === 0) add(1, () => ({ tripped: 1, handoffs: 1, activeMs: 90_000 }));
    });
    expect(new Set(Object.values(alerts.states()).map(({ status }) => status))).toEqual(new Set(['no data']));
    expect(told()).toEqual([]);
  });
});

describe('states', () => {
  test('outlive a restart: what was pending goes on, what fires is not told again; a gap begins anew', async () => {
    let kept: AlertStates = {};
    const keeper: AlertKeeper = {
      claim: async () => JSON.parse(JSON.stringify(kept)) as AlertStates,
      save: async (_, states) => Boolean((kept = states)),
    };
    const trips = (): void => add(10, (n) => ({ tripped: n === 0 ? 1 : 0 }));
    alerts = watch(keeper);
    await minutes(6, trips);
    alerts = watch(keeper);
    await minutes(5, trips);
    expect(told()).toEqual([]);
    now += 10 * MINUTE;
    await minutes(9, trips);
    expect(statusOf('guardrail-trip-rate')).toBe('pending');
    await minutes(3, trips);
    alerts = watch(keeper);
    await minutes(3, trips);
    expect(told()).toEqual(['guardrail-trip-rate firing']);
  });

  test('are not touched by a process that has no lease, or lost it while it looked', async () => {
    add(1, () => ({ nearMaxTurns: true }));
    alerts = watch({ claim: async () => undefined, save: async () => true });
    expect(await alerts.evaluate()).toBeUndefined();
    alerts = watch({ claim: async () => ({}), save: async () => false });
    expect(await alerts.evaluate()).toBeUndefined();
    expect(told()).toEqual([]);
  });

  test('rules that cannot work are refused', () => {
    const [rule] = DEFAULT_ALERT_RULES;
    if (!rule) throw new Error('no rule');
    const start = (rules: (typeof rule)[]) => () => startAlerts({ source: rollups, rules, everyMs: 0 });
    expect(start([rule, rule])).toThrow(UserError);
    expect(start([{ ...rule, windowMs: 0 }])).toThrow(/windowMs.*60000/);
    expect(start([{ ...rule, margin: 2 }])).toThrow(/margin/);
  });
});

describe('actions', () => {
  let server: Server;
  let bodies: string[];
  let status: number;
  let url: string;
  beforeEach(async () => {
    bodies = [];
    status = 204;
    server = createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push(`${request.headers.authorization ?? ''} ${body}`);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/T0PSECRETPATH`;
  });
  afterEach(() => void server.close());

  const fire = async (): Promise<void> => {
    const hook = webhookAlert({ url, headers: { authorization: 'Bearer T0PSECRETTOKEN' } });
    const broken = (): never => {
      throw new Error('callback');
    };
    const record = (notice: AlertNotice): void => void notices.push(notice);
    add(1, () => ({ nearMaxTurns: true }));
    await startAlerts({ source: rollups, actions: [broken, hook, record], everyMs: 0, now: () => now }).evaluate();
  };

  test('a webhook gets the notice as JSON; an action that throws stops no other', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await fire();
    expect(warned.mock.calls.flat().join()).toContain('callback');
    warned.mockRestore();
    expect(bodies).toEqual([`Bearer T0PSECRETTOKEN ${JSON.stringify(notices[0])}`]);
    expect(notices[0]).toMatchObject({ id: 'turns-per-session', status: 'firing', metric: 'turns-per-session' });
  });

  test('a webhook that fails is warned of, without its path or its headers', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    status = 500;
    await fire();
    const said = warned.mock.calls.flat().join('\n');
    warned.mockRestore();
    expect(said).toContain('An action on alert "turns-per-session" failed');
    expect(said).toContain('127.0.0.1');
    expect(said).not.toContain('T0PSECRET');
    expect(() => webhookAlert({ url: 'file:///etc' })).toThrow(UserError);
  });
});

test.each([
  [{ NODE_ENV: 'test', OPENAI_AGENTS_DISABLE_TRACING: '' }, false],
  [{ NODE_ENV: 'production', OPENAI_AGENTS_DISABLE_TRACING: '1' }, false],
  [{ NODE_ENV: 'production', OPENAI_AGENTS_DISABLE_TRACING: '' }, true],
])('alerts are on by default, but where tracing is off by environment: %o', (env, isOn) => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const [usual, wanted] = [enableMetrics(), enableMetrics({ alerts: {} })];
  vi.unstubAllEnvs();
  for (const metrics of [usual, wanted]) metrics.close();
  expect([usual.alerts !== undefined, wanted.alerts !== undefined]).toEqual([isOn, true]);
});
