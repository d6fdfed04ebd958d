import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { sessionConformance } from '../../testing/session-conformance.ts';
import { SessionError } from '../errors.ts';
import { SQLiteSession } from './sqlite-session.ts';
import type { SQLiteSessionOptions } from './sqlite-session.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-sqlite-'));
const dbPath = join(folder, 'sessions.db');
/** Keeps the thread of `dbPath` between tests. */
const keeper = new SQLiteSession('keeper', { dbPath });
beforeAll(() => keeper.getItems());
afterAll(async () => {
  await keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
let sessions = 0;
const open = (options: SQLiteSessionOptions = {}): SQLiteSession =>
  new SQLiteSession(`s${++sessions}`, { dbPath, ...options });
const raw = <T>(act: (db: DatabaseSync) => T, path = dbPath): T => {
  const db = new DatabaseSync(path, { timeout: 5000 });
  try {
    return act(db);
  } finally {
    db.close();
  }
};
const codeOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => (error instanceof SessionError ? error.code : error),
  );

describe('conformance of a file', () => {
  for (const { name, run } of sessionConformance({
    create: (id) => new SQLiteSession(id, { dbPath }),
    createForTenant: (id, tenant) => new SQLiteSession(id, { dbPath, tenant }),
    dispose: (session) => (session instanceof SQLiteSession ? session.close() : undefined),
    durable: true,
  }))
    test(name, run);
});

describe('conformance in memory', () => {
  for (const { name, run } of sessionConformance({ create: (id) => new SQLiteSession(id) })) test(name, run);
});

describe('options', () => {
  test.each<[string, unknown, string]>([
    ['', {}, '`sessionId` must be a non-empty string'],
    ['a\0b', {}, '`sessionId` must be'],
    ['\ud83d', {}, '`sessionId` must be'],
    ['s', { tenant: '' }, '`tenant` must be a non-empty string'],
    ['s', { dbPath: '' }, '`dbPath` must be a non-empty string'],
    ['s', { timeoutMs: -1 }, '`timeoutMs` must be 0 or more'],
    ['s', { timeoutMs: Number.NaN }, '`timeoutMs` must be 0 or more'],
    ['s', { onCorrupt: 'delete' }, "`onCorrupt` must be 'throw' or 'warn'"],
    ['s', { synchronous: 'off' }, "`synchronous` must be 'full' or 'normal'"],
    ['s', { requireTenant: true }, 'needs option `tenant`'],
    ['s', { requireTenant: true, tenant: 'default' }, 'needs option `tenant`'],
  ])('the id %j with %j is refused', (id, options, message) => {
    expect(() => new SQLiteSession(id, options as SQLiteSessionOptions)).toThrow(message);
    expect(() => new SQLiteSession(id, options as SQLiteSessionOptions)).toThrow(UserError);
  });

  test('with a tenant of its own, a session that requires one works', async () => {
    const session = open({ tenant: 'acme', requireTenant: true });
    await session.addItems([user('a')]);
    expect(await session.getItems()).toEqual([user('a')]);
  });

  test('every row carries the tenant', async () => {
    const session = open({ tenant: 'row-tenant' });
    await session.append([user('a')], { operationId: 'o' });
    for (const table of ['baton_sessions', 'baton_session_items', 'baton_session_operations']) {
      const rows = raw((db) => db.prepare(`SELECT tenant FROM ${table} WHERE session = ?`).all(`s${sessions}`));
      expect(rows.map((row) => row['tenant'])).toEqual(['row-tenant']);
    }
  });

  test('sessions in memory have nothing in common, whatever their ids', async () => {
    const [one, other] = [new SQLiteSession('same'), new SQLiteSession('same', { dbPath: ':memory:' })];
    await one.addItems([user('a')]);
    expect(await other.getItems()).toEqual([]);
    await Promise.all([one.close(), other.close()]);
  });

  test('two names of one file are one store, and it has one value of synchronous', async () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    const real = new SQLiteSession('a', { dbPath: join(folder, 'real', 'x.db') });
    const linked = new SQLiteSession('a', { dbPath: join(folder, 'link', 'x.db'), synchronous: 'normal' });
    await real.addItems([user('a')]);
    await expect(linked.getItems()).rejects.toThrow("already open with synchronous 'full'");
    await real.close();
    expect(await linked.getItems()).toEqual([user('a')]);
    await linked.close();
  });
});

