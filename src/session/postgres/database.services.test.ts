import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { PostgresSession } from './postgres-session.ts';
import type { PostgresSessionOptions } from './postgres-session.ts';
import { SQL } from './store.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
let sessions = 0;
const freshId = (): string => `d${process.pid}-${++sessions}`;
const codeOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
/** The same server with settings of a connection, such as `default_transaction_read_only=on`. */
const withSetting = (setting: string, database?: string): string => {
  const url = new URL(connectionString);
  if (setting !== '') url.searchParams.set('options', `-c ${setting}`);
  if (database !== undefined) url.pathname = `/${database}`;
  return url.href;
};

test.each<[string, unknown, string]>([
  ['', { client: {} }, '`sessionId` must be a non-empty string'],
  ['a\0b', { client: {} }, '`sessionId` must be'],
  ['\ud83d', { client: {} }, '`sessionId` must be'],
  ['s', { client: {}, tenant: '' }, '`tenant` must be a non-empty string'],
  ['s', { client: {}, requireTenant: true }, 'needs option `tenant`'],
  ['s', { client: {}, requireTenant: true, tenant: 'default' }, 'needs option `tenant`'],
  ['s', { client: {}, timeoutMs: 0 }, '`timeoutMs` must be above 0'],
  ['s', { client: {}, onCorrupt: 'delete' }, "`onCorrupt` must be 'throw' or 'warn'"],
  ['s', {}, 'exactly one of `connectionString`, `pool` and `client`. Got 0'],
  ['s', { client: {}, pool: {} }, 'exactly one of `connectionString`, `pool` and `client`. Got 2'],
  ['s', { connectionString: '' }, '`connectionString` is empty'],
  ['s', { connectionString: 'x', maxConnections: 0 }, '`maxConnections` must be 1 or more'],
])('the id %j with %j is refused', (id, options, message) => {
  expect(() => new PostgresSession(id, options as PostgresSessionOptions)).toThrow(message);
  expect(() => new PostgresSession(id, options as PostgresSessionOptions)).toThrow(UserError);
});

test('without the package pg the error says what to install', async () => {
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => { if (name === 'pg') throw new Error('no pg'); return next(name, context); } });`;
  const module = new URL('./postgres-session.ts', import.meta.url).href;
  const script = `import { PostgresSession } from '${module}';
    await new PostgresSession('s', { connectionString: 'postgres://x' }).getItems().catch((e) => console.log(e.code, e.message));`;
  const preload = `data:text/javascript,${encodeURIComponent(hooks)}`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--import', preload, '--input-type=module', '-e', script]);
  expect(stdout).toContain('user/error PostgresSession needs the package pg. Run "npm install pg"');
});

describe.skipIf(connectionString === '')('a PostgreSQL database', () => {
  const pool = new pg.Pool({ connectionString, max: 3 });
  const rows = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
    (await pool.query<Record<string, unknown>>(sql, values)).rows;
  const open = (options: Partial<PostgresSessionOptions> = {}): PostgresSession =>
    new PostgresSession(freshId(), { pool, ...options });
  const idOf = (): string => `d${process.pid}-${sessions}`;
  beforeAll(async () => void (await open().getItems()));
  afterAll(() => pool.end());

  test('every row carries the tenant', async () => {
    const session = open({ tenant: 'row-tenant', requireTenant: true });
    await session.append([user('a')], { operationId: 'o' });
    for (const table of ['baton_sessions', 'baton_session_items', 'baton_session_operations']) {
      expect(await rows(`SELECT tenant FROM ${table} WHERE session = $1`, [idOf()])).toEqual([
        { tenant: 'row-tenant' },
      ]);
    }
  });

  test('with a session its items and operations go', async () => {
    await open().append([user('a')], { operationId: 'o' });
    await rows('DELETE FROM baton_sessions WHERE session = $1', [idOf()]);
    for (const table of ['baton_session_items', 'baton_session_operations'])
      expect(await rows(`SELECT 1 FROM ${table} WHERE session = $1`, [idOf()])).toEqual([]);
  });

  test('order is the position: times in the rows mean nothing', async () => {
    const session = open();
    await session.addItems(['a', 'b', 'c'].map(user));
    const sql = "UPDATE baton_session_items SET saved_at = now() - seq * interval '1 day' WHERE session = $1";
    await rows(sql, [idOf()]);
    expect(await session.getItems(2)).toEqual(['b', 'c'].map(user));
  });

  test('a clear leaves no trace of what was said', async () => {
    await open().append([user('secret')], { operationId: 'o' });
    await new PostgresSession(idOf(), { pool }).clearSession();
    const sql = 'SELECT hash FROM baton_session_operations WHERE session = $1';
    expect(await rows(sql, [idOf()])).toEqual([{ hash: '' }]);
  });

  test('nothing is left behind: no open transaction, no lock', async () => {
    const session = open();
    await Promise.all(Array.from({ length: 20 }, (_, n) => session.append([user(`${n}`)], { operationId: `${n}` })));
    await Promise.all([session.popItem(), session.clearSession()]);
    const busy = "SELECT state FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    expect(await rows(busy)).toEqual([]);
    expect(await rows("SELECT locktype FROM pg_locks WHERE locktype = 'advisory'")).toEqual([]);
  });

  test('a session may wait without an end', async () => {
    const session = new PostgresSession(freshId(), { connectionString, timeoutMs: Infinity });
    await session.addItems([user('a')]);
    expect(await session.getItems()).toEqual([user('a')]);
    await session.close();
  });

  test('a session that others keep locked is an error within the time, and nothing was changed', async () => {
    const id = freshId();
    const session = new PostgresSession(id, { connectionString, timeoutMs: 3000 });
    await session.addItems([user('a')]);
    const other = await pool.connect();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM baton_sessions WHERE session = $1 FOR UPDATE', [id]);
    expect(await codeOf(session.addItems([user('b')]))).toBe('session/busy');
    expect(await session.getItems()).toEqual([user('a')]);
    await other.query('COMMIT');
    other.release();
    await session.addItems([user('c')]);
    expect(await session.getItems()).toEqual([user('a'), user('c')]);
    await session.close();
  });

  test('a database that takes no writes is said, and can be read', async () => {
    const id = freshId();
    await new PostgresSession(id, { pool }).addItems([user('a')]);
    const url = withSetting('default_transaction_read_only=on');
    const session = new PostgresSession(id, { connectionString: url });
    expect(await codeOf(session.addItems([user('b')]))).toBe('session/read-only');
    expect(await session.getItems()).toEqual([user('a')]);
    await session.close();
  });

  test('ids too long for an index are refused, and nothing is saved', async () => {
    const session = open();
    const long = Array.from({ length: 5000 }, (_, n) => String.fromCodePoint(0x4e00 + ((n * 7919) % 20000))).join('');
    await expect(session.append([user('a')], { operationId: long })).rejects.toThrow('too long together');
    expect(await session.getItems()).toEqual([]);
  });

  test('half characters in ids of operations and calls are kept apart', async () => {
    const session = open();
    for (const id of ['\ud83d', '\udc00', '\ufffd', '\ud83d']) await session.append([user('x')], { operationId: id });
    expect(await session.getItems()).toHaveLength(3);
  });

  test('a pool and a client that are handed in stay open', async () => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const [one, other] = [open(), new PostgresSession(idOf(), { client })];
    await one.addItems([user('a')]);
    await other.addItems([user('b')]);
    expect(await one.getItems()).toEqual([user('a'), user('b')]);
    await Promise.all([one.close(), other.close()]);
    expect(await codeOf(other.getItems())).toBe('session/closed');
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test('a process that forgets to close its session ends', async () => {
    const module = new URL('./postgres-session.ts', import.meta.url).href;
    const script = `import { PostgresSession } from '${module}';
      const session = new PostgresSession('${freshId()}', { connectionString: process.env.BATON_POSTGRES_URL });
      await session.addItems([{ type: 'message', role: 'user', content: 'a' }]);
      console.log((await session.getItems()).length);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('1\n');
  });
});

