/**
 * Commits that come together go to the database together: one call, one write to its disk.
 *
 * A call for several waits for no row (F3 of functions.ts); what it could not have is asked for alone.
 */
import type { Deadline } from '../../store/deadline.ts';
import { isStatementError, sqlState } from '../../store/postgres/connections.ts';
import type { AppendCommand } from '../commands.ts';
import { isThere, number, text } from './rows.ts';
import type { Row } from './rows.ts';

/** What became of a commit. Numbers of the run where they are known, else NaN. */
export type Outcome = {
  readonly outcome: string;
  readonly head: number;
  readonly fence: number;
  readonly posted: number;
  readonly at: number;
  readonly bytes: number;
  /** Events at the place of the commit, where it may have been made before. */
  readonly stored: readonly string[] | undefined;
};

export type Send = (deadline: Deadline, sql: string, values: unknown[]) => Promise<readonly Row[]>;

type Waiting = {
  readonly command: AppendCommand;
  readonly deadline: Deadline;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
};

export const APPEND = 'SELECT * FROM baton_log_append($1, $2, $3, $4, $5, $6)';
export const APPEND_ALONG = 'SELECT * FROM baton_log_append_along($1, $2, $3, $4, $5, $6)';

/** While one call is under way the next is made up. More share the write to the disk less. */
const LANES = 2;
const MOST_COMMITS = 64;
/** A large call keeps the others waiting. */
const MOST_BYTES = 512 * 1024;

export class Lanes {
  readonly #send: Send;
  readonly #waiting: Waiting[] = [];
  #busy = 0;
  #isAwake = false;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Together with others, unless it is `alone`: then it waits for whoever has its run. At most one a run at a time. */
  append(command: AppendCommand, deadline: Deadline, isAlone: boolean): Promise<Outcome> {
    if (isAlone) return this.#alone(command, deadline);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ command, deadline, resolve, reject });
      if (this.#isAwake) return;
      this.#isAwake = true;
      // After all that was resolved in this turn of the event loop.
      setImmediate(() => {
        this.#isAwake = false;
        this.#fill();
      });
    });
  }

  /** With what others write. */
  async along(command: AppendCommand, deadline: Deadline, calls: readonly object[]): Promise<Outcome> {
    const [row] = await this.#send(deadline, APPEND_ALONG, [...valuesOf([command]), JSON.stringify(calls)]);
    if (!row) throw new Error('The answer lacks the commit.');
    return outcomeOf(row);
  }

  #fill(): void {
    while (this.#busy < LANES && this.#waiting.length > 0) {
      this.#busy += 1;
      void this.#go(this.#next()).then(() => {
        this.#busy -= 1;
        this.#fill();
      });
    }
  }

  #next(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { command } of this.#waiting) {
      bytes += bytesOf(command);
      if (count > 0 && (count === MOST_COMMITS || bytes > MOST_BYTES)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Never rejects. */
  async #go(batch: readonly Waiting[]): Promise<void> {
    const deadline = batch.reduce((a, b) => (a.at > b.deadline.at ? a : b.deadline), { at: 0, ms: 0 });
    try {
      const rows = await this.#send(deadline, APPEND, [...valuesOf(batch.map(({ command }) => command)), false]);
      const byNumber = new Map(rows.map((row) => [number(row, 'n'), outcomeOf(row)]));
      batch.forEach(({ resolve, reject }, n) => {
        const outcome = byNumber.get(n);
        if (outcome) resolve(outcome);
        else reject(new Error('The answer lacks a commit.'));
      });
    } catch (error) {
      // One of them the database does not take. The others must not suffer for it.
      const isOfOne = batch.length > 1 && isStatementError(error) && !/^(40|53|25)/.test(sqlState(error) ?? '');
      for (const { command, deadline: own, resolve, reject } of batch) {
        if (isOfOne) this.#alone(command, own).then(resolve, reject);
        else reject(error);
      }
    }
  }

  async #alone(command: AppendCommand, deadline: Deadline): Promise<Outcome> {
    const [row] = await this.#send(deadline, APPEND, [...valuesOf([command]), true]);
    if (!row) throw new Error('The answer lacks the commit.');
    return outcomeOf(row);
  }
}

const bytesOf = ({ events, snapshot }: AppendCommand): number =>
  events.reduce((sum, { bytes }) => sum + bytes, snapshot?.state.bytes ?? 0);

/** Tenant, commits, and the texts of their events: where each begins, counted from 1, its bytes, and all of them. */
function valuesOf(commands: readonly AppendCommand[]): unknown[] {
  const texts = commands.flatMap(({ events }) => events.map((event) => event.text));
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const starts: number[] = [];
  let end = 0;
  for (const size of sizes) {
    starts.push(end + 1);
    end += size;
  }
  const all = Buffer.allocUnsafe(end);
  texts.forEach((text, n) => all.write(text, (starts[n] ?? 1) - 1));
  let first = 1;
  const commits = commands.map((command, n) => {
    const commit = commitOf(command, { n, first });
    first += command.events.length;
    return commit;
  });
  return [commands[0]?.tenant, JSON.stringify(commits), starts, sizes, all];
}

/** As `baton_log_append` takes it: what is not there is null. */
function commitOf(command: AppendCommand, { n, first }: { n: number; first: number }): object {
  const { runId, position, fence, events, create, status, waiting, snapshot, consumed, release } = command;
  const blobs = [...events, ...(snapshot ? [snapshot.state] : [])].flatMap((one) => one.blobs);
  return {
    n,
    run: runId,
    position,
    fence,
    first,
    count: events.length,
    bytes: events.reduce((sum, { bytes }) => sum + bytes, 0),
    max_bytes: Math.min(command.maxRunBytes, Number.MAX_SAFE_INTEGER),
    plain: !create?.parent && !snapshot && blobs.length === 0,
    ...(create && {
      creates: true,
      agent: create.agent,
      worker: create.worker,
      parent: create.parent?.runId,
      parent_fence: create.parent?.fence,
      session: create.session,
      fork_of: create.forkOf,
    }),
    status,
    ...(waiting === 'null' ? { clears: true } : { waiting }),
    consumed,
    release,
    ...(snapshot && { snapshot_at: snapshot.at, snapshot: snapshot.state.text }),
    ...(blobs.length > 0 && { hashes: blobs.map(({ hash }) => hash), blobs: blobs.map((blob) => blob.text) }),
  };
}

function outcomeOf(row: Row): Outcome {
  const stored = row['stored'];
  const numberOf = (column: string): number => (isThere(row, column) ? number(row, column) : Number.NaN);
  return {
    outcome: text(row, 'outcome'),
    head: numberOf('head'),
    fence: numberOf('fence'),
    posted: numberOf('posted'),
    at: numberOf('at'),
    bytes: numberOf('bytes'),
    stored: Array.isArray(stored) ? stored.map(String) : undefined,
  };
}
