/** Commands that forget sessions. Synchronous, in a transaction. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { SessionError } from '../errors.ts';
import type { Listed } from '../place.ts';
import { familyOf } from '../place.ts';
import { decodeLine } from '../turns/codec.ts';
import { livingHolder } from '../turns/line.ts';
import type { Scope } from './commands.ts';

export type EraseCommand =
  | (Scope & { readonly do: 'erase'; readonly runs: readonly string[]; readonly most: number })
  | { readonly do: 'list'; readonly tenant: string; readonly family: string }
  | { readonly do: 'list'; readonly tenant: string; readonly after: string; readonly most: number };

export const isErase = (command: { readonly do: string }): command is EraseCommand =>
  command.do === 'erase' || command.do === 'list';

const OF_SESSION = 'tenant = ? AND session = ?';
const SAVED = `(SELECT saved_at FROM baton_session_items AS i WHERE i.tenant = s.tenant AND i.session = s.session
  ORDER BY seq DESC LIMIT 1)`;
const HELD = `EXISTS (SELECT 1 FROM baton_session_turns AS t WHERE t.tenant = s.tenant AND t.session = s.session
  AND json_valid(t.line) AND json_extract(t.line, '$.holder') IS NOT NULL)`;
/** A session may have a turn before it has items. */
const KNOWN = `(SELECT tenant, session FROM baton_sessions UNION SELECT tenant, session FROM baton_session_turns)`;
const LIST = `SELECT session, ${SAVED} AS saved_at, ${HELD} AS held FROM ${KNOWN} AS s WHERE tenant = ? AND`;
const SQL = {
  family: `${LIST} (session = ? OR session = ? OR (session > ? AND session < ?)) ORDER BY session`,
  after: `${LIST} session > ? ORDER BY session LIMIT ?`,
  line: `SELECT line FROM baton_session_turns WHERE ${OF_SESSION}`,
  items: `DELETE FROM baton_session_items WHERE ${OF_SESSION} AND seq IN
    (SELECT seq FROM baton_session_items WHERE ${OF_SESSION} ORDER BY seq LIMIT ?)`,
  operations: `DELETE FROM baton_session_operations WHERE ${OF_SESSION} AND operation IN
    (SELECT operation FROM baton_session_operations WHERE ${OF_SESSION} ORDER BY operation LIMIT ?)`,
  turns: `DELETE FROM baton_session_turns WHERE ${OF_SESSION}`,
  session: `DELETE FROM baton_sessions WHERE ${OF_SESSION}`,
} as const;

/** @throws SessionError `session/turn-taken`, before the first write */
export function erase(db: DatabaseSync, command: EraseCommand): readonly Listed[] | { readonly more: boolean } {
  if (command.do === 'list') return list(db, command);
  const { tenant, session, runs, most } = command;
  const line = decodeLine(lineOf(db, command), session);
  const holder = livingHolder(line, Date.now());
  if (holder && !runs.includes(holder.runId)) {
    throw new SessionError(
      'session/turn-taken',
      `Session "${session}" is in the turn of run ${holder.runId}, so it was not erased. Wait for the run, or erase it too.`,
    );
  }
  for (const sql of [SQL.items, SQL.operations]) {
    if (Number(db.prepare(sql).run(tenant, session, tenant, session, most).changes) === most) return { more: true };
  }
  db.prepare(SQL.turns).run(tenant, session);
  db.prepare(SQL.session).run(tenant, session);
  return { more: false };
}

function lineOf(db: DatabaseSync, { tenant, session }: Scope): string | undefined {
  const row = db.prepare(SQL.line).get(tenant, session);
  return row && String(row['line']);
}

function list(db: DatabaseSync, command: EraseCommand & { readonly do: 'list' }): Listed[] {
  const values: SQLInputValue[] = 'family' in command ? [...familyOf(command.family)] : [command.after, command.most];
  const sql = 'family' in command ? SQL.family : SQL.after;
  return db
    .prepare(sql)
    .all(command.tenant, ...values)
    .map((row) => ({
      id: String(row['session']),
      savedAt: row['saved_at'] === null ? undefined : Number(row['saved_at']) * 1000,
      isHeld: row['held'] === 1,
    }));
}