describe('positions and operations', () => {
  test('a position is never given twice, not after a pop and not after a clear', async () => {
    const session = open();
    expect(await session.position()).toEqual({ generation: 1, first: 1, last: 0 });
    expect(await session.append([user('a'), user('b')])).toEqual({ generation: 1, first: 1, last: 2 });
    await session.popItem();
    expect(await session.append([user('c')])).toEqual({ generation: 1, first: 3, last: 3 });
    await session.clearSession();
    expect(await session.append([user('d')])).toEqual({ generation: 2, first: 4, last: 4 });
    expect(await session.append([])).toEqual({ generation: 2, first: 5, last: 4 });
  });

  test('a repeated operation returns where its items went, whatever the order of their keys', async () => {
    const session = open();
    const first = await session.append([user('a')], { operationId: 'o' });
    await session.append([user('b')]);
    const turned: AgentInputItem = JSON.parse('{"content":"a","role":"user","type":"message"}');
    expect(await session.append([turned], { operationId: 'o' })).toEqual(first);
    expect(await session.getItems()).toHaveLength(2);
  });

  test('a retry from before a clear is refused, by its operation and by its generation', async () => {
    const session = open();
    const { generation } = await session.append([user('secret')], { operationId: 'o' });
    await session.clearSession();
    expect(await codeOf(session.append([user('secret')], { operationId: 'o' }))).toBe('session/cleared');
    const transaction = { type: 'append_items' as const, items: [user('other')] };
    expect(await codeOf(session.applyHistoryTransaction({ operationId: 'o', transaction }))).toBe('session/cleared');
    expect(await codeOf(session.append([user('late')], { generation }))).toBe('session/cleared');
    expect(await session.getItems()).toEqual([]);
  });

  test('a clear leaves no trace of what was said', async () => {
    const session = open();
    await session.append([user('secret')], { operationId: 'o' });
    await session.clearSession();
    const [operation] = raw((db) =>
      db.prepare('SELECT hash FROM baton_session_operations WHERE session = ?').all(`s${sessions}`),
    );
    expect(operation?.['hash']).toBe('');
  });

  test('an append with an expected head fails when somebody else was faster', async () => {
    const session = open();
    const { last } = await session.append([user('a')]);
    await session.append([user('b')], { expectedHead: last });
    expect(await codeOf(session.append([user('c')], { expectedHead: last }))).toBe('session/conflict');
    expect(await session.getItems()).toEqual([user('a'), user('b')]);
  });

  test('items that JSON cannot say are refused with their place, and nothing is added', async () => {
    const session = open();
    for (const odd of [{ at: new Date(0) }, { n: 1n }, { f: () => 1 }, { n: Number.NaN }, { m: new Map() }]) {
      const items: AgentInputItem[] = [user('a'), { type: 'unknown', providerData: odd as Record<string, unknown> }];
      await expect(session.addItems(items)).rejects.toThrow('item 1, holds data that cannot be stored');
    }
    await expect(session.addItems([null] as unknown as [])).rejects.toThrow('item 0, must be an object. Got null.');
    await expect(session.addItems('x' as unknown as [])).rejects.toThrow('needs an array of items. Got string.');
    expect(await session.getItems()).toEqual([]);
  });
});

