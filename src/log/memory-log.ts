/**
 * A log in the memory of the process: for tests and for trying things out. It survives nothing, but behaves like the
 * others in all else; what is stored is text, so that no caller can change it by accident.
 */
import type { Json } from '../protocol/json.ts';
import { checkCommit, checkName, checkQuery } from './check.ts';
import { decode, DEFAULT_LIMITS, encodeEvent, encodeJson, isSameText } from './codec.ts';
import { encodeSnapshot, roomOf } from './encode.ts';
import type { Limits } from './codec.ts';
import { isNews } from './news.ts';
import { cursorOf, placeOf } from './page.ts';
import * as refused from './refusals.ts';
import type {
  Claimed,
  Commit,
  Committed,
  EventLog,
  Lease,
  LogEvent,
  LogLimits,
  NewPosting,
  Posting,
  RemoveQuery,
  RunInfo,
  RunLog,
  RunPage,
  RunQuery,
  LogStatus,
} from './types.ts';

export type MemoryLogOptions = LogLimits & {
  /** The time of commits, in milliseconds since 1970. @default Date.now */
  now?: () => number;
};

type Row = {
  readonly info: Omit<RunInfo, 'lease' | 'status' | 'waiting' | 'head' | 'posted' | 'consumed' | 'bytes' | 'updatedAt'>;
  status: LogStatus;
  waiting: string | undefined;
  updatedAt: number;
  bytes: number;
  owner: string | undefined;
  fence: number;
  readonly events: { readonly at: number; readonly text: string }[];
  snapshot: { readonly at: number; readonly text: string } | undefined;
  readonly inbox: { readonly key: string; readonly at: number; readonly text: string }[];
  consumed: number;
};

const isOver = (status: LogStatus): boolean => status !== 'running' && status !== 'paused' && status !== 'stopping';

/**
 * @example
 * import { memoryLog } from '@baton/agents';
 *
 * const log = memoryLog();
 * const create = { agent: 'Assistant', worker: 'w1' };
 * await log.append({ runId: 'r1', position: 0, fence: 0, create, events: [{ type: 'run.started' }] });
 * console.log((await log.read('r1'))?.events.length); // 1
 */
export function memoryLog({ now = Date.now, ...limits }: MemoryLogOptions = {}): EventLog {
  return new MemoryLog(now, { ...DEFAULT_LIMITS, ...limits, inlineBytes: Infinity });
}

class MemoryLog implements EventLog {
  readonly store = undefined;
  readonly leases = {
    claim: async (runId: string, { worker, seen }: { worker: string; seen: Lease }) => this.#claim(runId, worker, seen),
    beat: async (worker: string, options: { leave?: boolean } = {}) => this.#beat(worker, options),
  };
  readonly #now: () => number;
  readonly #limits: Limits;
  readonly #runs = new Map<string, Row>();
  readonly #beats = new Map<string, number>();
  readonly #watchers = new Map<string, Set<() => void>>();
  #isClosed = false;

  constructor(now: () => number, limits: Limits) {
    this.#now = now;
    this.#limits = limits;
  }