describe.skipIf(connectionString === '')('the schema', () => {
  const admin = new pg.Pool({ connectionString, max: 1 });
  const fresh = async (): Promise<string> => {
    const name = `d${process.pid}_${++sessions}`;
    await admin.query(`CREATE DATABASE ${name}`);
    return name;
  };
  afterAll(() => admin.end());

  test('is made once by many who come at the same time', async () => {
    const url = withSetting('', await fresh());
    // Pools of their own: settings that differ are not shared.
    const many = Array.from(
      { length: 8 },
      (_, n) => new PostgresSession('s', { connectionString: url, maxConnections: n + 1 }),
    );
    await Promise.all(many.map((session, n) => session.addItems([user(`${n}`)])));
    expect(await many[0]?.getItems()).toHaveLength(8);
    await Promise.all(many.map((session) => session.close()));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query('SELECT component, version FROM baton_migrations');
    expect(rows).toEqual(rows.map((_, n) => ({ component: 'session', version: n + 1 })));
    await client.end();
  });

  test('of a newer version is refused and not changed', async () => {
    const url = withSetting('', await fresh());
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('CREATE TABLE baton_migrations (component text, version integer)');
    await client.query("INSERT INTO baton_migrations VALUES ('session', 99), ('log', 3)");
    const session = new PostgresSession('s', { connectionString: url });
    const error: unknown = await session.addItems([user('b')]).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'session/newer-schema' });
    expect(String(error)).toContain('has version 99 of the session tables');
    const { rows } = await client.query("SELECT 1 FROM pg_class WHERE relname LIKE 'baton_session%'");
    expect(rows).toEqual([]);
    await session.close();
    await client.end();
  });
});

/** Where a database is set to see one state of things for a whole transaction, its refusals are tried again. */
describe.skipIf(connectionString === '').each(['repeatable\\ read', 'serializable'])(
  'conformance under %s',
  (level) => {
    const url = connectionString === '' ? '' : withSetting(`default_transaction_isolation=${level}`);
    for (const { name, run } of sessionConformance({
      create: (id) => new PostgresSession(id, { connectionString: url }),
      dispose: (session) => (session instanceof PostgresSession ? session.close() : undefined),
      durable: true,
    }))
      test(name, run);
  },
);

test('statements that change something are one call each', () => {
  const changes = Object.entries(SQL).filter(([, text]) => !/ FROM baton_session(s|_items|_newest\w*)\b/.test(text));
  expect(changes.map(([name]) => name)).toEqual(['write', 'pop', 'clear', 'rewrite', 'line', 'swapLine', 'firstLine']);
  for (const [, text] of changes) expect(text).not.toContain(';');
});
