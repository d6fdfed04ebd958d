/** Commands of logs as statements for PostgreSQL: each change is one call of a function. */
import { refusalOf } from '../../store/postgres/along.ts';
import { persist } from '../../store/deadline.ts';
import type { Deadline } from '../../store/deadline.ts';
import type { Connections } from '../../store/postgres/connections.ts';
import type { StoreWrite } from '../../store/write.ts';
import { isSameText } from '../codec.ts';
import type { Encoded } from '../codec.ts';
import { LogError } from '../errors.ts';
import * as refused from '../refusals.ts';
import type { Answers, AppendCommand } from '../commands.ts';
import type { Claimed, Committed, Lease, LogStatus, RemoveQuery } from '../types.ts';
import { judge } from './failure.ts';
import { Lanes } from './lanes.ts';
import type { Outcome } from './lanes.ts';
import { blobsIn } from './read.ts';
import type { Ask } from './read.ts';
import { leaseOf, maybe, number, text } from './rows.ts';
import type { Row } from './rows.ts';
import { migrateLogs } from './schema.ts';

export const CHANGES = {
  post: 'SELECT * FROM baton_log_post($1, $2, $3, $4, $5, $6, $7)',
  claim: 'SELECT * FROM baton_log_claim($1, $2, $3, $4, $5, $6, $7)',
  beat: `INSERT INTO baton_workers AS w (tenant, worker, beat, at, lease_ms) VALUES ($1, $2, 1, baton_log_now(), $3)
    ON CONFLICT (tenant, worker) DO UPDATE SET beat = w.beat + 1, at = excluded.at, lease_ms = excluded.lease_ms
    RETURNING beat`,
  leave: `WITH gone AS (DELETE FROM baton_workers WHERE tenant = $1 AND worker = $2 RETURNING beat)
    SELECT coalesce(max(beat), 0) + 1 AS beat FROM gone`,
  remove: 'SELECT * FROM baton_log_remove($1, $2, $3, $4, $5, $6)',
} as const;

/** Databases whose schema was looked at, by their pool or client. */
const migrated = new WeakMap<object, Promise<void>>();

export type StoreOptions = {
  readonly connections: Connections;
  readonly place: string;
  readonly tenant: string;
  readonly timeoutMs: number;
};

export class PostgresStore {
  readonly place: string;
  readonly #options: StoreOptions;
  readonly #lanes: Lanes;
  /** The newest commit of each run that is under way. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.place = options.place;
    this.#lanes = new Lanes(options.connections.query);
  }

  release(): Promise<void> {
    return this.#options.connections.release();
  }

  /** Changes nothing, so that it is asked again where the connection broke. */
  readonly ask: Ask = (sql, values) => this.#persist({ isWrite: false }, ({ at }) => this.#query(at, sql, values));

