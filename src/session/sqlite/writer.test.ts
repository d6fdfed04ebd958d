import { copyFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Database, openDatabase } from '../../store/sqlite/database.ts';
import { refuseNetwork } from '../../store/sqlite/failure.ts';
import { planner } from '../../store/sqlite/plan.ts';
import { Writer } from '../../store/sqlite/writer.ts';
import type { Settled } from '../../store/sqlite/writer.ts';
import { sessionError } from './commands.ts';
import type { Command } from './commands.ts';
import { sessionTables } from './tables.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-writer-'));
  path = join(folder, 'x.db');
  const db = open();
  db.ready('session');
  db.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const components = [sessionTables];
const open = (): Database => openDatabase(path, { components });
type Outcome = { readonly answer: unknown } | { readonly error: ReturnType<typeof sessionError> };

type Bench = {
  readonly writer: Writer;
  /** Outcomes as they left, one list a commit. */
  readonly commits: (readonly Settled[])[];
  readonly ask: (command: Partial<Command> & { do: Command['do'] }, timeoutMs?: number) => Promise<Outcome>;
  readonly close: () => Promise<void>;
};

function bench(opened: () => Database = open): Bench {
  const commits: (readonly Settled[])[] = [];
  const waiting = new Map<number, (outcome: Outcome) => void>();
  const settle = (settled: readonly Settled[]): void => {
    commits.push(settled);
    for (const { id, outcome } of settled) {
      const { failure, answers } = { failure: undefined, answers: undefined, ...outcome };
      waiting.get(id)?.(failure ? { error: sessionError(failure) } : { answer: answers?.[0] });
    }
  };
  const writer = new Writer({ path, plan: planner(components), open: opened, settle });
  let id = 0;
  return {
    writer,
    commits,
    ask: (command, timeoutMs = 5000) =>
      new Promise((resolve) => {
        waiting.set(++id, resolve);
        const whole = { tenant: 't', session: 's', tolerant: false, limit: -1, ...command } as Command;
        writer.submit({ id, tasks: [{ component: 'session', command: whole }], timeoutMs });
      }),
    close: () => writer.close(),
  };
}

const rows = (...texts: string[]): { text: string }[] => texts.map((text) => ({ text: JSON.stringify({ text }) }));
const append = (...texts: string[]): { do: 'append'; rows: { text: string }[] } => ({
  do: 'append',
  rows: rows(...texts),
});
const stored = (): unknown[] => {
  const db = new DatabaseSync(path);
  const found = db.prepare('SELECT item FROM baton_session_items ORDER BY seq').all();
  db.close();
  return found.map((row) => JSON.parse(String(row['item'])).text);
};
const codeOf = (outcome: Outcome): string => ('error' in outcome ? outcome.error.code : 'answered');

test('what arrives together is committed together, at most 512 rows at a time', async () => {
  const { ask, commits, close } = bench();
  await Promise.all(Array.from({ length: 600 }, (_, n) => ask(append(`${n}`))));
  expect(commits.map((settled) => settled.length)).toEqual([512, 88]);
  await ask(append(...Array.from({ length: 700 }, () => 'large')));
  expect(commits).toHaveLength(3);
  await close();
  expect(stored().slice(0, 600)).toEqual(Array.from({ length: 600 }, (_, n) => `${n}`));
});

test.each(['ROLLBACK', 'ABORT', 'FAIL'])(
  'a command that is refused, or that the database fails with %s, takes no other with it',
  async (way) => {
    const raw = new DatabaseSync(path);
    raw.exec(`CREATE TRIGGER poison AFTER INSERT ON baton_session_items WHEN NEW.item LIKE '%poison%'
    BEGIN SELECT RAISE(${way}, 'poisoned'); END`);
    raw.close();
    const { ask, close } = bench();
    const outcomes = await Promise.all([
      ask(append('a')),
      ask({ ...append('late'), expectedHead: 99 }),
      ask(append('b', 'poison', 'c')),
      ask(append('d')),
    ]);
    expect(outcomes.map(codeOf)).toEqual(['answered', 'session/conflict', 'session/store', 'answered']);
    await close();
    expect(stored()).toEqual(['a', 'd']);
  },
);