  async append(commit: Commit): Promise<Committed> {
    this.#checkOpen();
    checkCommit(commit, this.store);
    const { runId, position, fence, create } = commit;
    const texts = commit.events.map((event, n) =>
      encodeEvent(event, `Event ${position + n} of ${runId}`, this.#limits),
    );
    const known = this.#runs.get(runId);
    if (create) {
      if (!known) return this.#apply(this.#made(commit), commit, texts);
      const isMine = known.owner === create.worker && known.fence === 1;
      if (isMine && this.#isThere(known, 0, texts)) return this.#done(known, texts.length, true);
      throw refused.existingRun(runId);
    }
    if (!known) throw refused.unknownRun(runId);
    if (known.fence !== fence) throw refused.fenced(runId, { fence, current: known.fence });
    const isRepeated = known.events.length !== position || (known.owner === undefined && commit.release === true);
    if (isRepeated && this.#isThere(known, position, texts)) {
      return this.#done(known, position + texts.length, true);
    }
    if (known.owner === undefined) throw refused.fenced(runId, { fence, current: fence });
    if (known.events.length !== position) {
      throw refused.conflict(runId, { expected: position, head: known.events.length });
    }
    return this.#apply(known, commit, texts);
  }

  #made({ runId, create }: Commit): Row {
    const { agent = '', worker, parent, session, forkOf } = create ?? {};
    if (parent) {
      const row = this.#row(parent.runId);
      if (row.fence !== parent.fence || row.owner === undefined) {
        throw refused.fenced(parent.runId, { fence: parent.fence, current: row.fence });
      }
    }
    return {
      info: {
        runId,
        agent,
        ...(parent && { parent: parent.runId }),
        ...(session !== undefined && { session }),
        ...(forkOf !== undefined && { forkOf }),
        createdAt: this.#now(),
      },
      status: 'running',
      waiting: undefined,
      updatedAt: 0,
      bytes: 0,
      owner: worker,
      fence: 1,
      events: [],
      snapshot: undefined,
      inbox: [],
      consumed: 0,
    };
  }

  #apply(row: Row, commit: Commit, texts: readonly { readonly text: string; readonly bytes: number }[]): Committed {
    const { runId, status, waiting, snapshot, consumed, release } = commit;
    const limit = roomOf(commit, this.#limits);
    const bytes = texts.reduce((sum, text) => sum + text.bytes, row.bytes);
    if (bytes > limit) throw refused.tooLarge(`Run "${runId}"`, { bytes, limit, option: 'maxRunBytes' });
    const kept = encodeSnapshot(snapshot, this.#limits);
    const waits = waiting === undefined ? row.waiting : encodeJson(waiting, '`waiting`', this.#limits).text;
    const replaced = (commit.replaced ?? []).map(({ position, event }) => ({
      position,
      text: encodeEvent(event, `Event ${position} of ${runId}`, this.#limits).text,
    }));
    const at = this.#now();
    row.bytes = bytes;
    row.waiting = waits;
    row.events.push(...texts.map(({ text }) => ({ at, text })));
    for (const { position, text } of replaced) row.events[position] = { at: row.events[position]?.at ?? at, text };
    row.status = status ?? row.status;
    if (replaced.some(({ position }) => position < (row.snapshot?.at ?? 0))) row.snapshot = undefined;
    if (kept) row.snapshot = { at: kept.at, text: kept.state.text };
    row.consumed = Math.min(row.inbox.length, Math.max(row.consumed, consumed ?? 0));
    if (release) row.owner = undefined;
    row.updatedAt = at;
    this.#runs.set(runId, row);
    this.#wake(runId);
    return this.#done(row, row.events.length, false);
  }

  #isThere(row: Row, position: number, texts: readonly { readonly text: string }[]): boolean {
    const stored = row.events.slice(position, position + texts.length);
    return stored.length === texts.length && stored.every((one, n) => isSameText(one.text, texts[n]?.text ?? 'null'));
  }

  #done(row: Row, head: number, isRepeated: boolean): Committed {
    return { head, fence: row.fence, posted: row.inbox.length, at: row.updatedAt, isRepeated };
  }

  async read(runId: string, options: { from?: number; limit?: number; snapshot?: boolean } = {}) {
    this.#checkOpen();
    const row = this.#runs.get(runId);
    if (!row) return undefined;
    const { snapshot: isWanted = false, limit } = options;
    const snapshot = isWanted ? row.snapshot : undefined;
    const from = options.from ?? snapshot?.at ?? 0;
    const events = row.events.slice(from, limit === undefined ? undefined : from + limit);
    return {
      info: this.#infoOf(row),
      ...(snapshot && { snapshot: { at: snapshot.at, state: parsed<Json>(snapshot.text) } }),
      events: events.map(({ at, text }, n) => ({ position: from + n, at, event: parsed<LogEvent>(text) })),
      inbox: row.inbox.slice(row.consumed).map((_, n) => this.#postingOf(row, row.consumed + n)),
    } satisfies RunLog;
  }

  async list(query: RunQuery = {}): Promise<RunPage> {
    this.#checkOpen();
    checkQuery(query);
    const { limit = 50, cursor } = query;
    const place = cursor === undefined ? undefined : placeOf(cursor);
    const rest = [...this.#runs.values()]
      .map((row) => this.#infoOf(row))
      .filter((info) => fits(info, query) && (!place || order(place, info) < 0))
      .toSorted(order);
    const runs = rest.slice(0, limit);
    const last = runs.at(-1);
    return { runs, ...(last && rest.length > limit && { cursor: cursorOf(last) }) };
  }

  async post(runId: string, { key, event }: NewPosting) {
    this.#checkOpen();
    checkName('key', key);
    const { text } = encodeEvent(event, `The posting "${key}"`, this.#limits);
    const row = this.#row(runId);
    const { status } = row;
    const earlier = row.inbox.findIndex((one) => one.key === key);
    if (earlier >= 0) return { isFirst: false, posting: this.#postingOf(row, earlier), status };
    if (status === 'finished' || status === 'cancelled') throw refused.ended(runId, status);
    row.inbox.push({ key, at: this.#now(), text });
    this.#wake(runId);
    return { isFirst: true, posting: this.#postingOf(row, row.inbox.length - 1), status };
  }

  async watch(runId: string, known: { head?: number; posted?: number }, signal?: AbortSignal) {
    for (;;) {
      signal?.throwIfAborted();
      this.#checkOpen();
      const row = this.#runs.get(runId);
      if (!row) return undefined;
      const info = this.#infoOf(row);
      if (isNews(info, known)) return info;
      await this.#change(runId, signal);
    }
  }

  async #change(runId: string, signal: AbortSignal | undefined): Promise<void> {
    const watchers = this.#watchers.get(runId) ?? new Set();
    this.#watchers.set(runId, watchers);
    let wake = (): void => {};
    const changed = new Promise<void>((resolve) => (wake = resolve));
    watchers.add(wake);
    signal?.addEventListener('abort', wake);
    try {
      await changed;
    } finally {
      signal?.removeEventListener('abort', wake);
      watchers.delete(wake);
      if (watchers.size === 0) this.#watchers.delete(runId);
    }
  }

  #wake(runId: string): void {
    for (const wake of this.#watchers.get(runId) ?? []) wake();
  }

  async remove({ runIds, session, updatedBefore, evenOpen = false, limit = 100 }: RemoveQuery): Promise<number> {
    this.#checkOpen();
    const named = runIds?.flatMap((runId) => this.#runs.get(runId) ?? []);
    const open = named?.find(({ status }) => !isOver(status));
    if (open && !evenOpen) throw refused.notEnded(open.info.runId, open.status);
    const chosen = (named ?? [...this.#runs.values()].filter(({ info }) => info.parent === undefined)).filter(
      (row) =>
        (evenOpen || isOver(row.status)) &&
        (session === undefined || row.info.session === session) &&
        (updatedBefore === undefined || row.updatedAt < updatedBefore),
    );
    return chosen.slice(0, limit).reduce((sum, { info }) => sum + this.#removeTree(info.runId), 0);
  }

  #removeTree(runId: string): number {
    if (!this.#runs.delete(runId)) return 0;
    this.#wake(runId);
    const children = [...this.#runs.values()].filter(({ info }) => info.parent === runId);
    return children.reduce((sum, { info }) => sum + this.#removeTree(info.runId), 1);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const runId of this.#watchers.keys()) this.#wake(runId);
  }

  #claim(runId: string, worker: string, seen: Lease): Claimed {
    this.#checkOpen();
    checkName('worker', worker);
    const row = this.#row(runId);
    const lease = this.#leaseOf(row);
    const isSame = lease.owner === seen.owner && lease.fence === seen.fence && lease.beat === seen.beat;
    if (!isSame) return { isGranted: false, lease };
    row.owner = worker;
    row.fence += 1;
    return { isGranted: true, fence: row.fence };
  }

  #beat(worker: string, { leave = false }: { leave?: boolean }): number {
    this.#checkOpen();
    checkName('worker', worker);
    const beat = (this.#beats.get(worker) ?? 0) + 1;
    if (leave) this.#beats.delete(worker);
    else this.#beats.set(worker, beat);
    return beat;
  }

  #row(runId: string): Row {
    const row = this.#runs.get(runId);
    if (row) return row;
    throw refused.unknownRun(runId);
  }

  #leaseOf({ owner, fence }: Row): Lease {
    const beat = owner === undefined ? undefined : this.#beats.get(owner);
    return { fence, ...(owner !== undefined && { owner }), ...(beat !== undefined && { beat }) };
  }

  #infoOf(row: Row): RunInfo {
    const { info, status, waiting, bytes, consumed, updatedAt } = row;
    const waits = waiting === undefined ? null : parsed<Json>(waiting);
    return {
      ...info,
      status,
      ...(waits !== null && { waiting: waits }),
      head: row.events.length,
      posted: row.inbox.length,
      consumed,
      bytes,
      updatedAt,
      lease: this.#leaseOf(row),
    };
  }

  #postingOf(row: Row, index: number): Posting {
    const { key = '', at = 0, text = 'null' } = row.inbox[index] ?? {};
    return { key, at, event: parsed<LogEvent>(text), position: index + 1 };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw refused.closed();
  }
}

type Place = Pick<RunInfo, 'createdAt' | 'runId'>;
/** Newest first. */
const order = (a: Place, b: Place): number =>
  b.createdAt - a.createdAt || (a.runId < b.runId ? 1 : a.runId > b.runId ? -1 : 0);

const NO_BLOBS: ReadonlyMap<string, string> = new Map();
/** Of a text that this file made, so that its type is known. */
const parsed = <T>(text: string): T => decode(text, NO_BLOBS)?.value as T;

function fits(info: RunInfo, query: RunQuery): boolean {
  const { status, agent, session, forkOf, parent, isOwned, hasInbox, createdFrom, createdBefore } = query;
  const isOf = <T>(wanted: T | undefined, is: T): boolean => wanted === undefined || wanted === is;
  return (
    (status === undefined || [status].flat().includes(info.status)) &&
    isOf(agent, info.agent) &&
    isOf(session, info.session) &&
    isOf(forkOf, info.forkOf) &&
    (parent === undefined || (parent ?? undefined) === info.parent) &&
    isOf(isOwned, info.lease.owner !== undefined) &&
    isOf(hasInbox, info.posted > info.consumed) &&
    info.createdAt >= (createdFrom ?? -Infinity) &&
    info.createdAt < (createdBefore ?? Infinity)
  );
}