  async append(command: AppendCommand, also: readonly StoreWrite[] = []): Promise<Committed> {
    const before = this.#last.get(command.runId);
    const made = before ? before.then(() => this.#append(command, also)) : this.#append(command, also);
    const settled = made.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(command.runId, settled);
    try {
      return await made;
    } finally {
      if (this.#last.get(command.runId) === settled) this.#last.delete(command.runId);
    }
  }

  #append(command: AppendCommand, also: readonly StoreWrite[]): Promise<Committed> {
    if (also.length > 0) return this.#appendAlong(command, also);
    let isAlone = false;
    return this.#persist({ isWrite: true }, async ({ at }) => {
      for (;;) {
        const outcome = await this.#lanes.append(command, at, isAlone);
        if (outcome.outcome !== 'locked') return committed(command, outcome, this.place);
        isAlone = true;
      }
    });
  }

  #appendAlong(command: AppendCommand, also: readonly StoreWrite[]): Promise<Committed> {
    const calls = also.map((write) => write.command);
    return this.#persist({ isWrite: true }, async ({ at }) => {
      for (const { ready } of also) await ready?.();
      const outcome = await this.#lanes.along(command, at, calls).catch((error: unknown) => {
        throw refusalOf(error, also) ?? error;
      });
      return committed(command, outcome, this.place);
    });
  }

  async post(runId: string, key: string, event: Encoded): Promise<Answers['post']> {
    const { tenant } = this.#options;
    const token = crypto.randomUUID();
    const blobs = [event.blobs.map(({ hash }) => hash), event.blobs.map((blob) => blob.text)];
    const row = await this.#change(CHANGES.post, [tenant, runId, key, token, event.text, ...blobs]);
    const outcome = text(row, 'outcome');
    if (outcome === 'unknown') throw refused.unknownRun(runId);
    // The word of `append`, which wrote it.
    const status = text(row, 'run_status') as LogStatus;
    if (outcome === 'ended') throw refused.ended(runId, status);
    const posting = { position: number(row, 'place'), key, at: number(row, 'posted_at'), text: text(row, 'event') };
    const { blobs: found } = await blobsIn(this.ask, tenant, [posting.text]);
    return { isFirst: outcome === 'first', posting, status, blobs: found };
  }

  async claim(runId: string, worker: string, seen: Lease): Promise<Claimed> {
    const values = [worker, crypto.randomUUID(), seen.owner ?? null, seen.fence, seen.beat ?? null];
    const row = await this.#change(CHANGES.claim, [this.#options.tenant, runId, ...values]);
    switch (text(row, 'outcome')) {
      case 'unknown':
        throw refused.unknownRun(runId);
      case 'granted':
        return { isGranted: true, fence: number(row, 'fence') };
      default:
        return { isGranted: false, lease: leaseOf(row) };
    }
  }

  async beat(worker: string, { leave = false, leaseMs }: { leave?: boolean; leaseMs?: number }): Promise<number> {
    const { tenant } = this.#options;
    const row = leave
      ? await this.#change(CHANGES.leave, [tenant, worker])
      : await this.#change(CHANGES.beat, [tenant, worker, leaseMs === undefined ? null : Math.ceil(leaseMs)]);
    return number(row, 'beat');
  }

  async remove({ runIds, session, updatedBefore, evenOpen = false, limit = 100 }: RemoveQuery): Promise<number> {
    const { tenant } = this.#options;
    const values = [tenant, runIds ?? null, session ?? null, updatedBefore ?? null, evenOpen, limit];
    // Done again it would not count what it removed before.
    const row = await this.#change(CHANGES.remove, values, { isRepeatable: false });
    const open = maybe(row, 'open_run');
    if (open !== undefined) throw refused.notEnded(open, text(row, 'open_status'));
    return number(row, 'removed');
  }

  async #change(sql: string, values: unknown[], { isRepeatable = true } = {}): Promise<Row> {
    return this.#persist({ isWrite: true, isRepeatable }, async ({ at }) => {
      const [row] = await this.#query(at, sql, values);
      if (row) return row;
      throw new LogError('log/store', `${this.place}: the answer is empty. Is its schema damaged?`);
    });
  }

  #query(deadline: Deadline, sql: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#options.connections.query(deadline, sql, values);
  }

  /** Tries until the time is up, once the schema is there. */
  #persist<T>(
    { isWrite, isRepeatable = true }: { isWrite: boolean; isRepeatable?: boolean },
    act: (within: { readonly at: Deadline }) => Promise<T>,
  ): Promise<T> {
    const { place, timeoutMs } = this.#options;
    const deadline: Deadline = { at: performance.now() + timeoutMs, ms: timeoutMs };
    let isSent = false;
    return persist(
      deadline,
      async () => {
        isSent = false;
        await this.#prepare(deadline);
        isSent = isWrite;
        return act({ at: deadline });
      },
      (error) => judge(error, { place, deadline, mayHaveWritten: isSent, isRepeatable }),
    );
  }

  #prepare(deadline: Deadline): Promise<void> {
    const { connections, place } = this.#options;
    const { key, query } = connections;
    const known = migrated.get(key);
    if (known) return known;
    const migrating = migrateLogs((sql, values) => query(deadline, sql, values), place).catch((error: unknown) => {
      migrated.delete(key);
      throw error;
    });
    migrated.set(key, migrating);
    return migrating;
  }
}

/** @throws LogError for what was refused */
function committed(command: AppendCommand, result: Outcome, place: string): Committed {
  const { runId, position, fence: given, events, create, maxRunBytes } = command;
  const { outcome, head, fence, posted, at, bytes, stored } = result;
  if (outcome === 'done') return { head, fence, posted, at, isRepeated: false };
  if (stored?.length === events.length && stored.every((one, n) => isSame(one, events[n]?.text))) {
    return { head: position + events.length, fence, posted, at, isRepeated: true };
  }
  switch (outcome) {
    case 'unknown':
      throw refused.unknownRun(runId);
    case 'unknown-parent':
      throw refused.unknownRun(create?.parent?.runId ?? '');
    case 'exists':
      throw refused.existingRun(runId);
    case 'fenced':
      throw refused.fenced(runId, { fence: given, current: fence });
    case 'fenced-parent': {
      const { runId: parent = '', fence: ofParent = 0 } = create?.parent ?? {};
      throw refused.fenced(parent, { fence: ofParent, current: fence });
    }
    case 'conflict':
      throw refused.conflict(runId, { expected: position, head });
    case 'too-large':
      throw refused.tooLarge(`Run "${runId}"`, { bytes, limit: maxRunBytes, option: 'maxRunBytes' });
    default:
      throw new LogError('log/store', `${place}: the answer "${outcome}" is unknown. Is its schema damaged?`);
  }
}

function isSame(stored: string, given = ''): boolean {
  try {
    return isSameText(stored, given);
  } catch {
    // Unreadable: it is not what was given.
    return false;
  }
}
