/** Commands of sessions as statements for PostgreSQL: each change is one statement. */
import { isWrite } from '../sqlite/commands.ts';
import type { Answer, Command, Scope, SessionPosition } from '../sqlite/commands.ts';
import { persist } from '../../store/deadline.ts';
import type { Deadline } from '../../store/deadline.ts';
import { cleared, conflict, isSameSuffix, operationHash, safeId } from '../stored/operations.ts';
import { operationReused, suffixChanged } from '../transaction.ts';
import type { SessionStore } from '../stored/session-calls.ts';
import { SessionError } from '../errors.ts';
import { decodeLine } from '../turns/codec.ts';
import { NOBODY } from '../turns/line.ts';
import { changeLine, type LineIo, refusal, type StoredLine } from '../turns/stored.ts';
import { type Connections, type Rows, sqlState } from '../../store/postgres/connections.ts';
import { judge } from './failure.ts';
import { migrateSessions } from './schema.ts';

const OF_SESSION = 'tenant = $1 AND session = $2';
/** The tenant, where the write may be made: in the turn that `$3` and `$4` name, if one is named. */
const IN_TURN = 'baton_session_in_turn($1, $2, $3, $4, false)';
/** The same, and where none is named nobody may have the turn. */
const IN_ANY_TURN = 'baton_session_in_any_turn($1, $2, $3, $4)';
/** `LIMIT NULL` is all. */
export const SQL = {
  newest: 'SELECT item FROM baton_session_newest($1, $2, $3)',
  readable: 'SELECT seq, item FROM baton_session_newest_readable($1, $2, $3)',
  unreadable: `SELECT seq FROM baton_session_items WHERE ${OF_SESSION} AND seq >= $3 AND NOT baton_session_readable(item) ORDER BY seq`,
  head: `SELECT generation, head FROM baton_sessions WHERE ${OF_SESSION}`,
  write: `SELECT * FROM baton_session_write(${IN_TURN}, $2, $5, $6, $7, $8, $9, $10, $11)`,
  pop: `SELECT * FROM baton_session_pop(${IN_ANY_TURN}, $2, $5)`,
  clear: `SELECT baton_session_clear(${IN_ANY_TURN}, $2)`,
  rewrite: `SELECT baton_session_rewrite(${IN_TURN}, $2, $5, $6, $7)`,
  line: `SELECT baton_session_now() AS now, (SELECT line FROM baton_session_turns WHERE ${OF_SESSION}) AS line`,
  swapLine: `UPDATE baton_session_turns SET line = $4 WHERE ${OF_SESSION} AND line = $3 RETURNING true`,
  firstLine:
    'INSERT INTO baton_session_turns (tenant, session, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true',
} as const;

/** Databases whose schema was looked at, by their pool or client. */
const migrated = new WeakMap<object, Promise<void>>();

type Ask = (text: string, values: unknown[]) => Promise<Rows>;
type Write = Command & { readonly do: 'append' | 'replace' };

export function postgresStore(connections: Connections, place: string): SessionStore {
  return {
    place,
    repairAt: 'table baton_session_items',
    request: (command, deadline) => {
      let mayHaveWritten = false;
      return persist(
        deadline,
        async () => {
          mayHaveWritten = false;
          await prepare(connections, place, deadline);
          mayHaveWritten = isWrite(command);
          return execute((text, values) => connections.query(deadline, text, values), command, place);
        },
        (error) => judge(refused(error, command), { place, deadline, command, mayHaveWritten }),
      );
    },
    release: connections.release,
  };
}

function prepare(connections: Connections, place: string, deadline: Deadline): Promise<void> {
  const { key, query } = connections;
  const known = migrated.get(key);
  if (known) return known;
  const migrating = migrateSessions((text, values) => query(deadline, text, values), place).catch((error: unknown) => {
    migrated.delete(key);
    throw error;
  });
  migrated.set(key, migrating);
  return migrating;
}

async function execute(ask: Ask, command: Command, place: string): Promise<Answer> {
  const { tenant, session } = command;
  switch (command.do) {
    case 'read':
      return read(ask, command);
    case 'position':
      return { position: await positionOf(ask, command) };
    case 'append':
    case 'replace':
      return { position: await write(ask, command, place) };
    case 'rewrite': {
      const targets = command.changes.map(({ callId }) => safeId(callId));
      const items = command.changes.map(({ row }) => row.text);
      const callIds = command.changes.map(({ row }) => callIdOf(row));
      await ask(SQL.rewrite, [tenant, session, ...turnOf(command), targets, items, callIds]);
      return {};
    }
    case 'pop': {
      const [row] = await ask(SQL.pop, [tenant, session, ...turnOf(command), command.tolerant]);
      const text = row?.['popped'];
      return { unreadable: numbersOf(row?.['unreadable']), ...(typeof text === 'string' && { texts: [text] }) };
    }
    case 'clear':
      await ask(SQL.clear, [tenant, session, ...turnOf(command)]);
      return {};
    case 'line': {
      const { text, now } = await lineOf(ask, command);
      return { line: decodeLine(text, session), now };
    }
    case 'turn':
      return { turn: await changeLine(linesOf(ask, command), command.command) };
  }
}

