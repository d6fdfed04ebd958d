/** What is erased is gone from the tables of PostgreSQL and the keys of Redis; what others have stays. */
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, describe, expect, test } from 'vitest';
import {
  BranchedSession,
  PostgresSession,
  postgresLog,
  postgresSessions,
  RedisSession,
  redisSessions,
  run,
  RunStore,
  sqliteSessions,
} from '../index.ts';
import { booking, call, done } from './booking.fixture.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const url = process.env['BATON_REDIS_URL'] ?? '';
const say = (content: string) => ({ type: 'message' as const, role: 'user' as const, content });

test.each([
  [postgresSessions, {}, 'exactly one of `connectionString`, `pool` and `client`'],
  [postgresSessions, { client: {}, tenant: '' }, '`tenant` must be a non-empty string'],
  [redisSessions, {}, 'exactly one of `url` and `client`'],
  [redisSessions, { url: 'redis://x', tenant: '' }, '`tenant` must be a non-empty string'],
  [sqliteSessions, { dbPath: ':memory:' }, 'needs a file'],
] as const)('options that cannot work are refused: %j %j', (make, options, message) => {
  expect(() => (make as (given: object) => unknown)(options)).toThrow(message);
});

describe.skipIf(connectionString === '')('PostgreSQL', () => {
  const pool = new pg.Pool({ connectionString, max: 3 });
  afterAll(() => pool.end());

  test('a session goes with its branches, its runs and their copies; the other one and another tenant stay', async () => {
    const tenants = [crypto.randomUUID(), crypto.randomUUID()];
    const stores = tenants.map((tenant) => ({
      tenant,
      log: postgresLog({ pool, tenant }),
      places: [postgresSessions({ pool, tenant })],
    }));
    for (const { tenant, log, places } of stores) {
      for (const id of ['mine', 'mine too']) {
        const { agent } = booking([call, done, done, done]);
        const store = new RunStore({ log, places });
        const open = (name: string) => new PostgresSession(name, { pool, tenant });
        await run(agent, 'Book LH1.', { session: open(id), durable: { store, runId: `run of ${id}` } });
        await store.fork(`run of ${id}`, { agent, runId: `copy of ${id}`, session: open(id), once: 'run' });
        const branched = new BranchedSession(id, { open });
        await branched.createBranch('b', { at: 0 });
        await branched.addItems(Array.from({ length: 1200 }, (_, n) => say(`${id} ${n}`)));
      }
    }
    const count = async (tenant: string): Promise<unknown> => {
      const tables = ['runs', 'run_events', 'session_items', 'sessions', 'session_operations'];
      const sums = tables.map((table) => `(SELECT count(*)::int FROM baton_${table} WHERE tenant = $1) AS ${table}`);
      return (await pool.query(`SELECT ${sums.join(', ')}`, [tenant])).rows[0];
    };
    const [first, second] = stores;
    if (!first || !second) throw new Error('two');
    const before = await count(second.tenant);
    const store = new RunStore(first);
    expect(await store.erase({ sessionId: 'mine' })).toEqual({ runs: 2, places: { sessions: 3 } });
    expect(await count(first.tenant)).toMatchObject({ runs: 2, sessions: 3 });
    expect(await store.erase({ sessionId: 'mine' })).toEqual({ runs: 0, places: { sessions: 0 } });
    expect(await store.erase({ all: true })).toEqual({ runs: 2, places: { sessions: 3 } });
    const none = { runs: 0, run_events: 0, session_items: 0, sessions: 0, session_operations: 0 };
    expect(await count(first.tenant)).toEqual(none);
    expect(await count(second.tenant)).toEqual(before);
  });

  test('a session in the turn of a run is erased with that run only', async () => {
    const tenant = crypto.randomUUID();
    const session = new PostgresSession('s', { pool, tenant });
    const sessions = postgresSessions({ pool, tenant });
    await session.addItems([say('kept')]);
    await session.takeTurn({ runId: 'r1', durable: true });
    expect(await sessions.prune({ before: Date.now() + 60_000 })).toBe(0);
    await expect(sessions.erase({ sessions: ['s'], runs: ['r2'] })).rejects.toMatchObject({
      code: 'session/turn-taken',
    });
    expect(await session.getItems()).toHaveLength(1);
    expect(await sessions.erase({ sessions: ['s'], runs: ['r1'] })).toBe(1);
    expect(await session.turnHolder()).toBeUndefined();
  });

  test('idle sessions are pruned; those with a newer item on a branch stay', async () => {
    const tenant = crypto.randomUUID();
    const open = (id: string) => new PostgresSession(id, { pool, tenant });
    for (const id of ['old', 'new', 'branched']) await open(id).addItems([say(id)]);
    const branched = new BranchedSession('branched', { open });
    await branched.createBranch('b');
    await branched.addItems([say('b')]);
    await pool.query(
      "UPDATE baton_session_items SET saved_at = saved_at - interval '1 day' WHERE tenant = $1 AND session IN ('old', 'branched')",
      [tenant],
    );
    const sessions = postgresSessions({ pool, tenant });
    expect(await sessions.prune({ before: Date.now() - 3_600_000 })).toBe(1);
    expect(await open('branched').getItems()).toHaveLength(1);
    expect(await open('old').getItems()).toEqual([]);
  });
});

