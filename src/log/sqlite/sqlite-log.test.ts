import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SQLiteSession } from '../../session/index.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { begin, event, events, more, numbersOf } from '../../testing/event-log-cases/support.ts';
import { eventLogConformance } from '../../testing/event-log-conformance.ts';
import { StoreBlocked } from '../errors.ts';
import type { EventLog } from '../types.ts';
import { sqliteLog } from './sqlite-log.ts';
import type { SqliteLogOptions } from './sqlite-log.ts';

const shared = mkdtempSync(join(tmpdir(), 'baton-log-shared-'));
// It holds the file open, so that each case need not start a thread.
const keeper = sqliteLog({ path: join(shared, 'x.db') });
afterAll(async () => {
  await keeper.close();
  rmSync(shared, { recursive: true, force: true });
});

describe('a log in SQLite', () => {
  const create = async (tenant: string): Promise<EventLog> => {
    await keeper.list({ limit: 1 });
    return sqliteLog({ path: join(shared, 'x.db'), tenant });
  };
  for (const { name, run } of eventLogConformance({ create, shared: true })) test(name, run);
});

let folder: string;
let path: string;
const opened: EventLog[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-log-'));
  path = join(folder, 'x.db');
});
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<SqliteLogOptions> = {}): EventLog {
  const log = sqliteLog({ path, ...options });
  opened.push(log);
  return log;
}

/** Changes the file behind the log's back. */
function raw(sql: string): void {
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec(sql);
  db.close();
}

const message = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });

describe('a session in the same file', () => {
  test('is appended to together with the commit, or not at all', async () => {
    const log = open();
    await using session = new SQLiteSession('s1', { dbPath: path });
    await begin(log, 'r1');
    const write = (operationId: string, content = 'hello') => {
      const one = session.appendWrite([message(content)], { operationId });
      return one ? [one] : [];
    };
    expect(write('o1')).toMatchObject([{ store: log.store, component: 'session' }]);
    await more(log, 'r1', { also: write('o1') });
    expect([await numbersOf(log, 'r1'), await session.getItems()]).toEqual([[0, 1], [message('hello')]]);
    // The log refuses: another expected end.
    await expect(more(log, 'r1', { position: 7, also: write('o2') })).rejects.toMatchObject({ code: 'log/conflict' });
    // The session refuses: its operation id was used for something else.
    const refused = more(log, 'r1', { position: 2, status: 'finished', release: true, also: write('o1', 'else') });
    await expect(refused).rejects.toThrow('was used for something else');
    const [first] = write('o3');
    const stale = session.appendWrite([message('x')], { operationId: 'o4', expectedHead: 99 });
    if (!first || !stale) throw new Error('a session in a file');
    const half = more(log, 'r1', { position: 2, also: [first, stale] });
    await expect(half).rejects.toMatchObject({ name: 'SessionError', code: 'session/conflict' });
    expect([await numbersOf(log, 'r1'), await session.getItems()]).toEqual([[0, 1], [message('hello')]]);
    expect((await log.read('r1'))?.info).toMatchObject({ status: 'running', lease: { owner: 'w1' } });
    // Both again: the log knows its commit, and the session its operation.
    await more(log, 'r1', { also: write('o1') });
    expect([await numbersOf(log, 'r1'), await session.getItems()]).toEqual([[0, 1], [message('hello')]]);
  });

  test('and commits of many runs share a transaction, in which one refusal spoils nobody else', async () => {
    const log = open();
    await using session = new SQLiteSession('s1', { dbPath: path });
    await log.list();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => {
        const write = session.appendWrite([message(`${n}`)], {
          operationId: `o${n}`,
          ...(n % 3 === 0 && { generation: 9 }),
        });
        return begin(log, `r${n}`, write ? { also: [write] } : {});
      }),
    );
    const made = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    expect(made).toEqual(Array.from({ length: 20 }, (_, n) => n).filter((n) => n % 3 !== 0));
    expect(await session.getItems()).toEqual(made.map((n) => message(`${n}`)));
    expect((await log.list()).runs.map(({ runId }) => runId).toSorted()).toEqual(made.map((n) => `r${n}`).toSorted());
  });

  test('in memory cannot be committed along', async () => {
    await using session = new SQLiteSession('s1');
    expect(session.appendWrite([message('a')], { operationId: 'o' })).toBeUndefined();
    await using other = new SQLiteSession('s1', { dbPath: join(folder, 'other.db') });
    const write = other.appendWrite([message('a')], { operationId: 'o' });
    if (!write) throw new Error('a session in a file');
    await expect(begin(open(), 'r1', { also: [write] })).rejects.toMatchObject({ code: 'log/other-store' });
  });
});