test('while another connection writes, commands wait, and go through when it is done', async () => {
  const { ask, close } = bench();
  await ask(append('first'));
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const waiting = Promise.all([ask(append('a')), ask(append('b')), ask({ do: 'read' })]);
  // A session that nothing waits for is read meanwhile.
  expect(await ask({ do: 'read', session: 'other' })).toEqual({ answer: { texts: [] } });
  other.exec('COMMIT');
  other.close();
  const outcomes = await waiting;
  expect(outcomes.map(codeOf)).toEqual(['answered', 'answered', 'answered']);
  expect(outcomes[2]).toEqual({ answer: { texts: rows('first', 'a', 'b').map(({ text }) => text) } });
  await close();
});

test('a command whose time is up fails with the process that is in the way, and nothing of it is written', async () => {
  const { ask, close } = bench();
  await ask(append('first'));
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const patient = ask(append('patient'));
  const outcome = await ask(append('hasty'), 20);
  expect(outcome).toMatchObject({ error: { code: 'session/busy' } });
  if (process.platform === 'linux') expect(outcome).toMatchObject({ error: { blockedBy: process.pid } });
  expect('error' in outcome && outcome.error.message).toContain(`${path}: process`);
  other.exec('ROLLBACK');
  other.close();
  expect(codeOf(await patient)).toBe('answered');
  await close();
  expect(stored()).toEqual(['first', 'patient']);
});

test('opening waits for locks too', async () => {
  const fresh = new DatabaseSync((path = join(folder, 'fresh.db')));
  fresh.exec('BEGIN EXCLUSIVE; CREATE TABLE other (id)');
  const { ask, close } = bench();
  const asked = ask(append('a'));
  expect(codeOf(await ask(append('hasty'), 20))).toBe('session/busy');
  fresh.exec('COMMIT');
  fresh.close();
  expect(codeOf(await asked)).toBe('answered');
  await close();
});

test('when the file is full, what was acknowledged stays, and there is more room for the next call', async () => {
  const raw = new DatabaseSync(path, { timeout: 0 });
  raw.exec('PRAGMA max_page_count = 40');
  const { ask, close } = bench(() => new Database(raw, path, components));
  const acknowledged: string[] = [];
  let outcome: Outcome;
  do {
    const text = `${acknowledged.length} ${'x'.repeat(3000)}`;
    outcome = await ask(append(text, `${text} too`));
    if ('answer' in outcome) acknowledged.push(text, `${text} too`);
  } while ('answer' in outcome && acknowledged.length < 1000);
  expect(codeOf(outcome)).toBe('session/full');
  expect(outcome).toMatchObject({ error: { message: expect.stringContaining(path) } });
  expect(acknowledged.length).toBeGreaterThan(10);
  expect(stored()).toEqual(acknowledged);
  raw.exec('PRAGMA max_page_count = 400');
  expect(codeOf(await ask(append('after')))).toBe('answered');
  await close();
  expect(stored()).toEqual([...acknowledged, 'after']);
});

test('a database that cannot be written is read, and says so when it should be written', async () => {
  const first = bench();
  await first.ask(append('a'));
  await first.close();
  const { ask, close } = bench(() => new Database(new DatabaseSync(path, { readOnly: true }), path, components));
  expect(await ask({ do: 'read' })).toEqual({ answer: { texts: rows('a').map(({ text }) => text) } });
  const outcome = await ask(append('b'));
  expect(codeOf(outcome)).toBe('session/read-only');
  expect('error' in outcome && outcome.error.message).toContain(`write access to it and to ${folder}`);
  await close();
});

test('a network file system is refused', () => {
  expect(() => refuseNetwork('/net/x.db', () => 0x6969)).toThrow('/net/x.db is on a network file system');
  expect(() => refuseNetwork('/net/x.db', () => -11317950)).toThrow('Use a local disk');
  expect(() => refuseNetwork('/disk/x.db', () => 0xef53)).not.toThrow();
});

test('a damaged file is told to who asks for something, and not to who waits for changes', async () => {
  const copy = join(folder, 'copy.db');
  copyFileSync(path, copy);
  truncateSync(copy, 8192 + 100);
  const { ask, close, writer } = bench(() => openDatabase(copy, { components, readOnly: true }));
  expect(await ask({ do: 'read' })).toMatchObject({ error: { message: expect.stringContaining('malformed') } });
  expect(writer.version()).toBeUndefined();
  await close();
});
