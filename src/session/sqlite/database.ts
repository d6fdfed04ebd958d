/**
 * What sessions do with a SQLite connection. Synchronous: it belongs into the writer thread, or to a database in memory.
 *
 * D1 A refusal (`UserError`, `SessionError`) comes before the first write of its command. So commands can share a
 *    transaction, and a refused one leaves nothing behind.
 * D2 `head` never goes down: a position is never given twice.
 * D3 No command deletes or changes an item that it cannot read.
 */
import { createHash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { SessionError } from '../errors.ts';
import { operationReused, suffixChanged } from '../transaction.ts';
import { decodeLine, encodeLine } from '../turns/codec.ts';
import { decideTurn, type Line, type TurnCommand } from '../turns/line.ts';
import { checkTurn } from '../turns/memory.ts';
import { canonical } from './codec.ts';
import type { Answer, AppendCommand, Command, InTurn, Row, Scope, SessionPosition } from './commands.ts';

/** A command with the hash of what it does, taken before the transaction begins. */
export type Prepared = { readonly command: Command; readonly hash: string };
type Head = { readonly generation: number; readonly head: number };

export function prepare(command: Command): Prepared {
  const isHashed = command.do === 'replace' || (command.do === 'append' && command.operationId !== undefined);
  if (!isHashed) return { command, hash: '' };
  const expected = command.do === 'replace' ? command.expected : [];
  const hash = createHash('sha256').update(`${command.do} ${expected.length}`);
  // A text of JSON holds no line feed.
  for (const text of [...expected, ...command.rows.map((row) => row.text)]) hash.update('\n').update(canonical(text));
  return { command, hash: hash.digest('base64') };
}

/** In SQL: the item is a JSON object. */
const READABLE = "CASE WHEN json_valid(item) THEN json_type(item) = 'object' ELSE 0 END";
const OF_SESSION = 'tenant = ? AND session = ?';
/** Anonymous parameters only: Node 22.13 does not bind numbered ones by position. */
const SQL = {
  all: `SELECT item FROM baton_session_items WHERE ${OF_SESSION} ORDER BY seq`,
  newest: `SELECT item FROM baton_session_items WHERE ${OF_SESSION} ORDER BY seq DESC LIMIT ?`,
  readable: `SELECT seq, item FROM baton_session_items WHERE ${OF_SESSION} AND ${READABLE} ORDER BY seq DESC LIMIT ?`,
  unreadable: `SELECT seq FROM baton_session_items WHERE ${OF_SESSION} AND seq >= ? AND NOT ${READABLE} ORDER BY seq`,
  suffix: `SELECT seq, item, ${READABLE} AS ok FROM baton_session_items WHERE ${OF_SESSION} ORDER BY seq DESC LIMIT ?`,
  head: `SELECT generation, head FROM baton_sessions WHERE ${OF_SESSION}`,
  begin: 'INSERT INTO baton_sessions (tenant, session, generation, head) VALUES (?, ?, 1, 0)',
  advance: `UPDATE baton_sessions SET head = ? WHERE ${OF_SESSION}`,
  insert: 'INSERT INTO baton_session_items (tenant, session, seq, call_id, item) VALUES (?, ?, ?, ?, ?)',
  remove: `DELETE FROM baton_session_items WHERE ${OF_SESSION} AND seq = ?`,
  removeFrom: `DELETE FROM baton_session_items WHERE ${OF_SESSION} AND seq >= ?`,
  removeAll: `DELETE FROM baton_session_items WHERE ${OF_SESSION}`,
  calls: `SELECT seq FROM baton_session_items WHERE ${OF_SESSION} AND call_id = ? AND ${READABLE} ORDER BY seq`,
  change: `UPDATE baton_session_items SET item = ?, call_id = ? WHERE ${OF_SESSION} AND seq = ?`,
  operation: `SELECT generation, hash, first, last FROM baton_session_operations WHERE ${OF_SESSION} AND operation = ?`,
  note: 'INSERT INTO baton_session_operations (tenant, session, operation, generation, hash, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)',
  forget: `UPDATE baton_session_operations SET hash = '' WHERE ${OF_SESSION}`,
  line: `SELECT line FROM baton_session_turns WHERE ${OF_SESSION}`,
  setLine: 'INSERT OR REPLACE INTO baton_session_turns (tenant, session, line) VALUES (?, ?, ?)',
  clear: `UPDATE baton_sessions SET generation = generation + 1 WHERE ${OF_SESSION}`,
} as const;

export class SessionDatabase {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<keyof typeof SQL, StatementSync>();

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** @throws UserError, SessionError: refused, see D1. Anything else: the transaction must be rolled back. */
  execute({ command, hash }: Prepared): Answer {
    switch (command.do) {
      case 'read':
        return command.tolerant ? this.#readTolerantly(command, command.limit) : this.#read(command, command.limit);
      case 'position':
        return { position: this.#position(command) };
      case 'append':
        this.#checkTurn(command);
        return this.#append(command, hash);
      case 'replace':
        this.#checkTurn(command);
        return this.#replace(command, hash);
      case 'rewrite':
        this.#checkTurn(command);
        return this.#rewrite(command, command.changes);
      case 'pop':
        this.#checkTurn(command, true);
        return this.#pop(command, command.tolerant);
      case 'clear':
        this.#checkTurn(command, true);
        return this.#clear(command);
      case 'line':
        return { line: this.#line(command) };
      case 'turn':
        return this.#turn(command, command.command);
    }
  }

  #turn(scope: Scope, command: TurnCommand): Answer {
    const before = this.#line(scope);
    const { line, answer } = decideTurn(before, command, Date.now());
    if (line !== before) this.#run('setLine', scope.tenant, scope.session, encodeLine(line));
    return { turn: answer };
  }

  #line({ tenant, session }: Scope): Line {
    const row = this.#statement('line').get(tenant, session);
    return decodeLine(row && String(row['line']), session);
  }

  /** In the transaction of the write: whoever lost the turn a moment ago changes nothing. */
  #checkTurn({ turn, ...scope }: Scope & InTurn, needsTurn = false): void {
    if (!turn && !needsTurn) return;
    checkTurn(this.#line(scope), { turn, needsTurn, sessionId: scope.session });
  }

  #read({ tenant, session }: Scope, limit: number): Answer {
    if (limit < 0) return { texts: this.#all('all', tenant, session).map(textOf) };
    return { texts: this.#all('newest', tenant, session, limit).map(textOf).reverse() };
  }

  #readTolerantly({ tenant, session }: Scope, limit: number): Answer {
    const rows = this.#all('readable', tenant, session, limit);
    const isAll = limit < 0 || rows.length < limit;
    const oldest = isAll ? 0 : seqOf(rows.at(-1) ?? {});
    const unreadable = limit === 0 ? [] : this.#all('unreadable', tenant, session, oldest).map(seqOf);
    return { texts: rows.map(textOf).reverse(), unreadable };
  }

  #position(scope: Scope): SessionPosition {
    const { generation, head } = this.#head(scope) ?? { generation: 1, head: 0 };
    return { generation, first: head + 1, last: head };
  }

  #append(command: AppendCommand & Scope, hash: string): Answer {
    const { operationId, rows, generation, expectedHead } = command;
    const known = this.#head(command);
    const current = known ?? { generation: 1, head: 0 };
    const done = operationId === undefined ? undefined : this.#done({ scope: command, operationId, hash, current });
    if (done) return { position: done };
    if (generation !== undefined && generation !== current.generation) throw cleared(command, this.#path);
    if (expectedHead !== undefined && expectedHead !== current.head) {
      throw new SessionError(
        'session/conflict',
        `Session "${command.session}" ends at position ${current.head}, not at ${expectedHead}: somebody else ` +
          'appended. Nothing was changed. Read what is new and try again.',
      );
    }
    return { position: this.#add(command, { rows, known, operationId, hash }) };
  }

  #replace(command: Command & { do: 'replace' }, hash: string): Answer {
    const { tenant, session, expected, rows, operationId } = command;
    const known = this.#head(command);
    const current = known ?? { generation: 1, head: 0 };
    const done = this.#done({ scope: command, operationId, hash, current });
    if (done) return { position: done };
    const stored = this.#all('suffix', tenant, session, expected.length).reverse();
    const isThere =
      stored.length === expected.length &&
      stored.every((row, index) => row['ok'] === 1 && canonical(textOf(row)) === canonical(expected[index] ?? 'null'));
    if (!isThere) throw suffixChanged();
    if (stored[0]) this.#run('removeFrom', tenant, session, seqOf(stored[0]));
    return { position: this.#add(command, { rows, known, operationId, hash }) };
  }

  #add(
    { tenant, session }: Scope,
    operation: {
      readonly rows: readonly Row[];
      readonly known: Head | undefined;
      readonly operationId: string | undefined;
      readonly hash: string;
    },
  ): SessionPosition {
    const { rows, known, operationId, hash } = operation;
    if (!known) this.#run('begin', tenant, session);
    const { generation, head } = known ?? { generation: 1, head: 0 };
    let last = head;
    for (const { text, callId } of rows) this.#run('insert', tenant, session, ++last, callId ?? null, text);
    if (last > head) this.#run('advance', last, tenant, session);
    if (operationId !== undefined) this.#run('note', tenant, session, operationId, generation, hash, head + 1, last);
    return { generation, first: head + 1, last };
  }

  /** Where an operation went when it was done before. */
  #done(asked: {
    readonly scope: Scope;
    readonly operationId: string;
    readonly hash: string;
    readonly current: Head;
  }): SessionPosition | undefined {
    const { scope, operationId, hash, current } = asked;
    const row = this.#statement('operation').get(scope.tenant, scope.session, operationId);
    if (!row) return undefined;
    if (row['generation'] !== current.generation) throw cleared(scope, this.#path);
    if (row['hash'] !== hash) {
      throw operationReused(operationId);
    }
    return { generation: current.generation, first: Number(row['first']), last: Number(row['last']) };
  }

  #rewrite({ tenant, session }: Scope, changes: (Command & { do: 'rewrite' })['changes']): Answer {
    for (const { callId, row } of changes) {
      const [first, ...later] = this.#all('calls', tenant, session, callId).map(seqOf);
      if (first === undefined) continue;
      this.#run('change', row.text, row.callId ?? null, tenant, session, first);
      for (const seq of later) this.#run('remove', tenant, session, seq);
    }
    return {};
  }

  #pop({ tenant, session }: Scope, tolerant: boolean): Answer {
    const [newest] = this.#all('suffix', tenant, session, 1);
    if (!newest) return {};
    if (newest['ok'] === 1) {
      this.#run('remove', tenant, session, seqOf(newest));
      return { texts: [textOf(newest)] };
    }
    if (!tolerant) return { unreadable: [seqOf(newest)] };
    const { texts = [], unreadable } = this.#readTolerantly({ tenant, session }, 1);
    const [row] = this.#all('readable', tenant, session, 1);
    if (row) this.#run('remove', tenant, session, seqOf(row));
    return { texts, unreadable };
  }

  #clear(scope: Scope): Answer {
    const { tenant, session } = scope;
    if (!this.#head(scope)) return {};
    this.#run('removeAll', tenant, session);
    // That an operation was done must be known to refuse its retry; what it did must not.
    this.#run('forget', tenant, session);
    this.#run('clear', tenant, session);
    return {};
  }

  #head({ tenant, session }: Scope): Head | undefined {
    const row = this.#statement('head').get(tenant, session);
    return row && { generation: Number(row['generation']), head: Number(row['head']) };
  }

  #statement(name: keyof typeof SQL): StatementSync {
    const existing = this.#statements.get(name);
    if (existing) return existing;
    const statement = this.#db.prepare(SQL[name]);
    this.#statements.set(name, statement);
    return statement;
  }

  #all(name: keyof typeof SQL, ...values: (string | number)[]): Columns[] {
    return this.#statement(name).all(...values);
  }

  #run(name: keyof typeof SQL, ...values: (string | number | null)[]): void {
    this.#statement(name).run(...values);
  }
}

type Columns = { readonly [column: string]: unknown };
const textOf = (row: Columns): string => String(row['item']);
const seqOf = (row: Columns): number => Number(row['seq']);

function cleared({ session }: Scope, path: string): SessionError {
  return new SessionError(
    'session/cleared',
    `Session "${session}" in ${path} was cleared since. A retry would bring erased items back, so it was refused. ` +
      'Append what is new under a new operation id.',
  );
}