test('options that cannot work are refused at once', () => {
  const wrong: [Partial<SqliteLogOptions>, string][] = [
    [{ path: '' }, '`path`'],
    [{ path: ':memory:' }, 'memoryLog'],
    [{ tenant: 'a\0' }, '`tenant`'],
    [{ requireTenant: true }, '`requireTenant`'],
    [{ requireTenant: true, tenant: 'default' }, '`requireTenant`'],
    [{ timeoutMs: -1 }, '`timeoutMs`'],
    [{ maxEventBytes: 0 }, '`maxEventBytes`'],
    [{ synchronous: 'off' as 'full' }, '`synchronous`'],
  ];
  for (const [options, named] of wrong) expect(() => open(options)).toThrow(named);
  expect(() => open({ requireTenant: true, tenant: 'acme' })).not.toThrow();
});

test('what is too large is refused with its size, and nothing is kept of it', async () => {
  const log = open({ maxEventBytes: 1000, maxRunBytes: 2500 });
  const large = [event('x'.repeat(1001))];
  await expect(begin(log, 'r1', { events: large })).rejects.toMatchObject({ code: 'log/too-large' });
  await begin(log, 'r1', { events: [event('x'.repeat(900))] });
  await expect(log.post('r1', { key: 'k', event: event('x'.repeat(1001)) })).rejects.toMatchObject({
    code: 'log/too-large',
  });
  await more(log, 'r1', { events: [event('x'.repeat(900))] });
  await expect(more(log, 'r1', { position: 2, events: [event('x'.repeat(900))] })).rejects.toThrow(
    'maxRunBytes is 2500',
  );
  expect((await numbersOf(log, 'r1'))?.length).toBe(2);
  await more(log, 'r1', { position: 2, events: [event('last')], status: 'failed' });
});

test('a large payload is stored once in a tenant, and goes with the last run that has it', async () => {
  const log = open();
  const other = open({ tenant: 'other' });
  const image = 'data:'.padEnd(700_000, 'x');
  const withImage = events(0, 3).map((one) => ({ ...one, image, list: [image] }));
  for (const runId of ['r1', 'r2']) await begin(log, runId, { events: withImage, status: 'finished' });
  await begin(other, 'r1', { events: withImage, status: 'finished' });
  const sizes = (): unknown => {
    const db = new DatabaseSync(path);
    const found = db.prepare('SELECT tenant, count(*) AS n FROM baton_blobs GROUP BY tenant ORDER BY tenant').all();
    const largest = db.prepare('SELECT max(length(event)) AS n FROM baton_run_events').get();
    db.close();
    return [found.map((row) => [row['tenant'], row['n']]), Number(largest?.['n']) < 1000];
  };
  expect(sizes()).toEqual([
    [
      ['default', 1],
      ['other', 1],
    ],
    true,
  ]);
  expect((await log.read('r2'))?.events.map((stored) => stored.event)).toEqual(withImage);
  expect((await log.read('r1'))?.info.bytes).toBeGreaterThan(6 * 700_000);
  await log.remove({ runIds: ['r1'] });
  expect((await log.read('r2'))?.events.length).toBe(3);
  await log.remove({ runIds: ['r2'] });
  expect(sizes()).toEqual([[['other', 1]], true]);
});

test('what is unreadable or missing is reported with its position and kept', async () => {
  const log = open();
  await begin(log, 'r1', { count: 6, snapshot: { at: 5, state: {} } });
  await begin(log, 'r2', { events: [event(0), event(1, { image: 'x'.repeat(700_000) })] });
  raw(`UPDATE baton_run_events SET event = '{"type":"cut' WHERE run = 'r1' AND position = 1;
    UPDATE baton_run_events SET event = '[1]' WHERE run = 'r1' AND position = 2;
    DELETE FROM baton_run_events WHERE run = 'r1' AND position = 4;
    INSERT INTO baton_run_events VALUES ('default', 'r1', 9, 0, '{"type":"late"}');
    DELETE FROM baton_blobs`);
  await expect(log.read('r1')).rejects.toMatchObject({ code: 'log/corrupt', positions: [1, 2, 4, 9] });
  await expect(log.read('r1')).rejects.toThrow(path);
  await expect(log.read('r2')).rejects.toMatchObject({ code: 'log/corrupt', positions: [1] });
  expect((await log.read('r2', { limit: 1 }))?.events.length).toBe(1);
  await expect(more(log, 'r1', { position: 1, events: events(1, 2) })).rejects.toMatchObject({ code: 'log/conflict' });
  raw(`DELETE FROM baton_run_events WHERE run = 'r1' AND position = 9;
    UPDATE baton_run_snapshots SET state = '{'`);
  await expect(log.read('r1', { snapshot: true, from: 5 })).rejects.toThrow(
    'The snapshot of run "r1" is unreadable'.slice(4),
  );
  expect((await log.read('r1', { from: 5 }))?.events.length).toBe(1);
  await log.post('r1', { key: 'a', event: event('a') });
  raw("UPDATE baton_run_inbox SET event = 'x'");
  await expect(log.read('r1', { from: 5 })).rejects.toMatchObject({ code: 'log/corrupt' });
});

