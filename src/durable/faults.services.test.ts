/** What a durable run does while its servers restart and its network breaks: it waits, or says so and goes on later. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startPostgres } from '../../scripts/services/postgres.ts';
import { startRedis } from '../../scripts/services/redis.ts';
import {
  Agent,
  type AnyAgent,
  type EventLog,
  memoryLog,
  PostgresSession,
  postgresLog,
  RedisSession,
  run,
  RunStore,
  type Session,
  tool,
} from '../index.ts';
import { startProxy } from '../store/proxy.fixture.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const redisUrl = process.env['BATON_REDIS_URL'] ?? '';
const STEPS = 8;

/** Books a flight a step, each once, and says when it has. Which is next follows from what it is shown. */
function desk(booked: string[], atStep: (flight: string) => void | Promise<void> = () => undefined): AnyAgent {
  const reply = modelResponder(({ request: { input } }) => {
    const made = Array.isArray(input) ? input.filter(({ type }) => type === 'function_call_result').length : 0;
    return made < STEPS
      ? [functionCall('book', { flight: `LH${made}` }, { callId: `c${made}` })]
      : [assistantMessage(`Booked ${made}.`)];
  });
  const book = tool({
    name: 'book',
    description: 'Books.',
    parameters: z.object({ flight: z.string() }),
    effect: 'once',
    execute: async ({ flight }, _, details) => {
      booked.push(`${details?.idempotencyKey ?? ''} ${flight}`);
      await atStep(flight);
      return `booked ${flight}`;
    },
  });
  const model = new ScriptedModel(Array.from({ length: 200 }, () => reply));
  return new Agent({ name: 'Desk', model, tools: [book] }) as unknown as AnyAgent;
}

const KINDS = [
  'message',
  ...Array.from({ length: STEPS }, () => ['function_call', 'function_call_result']).flat(),
  'message',
];

/** That each step was done once, and the session has all that was said once. */
async function expectWhole(booked: readonly string[], sessions: readonly Session[]): Promise<void> {
  expect(new Set(booked).size).toBe(booked.length);
  expect(booked).toHaveLength(STEPS * sessions.length);
  for (const session of sessions) expect((await session.getItems()).map(({ type }) => type)).toEqual(KINDS);
}

describe.skipIf(connectionString === '')('on PostgreSQL', { timeout: 120_000 }, () => {
  test.each(['kill', 'stop'] as const)('runs go on when the database is restarted (%s) under them', async (how) => {
    const running = await startPostgres();
    const options = { connectionString: running.env['BATON_POSTGRES_URL'] ?? '' };
    const log = postgresLog(options);
    const store = new RunStore({ log, leaseMs: 60_000 });
    const booked: string[] = [];
    let restarts = 0;
    const restart = async (flight: string): Promise<void> => {
      if (restarts >= 2 || flight !== (restarts === 0 ? 'LH2' : 'LH5')) return;
      restarts += 1;
      await running.restart(how);
    };
    const runs = Array.from({ length: 4 }, (_, n) => `r${n}`);
    const sessions = runs.map((id) => new PostgresSession(id, options));
    const results = await Promise.all(
      runs.map((runId, n) => {
        const session = sessions[n];
        return run(desk(booked, restart), 'Book.', {
          maxTurns: 20,
          durable: { store, runId },
          ...(session && { session }),
        });
      }),
    );
    expect(restarts).toBe(2);
    expect(results.map(({ finalOutput }) => finalOutput)).toEqual(runs.map(() => `Booked ${STEPS}.`));
    await expectWhole(booked, sessions);
    for (const session of sessions) await session.close();
    await store.close();
    await running.stop();
  });

  test('a network that is cut, and one that loses answers, at every step: each step is done once', async () => {
    const tenant = crypto.randomUUID();
    const proxy = await startProxy(connectionString);
    const options = { connectionString: proxy.url, tenant };
    const store = new RunStore({ log: postgresLog(options), leaseMs: 60_000 });
    const session = new PostgresSession('s', options);
    const booked: string[] = [];
    const agent = desk(booked, (flight) =>
      Number(flight.slice(2)) % 2 === 0 ? proxy.cut() : proxy.cutAfterNextRequest(),
    );
    const { finalOutput } = await run(agent, 'Book.', { session, maxTurns: 20, durable: { store, runId: 'r' } });
    expect(finalOutput).toBe(`Booked ${STEPS}.`);
    await expectWhole(booked, [session]);
    await session.close();
    await store.close();
    await proxy.close();
  });

  test('a network that swallows everything ends the run with an error within the time; after repair it goes on', async () => {
    const tenant = crypto.randomUUID();
    const proxy = await startProxy(connectionString);
    const options = { connectionString: proxy.url, tenant, timeoutMs: 1000 };
    const log = postgresLog(options);
    const session = new PostgresSession('s', options);
    const booked: string[] = [];
    let isBroken = true;
    const agent = desk(booked, (flight) => {
      if (isBroken && flight === 'LH3') proxy.swallow(true);
    });
    const store = new RunStore({ log, worker: 'w', agents: [agent], resumeOptions: () => ({ session, maxTurns: 20 }) });
    const failed = await run(agent, 'Book.', { session, maxTurns: 20, durable: { store, runId: 'r' } }).catch(
      (e: unknown) => e,
    );
    expect(['log/lost', 'log/unreachable', 'durable/lease-lost']).toContain(codeOf(failed));
    proxy.swallow(false);
    isBroken = false;
    // That LH3 was booked is not in the log: a person says that it was.
    const office = new RunStore({
      log,
      worker: 'w',
      agents: [agent],
      resumeOptions: () => ({ session, maxTurns: 20 }),
    });
    const asked = await office.resume('r');
    expect(asked.interruptions).toHaveLength(1);
    await office.confirm('r', 'c3', 'booked LH3');
    expect((await office.resume('r')).finalOutput).toBe(`Booked ${STEPS}.`);
    await expectWhole(booked, [session]);
    await session.close();
    await office.close();
    await proxy.close();
  });
});

describe.skipIf(redisUrl === '')('with a session in Redis', { timeout: 120_000 }, () => {
  test('a run goes on when the server is restarted before it saves', async () => {
    const running = await startRedis();
    const url = running.env['BATON_REDIS_URL'] ?? '';
    const session = new RedisSession('s', { url });
    const log: EventLog = memoryLog();
    const store = new RunStore({ log });
    const booked: string[] = [];
    let restarting: Promise<unknown> | undefined;
    const agent = desk(booked, (flight) => {
      if (flight === `LH${STEPS - 1}`) restarting = running.restart('stop');
    });
    const { finalOutput } = await run(agent, 'Book.', { session, maxTurns: 20, durable: { store, runId: 'r' } });
    await restarting;
    expect(finalOutput).toBe(`Booked ${STEPS}.`);
    await expectWhole(booked, [session]);
    await session.close();
    await running.stop();
  });
});

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : error);