async function lineOf(ask: Ask, { tenant, session }: Scope): Promise<StoredLine> {
  const [row] = await ask(SQL.line, [tenant, session]);
  const text = row?.['line'];
  return { text: typeof text === 'string' ? text : undefined, now: Number(row?.['now']) };
}

function linesOf(ask: Ask, scope: Scope): LineIo {
  const { tenant, session } = scope;
  return {
    sessionId: session,
    empty: NOBODY,
    read: () => lineOf(ask, scope),
    async swap(before, after) {
      if (before === undefined) return (await ask(SQL.firstLine, [tenant, session, after])).length > 0;
      return (await ask(SQL.swapLine, [tenant, session, before, after])).length > 0;
    },
  };
}

/** The refusal of `baton_session_in_turn`, as the error that it is. */
export function refused(error: unknown, { session }: Pick<Scope, 'session'>): unknown {
  const state = sqlState(error);
  if (state !== 'BT001' && state !== 'BT002') return error;
  const line = error instanceof Error && 'detail' in error && typeof error.detail === 'string' ? error.detail : '';
  return refusal(state === 'BT001' ? 'fenced' : 'taken', line === '' ? undefined : line, session);
}

async function read(ask: Ask, command: Command & { readonly do: 'read' }): Promise<Answer> {
  const { tenant, session, tolerant } = command;
  const limit = command.limit < 0 ? null : command.limit;
  if (!tolerant) return { texts: textsOf(await ask(SQL.newest, [tenant, session, limit])) };
  const rows = await ask(SQL.readable, [tenant, session, limit]);
  const isAll = limit === null || rows.length < limit;
  const oldest = isAll ? 0 : Number(rows.at(-1)?.['seq']);
  const unreadable = await ask(SQL.unreadable, [tenant, session, oldest]);
  return { texts: textsOf(rows), unreadable: unreadable.map((row) => Number(row['seq'])) };
}

async function positionOf(ask: Ask, { tenant, session }: Scope): Promise<SessionPosition> {
  const [row] = await ask(SQL.head, [tenant, session]);
  const head = Number(row?.['head'] ?? 0);
  return { generation: Number(row?.['generation'] ?? 1), first: head + 1, last: head };
}

async function write(ask: Ask, command: Write, place: string): Promise<SessionPosition> {
  const { tenant, session, rows, operationId } = command;
  const [generation, head] = command.do === 'append' ? [command.generation, command.expectedHead] : [];
  const operation = operationId === undefined ? [null, null] : [safeId(operationId), operationHash(command)];
  let suffix = command.do === 'replace' ? command.expected : [];
  for (;;) {
    const [row] = await ask(SQL.write, [
      tenant,
      session,
      ...turnOf(command),
      ...operation,
      generation ?? null,
      head ?? null,
      suffix,
      rows.map(({ text }) => text),
      rows.map(callIdOf),
    ]);
    const position = {
      generation: Number(row?.['at_generation']),
      first: Number(row?.['at_first']),
      last: Number(row?.['at_last']),
    };
    switch (row?.['outcome']) {
      case 'done':
        return position;
      case 'cleared':
        throw cleared(session, place);
      case 'other':
        throw operationReused(operationId ?? '');
      case 'conflict':
        throw conflict({ session, head: position.last, expected: head ?? 0 });
      case 'changed': {
        // The same content may have been stored with its keys in another order: the server compares texts.
        const stored = textsOf(await ask(SQL.newest, [tenant, session, suffix.length]));
        if (command.do !== 'replace' || !isSameSuffix(stored, command.expected)) throw suffixChanged();
        suffix = stored;
        break;
      }
      default:
        throw new SessionError('session/store', `${place}: the answer has no outcome. Is its schema damaged?`);
    }
  }
}

const turnOf = ({ turn }: Command): [string | null, number | null] => [turn?.key ?? null, turn?.fence ?? null];

const callIdOf = ({ callId }: { readonly callId?: string }): string | null =>
  callId === undefined ? null : safeId(callId);

/** Rows come newest first. */
const textsOf = (rows: Rows): string[] => rows.map((row) => String(row['item'])).reverse();

/** `pg` gives bigint as text, alone and in lists. */
const numbersOf = (list: unknown): number[] => (Array.isArray(list) ? list.map(Number) : []);
