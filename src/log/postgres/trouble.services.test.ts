/** What a log in PostgreSQL does when its server, its network or its rows are not as they should be. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { startPostgres } from '../../../scripts/services/postgres.ts';
import { UserError } from '../../protocol/errors.ts';
import { startProxy } from '../../store/proxy.fixture.ts';
import type { EventLog } from '../types.ts';
import { postgresLog } from './postgres-log.ts';
import type { PostgresLogOptions } from './postgres-log.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const create = { agent: 'a', worker: 'w1' };
const errorOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => error,
  );
const typesOf = async (log: EventLog, runId: string): Promise<string[]> =>
  (await log.read(runId))?.events.map(({ event }) => event.type) ?? [];
const started = async (log: EventLog, runId = 'r'): Promise<void> =>
  void (await log.append({ runId, position: 0, fence: 0, create, events: [] }));

test.each<[unknown, string]>([
  [{}, 'postgresLog needs exactly one of `connectionString`, `pool` and `client`. Got 0'],
  [{ client: {}, pool: {} }, 'Got 2'],
  [{ connectionString: '' }, '`connectionString` is empty'],
  [{ client: {}, tenant: '' }, '`tenant` must be a non-empty string'],
  [{ client: {}, requireTenant: true }, 'needs option `tenant`'],
  [{ client: {}, timeoutMs: 0 }, '`timeoutMs` must be above 0'],
  [{ client: {}, maxRunBytes: 0 }, '`maxRunBytes` must be more than 0'],
])('the options %j are refused', (options, message) => {
  expect(() => postgresLog(options as PostgresLogOptions)).toThrow(message);
  expect(() => postgresLog(options as PostgresLogOptions)).toThrow(UserError);
});

test('without the package pg the error says what to install', async () => {
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => { if (name === 'pg') throw new Error('no pg'); return next(name, context); } });`;
  const module = new URL('./postgres-log.ts', import.meta.url).href;
  const script = `import { postgresLog } from '${module}';
    await postgresLog({ connectionString: 'postgres://x' }).list().catch((e) => console.log(e.code, e.message));`;
  const preload = `data:text/javascript,${encodeURIComponent(hooks)}`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--import', preload, '--input-type=module', '-e', script]);
  expect(stdout).toContain('user/error postgresLog needs the package pg. Run "npm install pg"');
});

describe.skipIf(connectionString === '')('a server', () => {
  test.each(['kill', 'stop'] as const)(
    'that is restarted (%s) while runs go on loses nothing acknowledged',
    async (how) => {
      const running = await startPostgres();
      const log = postgresLog({ connectionString: running.env['BATON_POSTGRES_URL'] ?? '' });
      const acknowledged = Array.from({ length: 8 }, (): string[] => []);
      const errors: unknown[] = [];
      let isOver = false;
      const writing = acknowledged.map(async (types, r) => {
        await started(log, `r${r}`);
        while (!isOver) {
          const type = `${r}/${types.length / 2}`;
          const events = [{ type: `${type} a` }, { type: `${type} b` }];
          const error = await errorOf(log.append({ runId: `r${r}`, position: types.length, fence: 1, events }));
          if (error) return void errors.push(error);
          types.push(...events.map((event) => event.type));
        }
      });
      for (let round = 0; round < 3; round++) {
        const before = acknowledged.flat().length;
        while (acknowledged.flat().length < before + 200 && errors.length === 0) await sleep(5);
        await running.restart(how);
      }
      await sleep(300);
      isOver = true;
      await Promise.all(writing);
      expect(errors).toEqual([]);
      for (const [r, types] of acknowledged.entries()) expect(await typesOf(log, `r${r}`)).toEqual(types);
      await log.close();
      await running.stop();
    },
  );

  test('that is not there is waited for within the time, and then the error says so', async () => {
    const proxy = await startProxy(connectionString);
    await proxy.close();
    const log = postgresLog({ connectionString: proxy.url, timeoutMs: 300 });
    expect(await errorOf(log.list())).toMatchObject({ code: 'log/unreachable' });
    await log.close();
  });

  test('that refuses the password says so at once, and no error holds it', async () => {
    const password = new URL(connectionString).password;
    const url = connectionString.replace(password, 'sesame-open-please');
    const log = postgresLog({ connectionString: url });
    const error = await errorOf(log.list());
    expect(error).toMatchObject({ code: 'log/cannot-open' });
    const all = error instanceof Error ? `${error.stack} ${String(error.cause)} ${JSON.stringify(error)}` : '';
    expect(all).not.toContain('sesame');
    await log.close();
  });

  test('that takes no writes says so, and can be read', async () => {
    const tenant = crypto.randomUUID();
    const writer = postgresLog({ connectionString, tenant });
    await started(writer);
    const url = new URL(connectionString);
    url.searchParams.set('options', '-c default_transaction_read_only=on');
    const log = postgresLog({ connectionString: url.href, tenant });
    expect(await errorOf(started(log, 'other'))).toMatchObject({ code: 'log/read-only' });
    expect((await log.list()).runs).toHaveLength(1);
    await Promise.all([writer.close(), log.close()]);
  });
});

describe.skipIf(connectionString === '')('a network', () => {
  const opened: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of opened) await close();
  });
  const open = async (timeoutMs = 30_000) => {
    const proxy = await startProxy(connectionString);
    const log = postgresLog({ connectionString: proxy.url, tenant: crypto.randomUUID(), timeoutMs });
    opened.push(
      () => log.close(),
      () => proxy.close(),
    );
    await started(log);
    return { proxy, log };
  };

  test('that is cut is connected again', async () => {
    const { proxy, log } = await open();
    for (let n = 0; n < 5; n++) {
      await log.append({ runId: 'r', position: n, fence: 1, events: [{ type: `${n}` }] });
      proxy.cut();
    }
    expect(await typesOf(log, 'r')).toEqual(['0', '1', '2', '3', '4']);
  });

  test('that loses answers: what was asked is done once, and whoever was first is told so', async () => {
    const { proxy, log } = await open();
    for (let n = 0; n < 5; n++) {
      proxy.cutAfterNextRequest();
      const made = await log.append({ runId: 'r', position: n, fence: 1, events: [{ type: `${n}` }] });
      expect(made).toMatchObject({ head: n + 1, isRepeated: true });
    }
    expect(await typesOf(log, 'r')).toEqual(['0', '1', '2', '3', '4']);
    proxy.cutAfterNextRequest();
    expect(await log.post('r', { key: 'k', event: { type: 'mine' } })).toMatchObject({ isFirst: true });
    expect(await log.post('r', { key: 'k', event: { type: 'mine' } })).toMatchObject({ isFirst: false });
    const seen = (await log.read('r'))?.info.lease ?? { fence: 0 };
    proxy.cutAfterNextRequest();
    expect(await log.leases.claim('r', { worker: 'w2', seen })).toEqual({ isGranted: true, fence: 2 });
    await log.append({ runId: 'r', position: 5, fence: 2, events: [], status: 'finished', release: true });
    proxy.cutAfterNextRequest();
    expect(await errorOf(log.remove({ runIds: ['r'] }))).toMatchObject({ code: 'log/lost' });
    expect(await log.read('r')).toBeUndefined();
  });

  test('that swallows everything ends in an error within the time; afterwards the commit can be repeated', async () => {
    const { proxy, log } = await open(500);
    proxy.swallow(true);
    const commit = { runId: 'r', position: 0, fence: 1, events: [{ type: 'a' }] };
    const error = await errorOf(log.append(commit));
    expect(['log/lost', 'log/unreachable']).toContain(error instanceof Error && 'code' in error ? error.code : error);
    proxy.swallow(false);
    await log.append(commit);
    expect(await typesOf(log, 'r')).toEqual(['a']);
  });
});

describe.skipIf(connectionString === '')('rows', () => {
  const pool = new pg.Pool({ connectionString, max: 8 });
  const tenant = crypto.randomUUID();
  const log = postgresLog({ connectionString, tenant, timeoutMs: 1000 });
  afterAll(async () => {
    await log.close();
    await pool.end();
  });

  test('that a stranger keeps locked hold up their own run only, and that is an error within the time', async () => {
    const runs = ['locked', 'a', 'b', 'c'];
    await Promise.all(runs.map((runId) => started(log, runId)));
    const stranger = await pool.connect();
    await stranger.query('BEGIN');
    await stranger.query("SELECT 1 FROM baton_runs WHERE tenant = $1 AND run = 'locked' FOR UPDATE", [tenant]);
    const append = (runId: string, position: number) =>
      log.append({ runId, position, fence: 1, events: [{ type: `${position}` }] });
    const [held, ...others] = await Promise.all(runs.map((runId) => errorOf(append(runId, 0))));
    expect(held).toMatchObject({ code: 'log/busy' });
    expect(others).toEqual([undefined, undefined, undefined]);
    const late = append('locked', 0);
    await sleep(50);
    await stranger.query('COMMIT');
    stranger.release();
    expect(await late).toMatchObject({ head: 1, isRepeated: false });
    expect(await typesOf(log, 'locked')).toEqual(['0']);
  });

  test('one commit that the database does not take does not fail those that came with it', async () => {
    const long = Array.from({ length: 5000 }, (_, n) => String.fromCodePoint(0x4e00 + ((n * 7919) % 20000))).join('');
    const [unfit, ...fit] = await Promise.all([long, 'x', 'y'].map((runId) => errorOf(started(log, runId))));
    expect(unfit).toBeInstanceOf(UserError);
    expect(String(unfit)).toContain('too long together');
    expect(fit).toEqual([undefined, undefined]);
  });

  test('tell by the clock of the server when the lease of a worker has run out', async () => {
    await log.leases.beat('short', { leaseMs: 1 });
    await log.leases.beat('long', { leaseMs: 3_600_000 });
    for (const worker of ['short', 'long', 'none']) {
      const made = { agent: 'a', worker };
      await log.append({ runId: `of ${worker}`, position: 0, fence: 0, create: made, events: [] });
    }
    await sleep(20);
    const leases = await Promise.all(['short', 'long', 'none'].map((one) => log.read(`of ${one}`)));
    expect(leases.map((run) => run?.info.lease.isExpired)).toEqual([true, false, undefined]);
  });

  test('are not kept locked, and no transaction stays open', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => started(log, `many ${n}`)));
    const { rows } = await pool.query(
      `SELECT a.state, l.locktype FROM pg_stat_activity AS a LEFT JOIN pg_locks AS l ON l.pid = a.pid
        WHERE a.application_name = 'baton' AND (a.state LIKE 'idle in transaction%' OR l.locktype = 'advisory')`,
    );
    expect(rows).toEqual([]);
  });

  test('that are unreadable or missing are reported and kept', async () => {
    await started(log, 'torn');
    const events = ['a', 'b', 'c'].map((type) => ({ type }));
    await log.append({ runId: 'torn', position: 0, fence: 1, events });
    await pool.query("UPDATE baton_run_events SET event = 'x' WHERE tenant = $1 AND run = 'torn' AND position = 1", [
      tenant,
    ]);
    await pool.query("DELETE FROM baton_run_events WHERE tenant = $1 AND run = 'torn' AND position = 2", [tenant]);
    expect(await errorOf(log.read('torn'))).toMatchObject({ code: 'log/corrupt', positions: [1, 2] });
  });

  test('of the schema are made once by many who come at the same time; a newer one is refused and not changed', async () => {
    const name = `log_${crypto.randomUUID().replaceAll('-', '')}`;
    await pool.query(`CREATE DATABASE ${name}`);
    const url = new URL(connectionString);
    url.pathname = `/${name}`;
    const many = Array.from({ length: 8 }, (_, n) =>
      postgresLog({ connectionString: url.href, maxConnections: n + 1 }),
    );
    await Promise.all(many.map((one, n) => started(one, `r${n}`)));
    expect((await many[0]?.list())?.runs).toHaveLength(8);
    await Promise.all(many.map((one) => one.close()));
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query('SELECT component, version FROM baton_migrations');
    expect(rows).toEqual([{ component: 'log', version: 1 }]);
    await client.query("INSERT INTO baton_migrations (component, version) VALUES ('log', 99)");
    const old = postgresLog({ connectionString: url.href });
    expect(await errorOf(old.list())).toMatchObject({ code: 'log/newer-schema' });
    await old.close();
    await client.end();
  });
});