test('a file of a newer version is refused and not changed; what it shares with the old one still works', async () => {
  const log = open();
  await begin(log, 'r1');
  await log.close();
  raw("INSERT INTO baton_migrations (component, version) VALUES ('log', 99)");
  const before = readFileSync(path);
  const again = open();
  await expect(more(again, 'r1')).rejects.toMatchObject({ code: 'log/newer-schema' });
  await expect(again.read('r1')).rejects.toThrow('Upgrade the package');
  await again.close();
  expect(readFileSync(path).equals(before)).toBe(true);
  await using session = new SQLiteSession('s1', { dbPath: path });
  await session.addItems([message('a')]);
  expect(await session.getItems()).toHaveLength(1);
});

test('a log that is only read refuses to write, and changes no byte', async () => {
  const log = open();
  await begin(log, 'r1', { count: 3 });
  await log.close();
  const before = readFileSync(path);
  const reader = open({ readOnly: true });
  expect(await numbersOf(reader, 'r1')).toEqual([0, 1, 2]);
  expect((await reader.list()).runs).toHaveLength(1);
  const writes = [
    () => more(reader, 'r1', { position: 3 }),
    () => reader.post('r1', { key: 'a', event: event('a') }),
    () => reader.leases.beat('w1'),
    () => reader.remove({ runIds: ['r1'], evenOpen: true }),
  ];
  for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'log/read-only' });
  await expect(sqliteLog({ path }).list()).rejects.toThrow('readOnly');
  await reader.close();
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('a truncated file is reported, also when a copy of it is only read, and nothing is repaired by itself', async () => {
  const log = open();
  for (let n = 0; n < 40; n++) await begin(log, `r${n}`, { events: [event('x'.repeat(9000))] });
  await log.close();
  const copy = join(folder, 'copy.db');
  for (const share of [0.9, 0.5, 0.1]) {
    copyFileSync(path, copy);
    truncateSync(copy, Math.floor((readFileSync(path).length * share) / 4096) * 4096 + 100);
    const before = readFileSync(copy);
    const reader = open({ path: copy, readOnly: true });
    const outcomes = await Promise.allSettled([...Array(40).keys()].map((n) => reader.read(`r${n}`)));
    const failures = outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason.code)] : []));
    expect(failures.length).toBeGreaterThan(0);
    expect(new Set(failures)).toEqual(new Set(['log/not-a-database']));
    for (const one of outcomes) if (one.status === 'fulfilled') expect(one.value?.events.length).toBe(1);
    await reader.close();
    expect(readFileSync(copy).equals(before)).toBe(true);
  }
  writeFileSync(copy, 'no database at all'.repeat(100));
  await expect(open({ path: copy }).list()).rejects.toMatchObject({ code: 'log/not-a-database' });
  await expect(open({ path: join(folder, 'none', 'x.db') }).list()).rejects.toMatchObject({ code: 'log/cannot-open' });
});

test('who is in the way for too long is named', async () => {
  const log = open({ timeoutMs: 50 });
  await begin(log, 'r1');
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const error: unknown = await more(log, 'r1').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StoreBlocked);
  expect(error).toMatchObject({ code: 'log/busy', ...(process.platform === 'linux' && { blockedBy: process.pid }) });
  // Reading waits for nobody.
  expect(await numbersOf(log, 'r1')).toEqual([0]);
  other.exec('ROLLBACK');
  other.close();
  await more(log, 'r1');
});

test('a file that is taken away while it is open is reported', async () => {
  const log = open();
  await begin(log, 'r1');
  rmSync(path);
  await expect(more(log, 'r1')).rejects.toMatchObject({ code: 'log/moved' });
});

test('many watchers of one process are told of their own run only', async () => {
  const log = open();
  for (let n = 0; n < 20; n++) await begin(log, `r${n}`);
  const told: string[] = [];
  const watching = Array.from({ length: 20 }, async (_, n) => {
    const info = await log.watch(`r${n}`, { head: n === 7 ? 2 : 1 });
    told.push(`${info?.runId} ${info?.head}`);
  });
  for (const n of [3, 7, 11]) await more(log, `r${n}`);
  await Promise.all([watching[3], watching[11]]);
  expect(told.toSorted()).toEqual(['r11 2', 'r3 2']);
  await more(log, 'r7', { position: 2 });
  await watching[7];
  await Promise.all([log.close(), ...watching.map((one) => one.catch(() => undefined))]);
  expect(told).toHaveLength(3);
});