describe('unreadable items', () => {
  const broken = async (options: SQLiteSessionOptions = {}): Promise<SQLiteSession> => {
    const session = open(options);
    await session.addItems(['a', 'b', 'c', 'd'].map(user));
    raw((db) => {
      const change = db.prepare('UPDATE baton_session_items SET item = ? WHERE session = ? AND seq = ?');
      change.run('{"type":"message", "password', `s${sessions}`, 2);
      change.run('"no object"', `s${sessions}`, 4);
    });
    return session;
  };
  const count = (): unknown =>
    raw((db) => db.prepare('SELECT count(*) AS n FROM baton_session_items WHERE session = ?').get(`s${sessions}`))?.[
      'n'
    ];

  test('are an error that names their positions and not their content', async () => {
    const session = await broken();
    const error: unknown = await session.getItems().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'session/corrupt-item', positions: [2, 4] });
    expect(String(error)).toContain(dbPath);
    expect(String(error)).not.toContain('password');
    await expect(session.getItems(1)).rejects.toMatchObject({ positions: [4] });
  });

  test('are not destroyed by a pop', async () => {
    const session = await broken();
    await expect(session.popItem()).rejects.toMatchObject({ code: 'session/corrupt-item', positions: [4] });
    expect(count()).toBe(4);
  });

  test('are not destroyed by replacing a suffix', async () => {
    const session = await broken();
    const transaction = { type: 'replace_suffix' as const, expectedSuffix: [user('d')], replacement: [] };
    await expect(session.applyHistoryTransaction({ operationId: 'o', transaction })).rejects.toThrow(
      'does not end with expectedSuffix',
    );
    expect(count()).toBe(4);
  });

  test('can be left out: then they are said, kept, and do not count', async () => {
    const lines: string[] = [];
    const original = console.warn;
    console.warn = (line: string) => void lines.push(line);
    try {
      const session = await broken({ onCorrupt: 'warn' });
      expect(await session.getItems()).toEqual([user('a'), user('c')]);
      expect(await session.getItems(2)).toEqual([user('a'), user('c')]);
      expect(await session.getItems(1)).toEqual([user('c')]);
      expect(await session.getItems(0)).toEqual([]);
      expect(await session.popItem()).toEqual(user('c'));
      expect(await session.getItems()).toEqual([user('a')]);
    } finally {
      console.warn = original;
    }
    expect(count()).toBe(3);
    expect(lines[0]).toContain('unreadable items at position 2, 4. They were left out and kept.');
    expect(lines).toHaveLength(5);
  });
});