describe.skipIf(url === '')('Redis', () => {
  test('prunes sessions that nobody writes to, with their branches; not those in a turn, and nothing younger', async () => {
    const tenant = crypto.randomUUID();
    const open = (id: string) => new RedisSession(id, { url, tenant });
    const sessions = redisSessions({ url, tenant });
    const [old, held, branched] = [open('old'), open('held'), new BranchedSession('branched', { open })];
    await old.addItems([say('old')]);
    await held.addItems([say('held')]);
    await branched.addItems([say('trunk')]);
    await branched.createBranch('b');
    const turn = await held.takeTurn({ runId: 'r1', onBusy: 'reject' });
    // By the server's clock, which the test asks.
    const server = createClient({ url });
    await server.connect();
    const now = async (): Promise<number> => {
      const [s, us] = await server.sendCommand<string[]>(['TIME']);
      return Number(s) * 1000 + Math.floor(Number(us) / 1000);
    };
    expect(await sessions.prune({ before: (await now()) - 3_600_000 })).toBe(0);
    const then = (await now()) + 1;
    while ((await now()) <= then);
    await open('young').addItems([say('young')]);
    await branched.addItems([say('a branch that lives')]);
    expect(await sessions.prune({ before: then })).toBe(1);
    expect(await old.getItems()).toEqual([]);
    expect(
      [await held.getItems(), await open('young').getItems(), await branched.getItems()].map((x) => x.length),
    ).toEqual([1, 1, 2]);
    await expect(sessions.erase({ sessions: ['held'], runs: [] })).rejects.toMatchObject({
      code: 'session/turn-taken',
    });
    expect(await held.getItems()).toHaveLength(1);
    await turn.end();
    expect(await sessions.prune({ before: (await now()) + 3_600_000 })).toBeGreaterThan(3);
    expect(await server.keys(`baton:session:{${tenant}*`)).toEqual([]);
    server.destroy();
    for (const each of [old, held, branched, sessions]) await each.close();
  });

  const raw = createClient({ url });
  afterAll(() => raw.destroy());

  test('the keys of a session and its branches go; those of others stay, whatever their names', async () => {
    await raw.connect();
    const tenant = `t${crypto.randomUUID()}*`;
    const open = (id: string) => new RedisSession(id, { url, tenant });
    const opened = ['*', '*2', 'a*', 'u/1', 'u/1/branchesX', 'u'].map(open);
    for (const session of opened) await session.append([say('x')], { operationId: 'o' });
    const other = new RedisSession('*', { url, tenant: tenant.replace('*', 'x') });
    await other.addItems([say('kept')]);
    const branched = new BranchedSession('u/1', { open });
    await branched.createBranch('b');
    await branched.addItems([say('b')]);
    const keys = async (): Promise<number> =>
      (await raw.keys('baton:session:{*')).filter((key) => key.includes(encodeURIComponent(tenant))).length;
    const sessions = redisSessions({ url, tenant });
    expect(await sessions.erase({ sessions: ['*'], runs: [] })).toBe(1);
    expect(await opened[0]?.getItems()).toEqual([]);
    expect(await opened[1]?.getItems()).toHaveLength(1);
    expect(await opened[2]?.getItems()).toHaveLength(1);
    expect(await sessions.erase({ sessions: ['u/1', 'a*'], runs: [] })).toBe(4);
    expect(await opened[4]?.getItems()).toHaveLength(1);
    expect(await sessions.erase({ sessions: [], runs: ['r'] })).toBe(0);
    expect(await sessions.erase({ sessions: [], runs: [], all: true })).toBe(3);
    expect(await keys()).toBe(0);
    expect(await other.getItems()).toHaveLength(1);
    for (const each of [...opened, branched, other, sessions]) await each.close();
  });
});
