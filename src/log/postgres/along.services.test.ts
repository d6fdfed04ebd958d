/** A session in the database of the log: both commit together or not at all, whatever ends on the way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startPostgres } from '../../../scripts/services/postgres.ts';
import { PostgresSession } from '../../session/index.ts';
import { startProxy } from '../../store/proxy.fixture.ts';
import { begin, more, numbersOf } from '../../testing/event-log-cases/support.ts';
import { postgresLog } from './postgres-log.ts';

const connectionString = process.env['BATON_POSTGRES_URL'] ?? '';
const KILLS = Number(process.env['BATON_LOG_KILLS'] ?? 20);

const message = (content: string) => ({ type: 'message' as const, role: 'user' as const, content });

let tenant = '';
const closing: { close(): Promise<void> }[] = [];
beforeEach(() => {
  tenant = crypto.randomUUID();
});
afterEach(async () => {
  for (const each of closing.splice(0)) await each.close();
});
const later = <T extends { close(): Promise<void> }>(opened: T): T => {
  closing.push(opened);
  return opened;
};
const openBoth = (url = connectionString) => ({
  log: later(postgresLog({ connectionString: url, tenant })),
  session: later(new PostgresSession('s1', { connectionString: url, tenant })),
});

describe.skipIf(connectionString === '')('a session in the database of the log', () => {
  test('is appended to together with the commit, or not at all', async () => {
    const { log, session } = openBoth();
    await begin(log, 'r1');
    const write = (operationId: string, content = 'hello', more: object = {}) => [
      session.appendWrite([message(content)], { operationId, ...more }),
    ];
    expect(write('o1')).toMatchObject([{ store: log.store, component: 'session' }]);
    await more(log, 'r1', { also: write('o1') });
    const both = async () => [await numbersOf(log, 'r1'), await session.getItems()];
    expect(await both()).toEqual([[0, 1], [message('hello')]]);
    await expect(more(log, 'r1', { position: 7, also: write('o2') })).rejects.toMatchObject({ code: 'log/conflict' });
    const refused = more(log, 'r1', { position: 2, status: 'finished', release: true, also: write('o1', 'else') });
    await expect(refused).rejects.toThrow('was used for something else');
    const half = more(log, 'r1', { position: 2, also: [...write('o3'), ...write('o4', 'x', { expectedHead: 99 })] });
    await expect(half).rejects.toMatchObject({ name: 'SessionError', code: 'session/conflict' });
    const old = more(log, 'r1', { position: 2, also: write('o5', 'x', { generation: 9 }) });
    await expect(old).rejects.toMatchObject({ code: 'session/cleared' });
    expect(await both()).toEqual([[0, 1], [message('hello')]]);
    expect((await log.read('r1'))?.info).toMatchObject({ status: 'running', lease: { owner: 'w1' } });
    expect(await more(log, 'r1', { also: write('o1') })).toMatchObject({ isRepeated: true });
    expect(await both()).toEqual([[0, 1], [message('hello')]]);
  });

  test('a turn is checked and ended in the commit', async () => {
    const { log, session } = openBoth();
    await begin(log, 'r1');
    const turn = await session.takeTurn({ runId: 'r1', durable: true });
    const write = (operationId: string) => turn.within(() => session.appendWrite([message('a')], { operationId }));
    const note = turn.writeOf({ waitsFor: 'a person' });
    const end = turn.writeOf({ end: true });
    if (!note || !end) throw new Error('a session in the database of the log');
    await more(log, 'r1', { also: [write('o1'), note] });
    expect(await session.turnHolder()).toMatchObject({ runId: 'r1', waitsFor: 'a person' });
    await expect(more(log, 'r1', { position: 9, also: [end] })).rejects.toMatchObject({ code: 'log/conflict' });
    expect(await session.turnHolder()).toMatchObject({ runId: 'r1' });
    const late = write('o2');
    await more(log, 'r1', { position: 2, also: [end] });
    expect(await session.turnHolder()).toBeUndefined();
    await expect(more(log, 'r1', { position: 3, also: [late] })).rejects.toMatchObject({ code: 'session/fenced' });
    expect([await numbersOf(log, 'r1'), await session.getItems()]).toEqual([[0, 1, 1], [message('a')]]);
    turn.ended();
    await (await session.takeTurn({ runId: 'r2', onBusy: 'reject' })).end();
  });

  test('makes its tables where the log is first, and what is odd arrives as it was', async () => {
    const running = await startPostgres();
    const { log, session } = openBoth(running.env['BATON_POSTGRES_URL']);
    const odd = ['\0', '\\u0000 \\', '\ud83d', '"{}"', 'عربى'].map(message);
    const call = { type: 'function_call' as const, callId: 'c\0\ud83d', name: 'f', arguments: '{}' };
    await begin(log, 'r1', { also: [session.appendWrite([...odd, call], { operationId: 'o\0' })] });
    expect(await session.getItems()).toEqual([...odd, call]);
    await Promise.all([log.close(), session.close()]);
    await running.stop();
  });

  test('of another connection string, pool or database is not taken along', async () => {
    const { log } = openBoth();
    const pool = new pg.Pool({ connectionString, max: 2 });
    const other = new PostgresSession('s1', { pool, tenant });
    const also = [other.appendWrite([message('a')], { operationId: 'o' })];
    await expect(begin(log, 'r1', { also })).rejects.toMatchObject({ code: 'log/other-store' });
    const shared = postgresLog({ pool, tenant });
    await begin(shared, 'r2', { also });
    expect(await other.getItems()).toEqual([message('a')]);
    expect(`${log.store} ${shared.store}`).not.toContain(new URL(connectionString).password || 'never');
    await pool.end();
  });

  test('many runs that write to one session wait for each other, and nothing is lost', async () => {
    const { log, session } = openBoth();
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        begin(log, `r${n}`, { also: [session.appendWrite([message(`${n}`)], { operationId: `o${n}` })] }),
      ),
    );
    const items = (await session.getItems()).map((item) => ('content' in item ? Number(item.content) : -1));
    expect(items.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  test('answers that are lost on the way: both were made, once', async () => {
    const proxy = await startProxy(connectionString);
    const { log, session } = openBoth(proxy.url);
    await begin(log, 'r1', { count: 0 });
    await session.getItems();
    for (let n = 0; n < 5; n++) {
      const also = [session.appendWrite([message(`${n}`)], { operationId: `o${n}` })];
      proxy.cutAfterNextRequest();
      await log.append({ runId: 'r1', position: n, fence: 1, events: [{ type: `${n}` }], also });
    }
    expect(await session.getItems()).toEqual([0, 1, 2, 3, 4].map((n) => message(`${n}`)));
    expect((await log.read('r1'))?.info.head).toBe(5);
    await Promise.all([log.close(), session.close()]);
    await proxy.close();
  });

  const pool = new pg.Pool({ connectionString, max: 2 });
  afterAll(() => pool.end());

  test('a process that is killed, and a connection that the server ends, leave both or neither', async () => {
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const job = JSON.stringify({ url: connectionString, tenant });
      const child = spawn(process.execPath, [new URL('along.fixture.ts', import.meta.url).pathname, job]);
      let errors = '';
      child.stderr.on('data', (text) => (errors += String(text)));
      let lines = 0;
      const goal = 1 + Math.floor(Math.random() * 20);
      for await (const line of createInterface(child.stdout)) {
        acknowledged = Number(line) + 1;
        if (++lines === goal && kill % 2 === 0) child.kill('SIGKILL');
        if (lines === goal && kill % 2 === 1) {
          await pool.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'baton' AND query LIKE '%append_along%'",
          );
          setTimeout(() => child.kill('SIGKILL'), 20);
        }
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      expect([child.signalCode, errors]).toEqual(['SIGKILL', '']);
      // One statement sees one state: the server may still be at work on what the dead process asked.
      const { rows } = await pool.query<{ items: string[]; events: string[] }>(
        `SELECT (SELECT array_agg(item::json->>'content' ORDER BY seq) FROM baton_session_items WHERE tenant = $1) AS items,
          (SELECT array_agg(event::json->>'type' ORDER BY position) FROM baton_run_events WHERE tenant = $1) AS events`,
        [tenant],
      );
      expect(rows[0]?.items).toEqual(rows[0]?.events);
      expect(rows[0]?.events.length).toBeGreaterThanOrEqual(acknowledged);
    }
  });
});