describe('the file', () => {
  test('order is the position: times in the rows mean nothing', async () => {
    const session = open();
    await session.addItems(['a', 'b', 'c'].map(user));
    raw((db) =>
      db.prepare('UPDATE baton_session_items SET saved_at = 1000 - seq WHERE session = ?').run(`s${sessions}`),
    );
    expect(await session.getItems()).toEqual(['a', 'b', 'c'].map(user));
    expect(await session.getItems(2)).toEqual(['b', 'c'].map(user));
  });

  test('foreign keys are on: with a session its items go', async () => {
    const session = open();
    raw((db) =>
      db.exec(`CREATE TRIGGER gone AFTER INSERT ON baton_session_items WHEN NEW.session = 's${sessions}'
        BEGIN DELETE FROM baton_sessions WHERE session = NEW.session; END`),
    );
    await session.addItems([user('a')]);
    raw((db) => db.exec('DROP TRIGGER gone'));
    expect(await session.getItems()).toEqual([]);
  });

  test('the newest items and a change of a call are found by index', () => {
    const plan = (sql: string): string =>
      raw((db) => db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all())
        .map((row) => String(row['detail']))
        .join('; ');
    const where = "FROM baton_session_items WHERE tenant = 't' AND session = 's'";
    expect(plan(`SELECT item ${where} ORDER BY seq DESC LIMIT 5`)).toMatch(/^SEARCH .* \(tenant=\? AND session=\?\)$/);
    expect(plan(`SELECT seq ${where} AND call_id = 'c' ORDER BY seq`)).toMatch(/^SEARCH .*baton_session_calls/);
  });

  test('tables of others are left alone', async () => {
    const path = join(folder, 'shared.db');
    raw((db) => db.exec('CREATE TABLE agent_messages (id INTEGER); INSERT INTO agent_messages VALUES (7)'), path);
    const session = new SQLiteSession('s', { dbPath: path });
    await session.addItems([user('a')]);
    await session.close();
    expect(raw((db) => db.prepare('SELECT id FROM agent_messages').get(), path)).toMatchObject({ id: 7 });
  });

  test('a file of a newer version is refused and not changed', async () => {
    const path = join(folder, 'newer.db');
    const old = new SQLiteSession('s', { dbPath: path });
    await old.addItems([user('a')]);
    await old.close();
    raw((db) => db.exec("INSERT INTO baton_migrations (component, version) VALUES ('session', 99)"), path);
    const session = new SQLiteSession('s', { dbPath: path });
    const error: unknown = await session.addItems([user('b')]).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'session/newer-schema' });
    expect(String(error)).toContain('has version 99 of the session tables');
    await session.close();
    expect(raw((db) => db.prepare('SELECT count(*) AS n FROM baton_session_items').get(), path)?.['n']).toBe(1);
  });

  test('the schema is noted with its version', () => {
    const rows = raw((db) => db.prepare('SELECT component, version FROM baton_migrations').all());
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { component: 'session', version: 1 },
      { component: 'session', version: 2 },
    ]);
  });

  test('a folder that is not there, and a file that is no database, are said with their path', async () => {
    const nowhere = new SQLiteSession('s', { dbPath: join(folder, 'nowhere', 'x.db') });
    await expect(nowhere.getItems()).rejects.toThrow(`the folder ${join(folder, 'nowhere')} exists`);
    expect(await codeOf(nowhere.getItems())).toBe('session/cannot-open');
    writeFileSync(join(folder, 'text.db'), 'This is a text and no database. '.repeat(100));
    const text = new SQLiteSession('s', { dbPath: join(folder, 'text.db') });
    expect(await codeOf(text.addItems([user('a')]))).toBe('session/not-a-database');
    await Promise.all([nowhere.close(), text.close()]);
  });

  test('a call after the cause was mended goes through', async () => {
    const session = new SQLiteSession('s', { dbPath: join(folder, 'later', 'x.db') });
    expect(await codeOf(session.addItems([user('a')]))).toBe('session/cannot-open');
    mkdirSync(join(folder, 'later'));
    await session.addItems([user('a')]);
    expect(await session.getItems()).toEqual([user('a')]);
    await session.close();
  });

  test('a file that is deleted while it is open takes no more items in silence', async () => {
    const path = join(folder, 'deleted.db');
    const session = new SQLiteSession('s', { dbPath: path });
    await session.addItems([user('a')]);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
    expect(await codeOf(session.addItems([user('b')]))).toBe('session/moved');
    await session.addItems([user('c')]);
    expect(await session.getItems()).toEqual([user('c')]);
    await session.close();
  });
});

describe('closing', () => {
  test('waits for what is under way, once, and refuses what comes later', async () => {
    const session = open();
    let isAdded = false;
    const adding = session.addItems([user('a')]).then(() => (isAdded = true));
    await Promise.all([session.close(), session.close()]);
    expect(isAdded).toBe(true);
    await adding;
    const late: unknown = await session.getItems().catch((caught: unknown) => caught);
    expect(late).toMatchObject({ code: 'session/closed' });
    expect(await session.getSessionId()).toBe(`s${sessions}`);
    const again = new SQLiteSession(`s${sessions}`, { dbPath });
    expect(await again.getItems()).toEqual([user('a')]);
  });

  test('the last session of a file lets go of it, the others do not', async () => {
    const path = join(folder, 'counted.db');
    const [one, other] = [new SQLiteSession('a', { dbPath: path }), new SQLiteSession('b', { dbPath: path })];
    await one.addItems([user('a')]);
    await other.addItems([user('b')]);
    await one.close();
    await other.addItems([user('b2')]);
    expect(existsSync(`${path}-wal`)).toBe(true);
    await other.close();
    // SQLite removes it when the last connection goes.
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  test('happens at the end of `await using`', async () => {
    let kept: SQLiteSession;
    {
      await using session = new SQLiteSession('u');
      await session.addItems([user('a')]);
      kept = session;
    }
    expect(await codeOf(kept.getItems())).toBe('session/closed');
  });

  test('a session that was never used opens nothing', async () => {
    const path = join(folder, 'unused.db');
    await new SQLiteSession('s', { dbPath: path }).close();
    expect(existsSync(path)).toBe(false);
  });
});
