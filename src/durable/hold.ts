/**
 * A run in the hands of this worker: where its log ends, under which fence, and what others say to it.
 *
 * H1: a commit names the position and the fence that it expects; whoever was overtaken is refused and stops.
 * H2: what was posted is consumed by the commit that holds it, so it is neither lost nor seen twice.
 * H3: the lease is given back with the commit that ends or pauses the run. A sub-agent's run that its caller goes on
 *     without, since the caller was stopped, is left where it is: its lease is given back before.
 * H4: what a model call had reserved of a budget and not sent is given back before the commit that says that it failed,
 *     and before its run is left: nobody asks it again. After that commit nobody would know.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Committed, type Effect, isOver, type RunEvent, type State } from '../kernel/index.ts';
import { type Commit, type EventLog, LogError, type NewRun } from '../log/index.ts';
import type { Json } from '../protocol/json.ts';
import type { Committer, Kept } from '../run/keeper.ts';
import type { LiveRun } from '../run/live-run.ts';
import type { AskedCall } from '../run/reserved.ts';
import { asksOf } from '../run/asks.ts';
import { type TimedAsk, timedAsks } from './ask-timeout.ts';
import { DurableError } from './errors.ts';
import { Feed } from './feed.ts';
import { giveBack, modelCalls } from './give-back.ts';
import type { Presence } from './presence.ts';
import { forget, isGone, isRefused } from './refused.ts';
import { snapshotIfDue } from './snapshot.ts';
import { stopForGood } from './too-large.ts';
import { replacedBy } from './withheld.ts';

/** Where the log of one run ends, as this worker knows it. */
export type Place = { position: number; fence: number; posted: number; consumed: number; snapshotAt: number };

export type HoldOptions = {
  log: EventLog;
  presence: Presence;
  runId: string;
  agent: string;
  session: string | undefined;
  /** Runs that are in the log already: this one and those of its sub-agents. */
  places?: ReadonlyMap<string, Place>;
  /** When its lease was asked for, where it was taken up, by the monotonic clock. */
  claimedAt?: number;
  /** What it waited for before it was taken up. */
  waiting?: readonly TimedAsk[];
  /** Where it was taken up: what was asked for and not answered, by run. */
  asked?: ReadonlyMap<string, readonly Effect[]>;
};

const LISTEN_AFTER_MS = 100;

const ANSWERS_A_CALL: ReadonlySet<RunEvent['type']> = new Set(['tool.returned', 'tool.failed', 'effect.failed']);

const abandoned = (runId: string): DurableError =>
  new DurableError(
    'durable/closed',
    runId,
    `The store was drained before run ${runId} was at rest. It goes on where it was with recover() or resume().`,
  );

export class Hold implements Kept {
  readonly durable: Kept['durable'];
  /** For those who look on. */
  readonly feed = new Feed();
  readonly #options: HoldOptions;
  readonly #places: Map<string, Place>;
  /** Runs of sub-agents that are not at rest. */
  readonly #open: Set<string>;
  readonly #taken = new Map<RunEvent, number>();
  #live: LiveRun | undefined;
  #reading = false;
  /** The newest posting that was handed over. A read that began before a commit may show again what that consumes. */
  #heard = 0;
  #isAbandoned = false;
  /** Why nothing goes on here any more, where something failed. */
  #broken: { readonly error: unknown } | undefined;
  #isAtRest = false;
  #isLeaving = false;
  /** Of this run and those of its sub-agents, as they were committed last. */
  readonly #states = new Map<string, State>();
  #stops: readonly RunEvent[] = [];
  /** When the claim, or the newest commit that came through, was sent: the run was this worker's then. */
  #provenAt: number;

  constructor(options: HoldOptions) {
    this.#options = options;
    this.#places = new Map(options.places);
    const { runId, claimedAt = performance.now() } = options;
    this.#provenAt = claimedAt;
    this.#open = new Set([...this.#places.keys()].filter((id) => id !== runId));
    const fence = (): number => this.#places.get(runId)?.fence ?? 1;
    this.durable = {
      get fence() {
        return fence();
      },
      store: options.log.store,
      check: () => this.#check(this.#provenAt),
      isGone: () => isGone(options.log, runId),
    };
  }

  // oxlint-disable-next-line eslint/max-params -- as `Committer`
  readonly committer: Committer = async (runId, events, state, also = []): Promise<void> => {
    const { log } = this.#options;
    if (this.#isAbandoned) throw abandoned(runId);
    if (this.#broken) throw this.#broken.error;
    this.#check();
    const place = this.#places.get(runId);
    const isRoot = runId === this.#options.runId;
    const own = this.#commitOf(runId, { events, state, place });
    await this.#giveBackReserved(runId, events, state);
    this.#states.set(runId, state);
    const isLast = this.#isLeaving && !own.release && this.#isQuiet(runId, events);
    const replaced = await replacedBy(log, runId, events);
    const commit = {
      ...own,
      ...(replaced && { replaced }),
      ...(also.length > 0 && { also }),
      ...(isLast && isRoot && { release: true }),
    };
    if (this.#open.size > 0) await this.#leaveChildren(runId, events, isRoot && commit.release === true);
    const sentAt = performance.now();
    const done = await log.append(commit).catch(async (error: unknown) => {
      // Overtaken: what it still has of the run's sub-agents is nobody's any more.
      if (error instanceof LogError && error.code === 'log/fenced') await this.release();
      await stopForGood(log, this.#options.runId, { cause: error, events, fence: this.durable.fence });
      throw this.#breakOff(error);
    });
    this.#provenAt = sentAt;
    if (isRoot) this.#isAtRest = commit.release ?? false;
    else if (commit.release) this.#open.delete(runId);
    else this.#open.add(runId);
    const snapshotAt = commit.snapshot ? done.head : (place?.snapshotAt ?? 0);
    const consumed = commit.consumed ?? place?.consumed ?? 0;
    if (isRoot) this.feed.committed(place?.position ?? 0, done.at, commit.events as Committed[]);
    this.#places.set(runId, { position: done.head, fence: done.fence, posted: done.posted, consumed, snapshotAt });
    if (isOver(state.status)) this.#states.delete(runId);
    if (isLast) await this.#leave(runId);
    const isNew = isRoot && this.#options.asked === undefined;
    if (isNew && this.#live && isRefused(this.#live, state) && (await forget(log, runId))) this.#places.delete(runId);
    if (isRoot && done.posted > consumed) this.#readInbox();
  };

  /**
   * Where a step cannot be taken here, no part of the run goes on here: its caller would tell its model that it failed.
   */
  #breakOff(error: unknown): unknown {
    this.#broken ??= { error };
    this.#live?.abandon(this.#broken.error);
    return error;
  }

  #check(provenAt?: number): void {
    try {
      this.#options.presence.check(this.#options.runId, provenAt);
    } catch (error) {
      throw this.#breakOff(error);
    }
  }

  /**
   * The run stopped where its log is, such as by a commit that failed: it is given back, with the next beat where it
   * cannot be at once. Else it would be this worker's for as long as that lives.
   */
  #leaveBroken(): void {
    if (this.#isAtRest || this.#isAbandoned) return;
    const { log, presence, runId } = this.#options;
    const { fence } = this.durable;
    presence.owe(async () => {
      // Where the log ends is not known for sure: a commit may have landed whose answer was lost.
      const info = (await log.read(runId, { limit: 0 }))?.info;
      if (info?.lease.owner !== presence.worker || info.lease.fence !== fence) return;
      await log.append({ runId, position: info.head, fence, events: [], release: true });
      for (const id of this.#open) await this.#releaseOne(id);
    });
  }

  /** Nothing that this commit asks for begins here any more: it is the first thing that the next worker does. */
  async #leave(runId: string): Promise<never> {
    this.abandon();
    if (this.#places.size > 1 || runId !== this.#options.runId) await this.release();
    throw abandoned(this.#options.runId);
  }

  /** Whether nothing is under way but what these events ask for, which did not begin. */
  #isQuiet(runId: string, events: readonly RunEvent[]): boolean {
    const asked = new Set(events.flatMap((event) => (event.type === 'effect.requested' ? [event.effect.id] : [])));
    return [...this.#states].every(([id, { status, open }]) => {
      if (isOver(status)) return true;
      // A call of a sub-agent is under way as far as the sub-agent's own run is.
      return open.every((effect) => (id === runId && asked.has(effect.id)) || this.#places.has(`${id}/${effect.id}`));
    });
  }

  #commitOf(
    runId: string,
    { events, state, place }: { events: readonly Committed[]; state: State; place: Place | undefined },
  ): Commit {
    const consumed = this.#consumedBy(events);
    const { status } = state;
    const atRest = status === 'paused' || isOver(status);
    const journal = runId === this.#options.runId ? this.#live?.record.journal : undefined;
    const snapshot = place && journal && snapshotIfDue(state, { ...place, added: events.length, journal });
    return {
      runId,
      position: place?.position ?? 0,
      fence: place?.fence ?? 0,
      // One that was forgotten and begins once more brings what it had.
      events: place || !journal ? events : [...journal.events],
      ...(!place && { create: this.#newRun(runId, events) }),
      ...(status !== 'new' && { status }),
      ...(events.some(({ type }) => type === 'run.resumed') && { waiting: null }),
      // In this order: a run that goes on with nothing to do rests again in the same commit.
      ...(status === 'paused' && { waiting: this.#waiting(runId, state) }),
      ...(snapshot && { snapshot }),
      ...(consumed > 0 && { consumed }),
      ...(atRest && { release: true }),
    };
  }

  #waiting(runId: string, state: State): Json {
    const record = this.#live?.record;
    // What a sub-agent waits for is listed with the run that people see.
    if (runId !== this.#options.runId || !record) return asksOf(state, runId) as unknown as Json;
    return timedAsks(record, state, this.#options.waiting ?? []);
  }

  #newRun(runId: string, events: readonly Committed[]): NewRun {
    const { presence, agent, session } = this.#options;
    const started = events.find((event) => event.type === 'run.started');
    const parent = started?.parent;
    const place = parent === undefined ? undefined : this.#places.get(parent);
    return {
      agent: started?.agent ?? agent,
      worker: presence.worker,
      ...(parent !== undefined && place && { parent: { runId: parent, fence: place.fence } }),
      ...(session !== undefined && runId === this.#options.runId && { session }),
    };
  }

  /**
   * Before a call is answered, what of its run is not at rest is left; before the run rests, what waits as it did before.
   */
  async #leaveChildren(runId: string, events: readonly RunEvent[], isRest: boolean): Promise<void> {
    for (const event of events) {
      if (!ANSWERS_A_CALL.has(event.type) || !('id' in event)) continue;
      const child = `${runId}/${event.id}`;
      for (const id of this.#open) {
        if (id !== child && !id.startsWith(`${child}/`)) continue;
        this.#open.delete(id);
        if (this.#live) await giveBack(this.#live, { runId: id, calls: this.#asked(id), isLeft: true });
        await this.#releaseOne(id);
      }
    }
    if (!isRest) return;
    for (const id of this.#open) await this.#releaseOne(id);
    this.#open.clear();
  }

  /** Of model calls that end without an answer, also with their run; of a run that was taken up, what was set aside. */
  async #giveBackReserved(runId: string, events: readonly RunEvent[], { status }: State): Promise<void> {
    if (!this.#live) return;
    const isEnd = isOver(status);
    const hasFailed = events.some(({ type }) => type === 'effect.failed');
    if (!isEnd && !hasFailed) return;
    const calls = this.#asked(runId).filter(({ effect }) => {
      const answer = events.find((event) => 'id' in event && `${runId}/${event.id}` === effect);
      return answer ? answer.type === 'effect.failed' : isEnd;
    });
    const isLeft = isEnd && this.#options.asked?.has(runId) === true;
    if (calls.length > 0 || isLeft) await giveBack(this.#live, { runId, calls, isLeft });
  }

  /** Model calls of a run that were not answered when it was taken up, or are not now. */
  #asked(runId: string): AskedCall[] {
    const { asked } = this.#options;
    return [...modelCalls(runId, asked?.get(runId)), ...modelCalls(runId, this.#states.get(runId)?.open)];
  }

  #consumedBy(events: readonly RunEvent[]): number {
    let consumed = 0;
    if (this.#taken.size === 0) return consumed;
    for (const event of events) {
      consumed = Math.max(consumed, this.#taken.get(event) ?? 0);
      this.#taken.delete(event);
    }
    return consumed;
  }

  /** What was posted before the run was taken up. Gives what is to land before the run goes on. */
  take(posted: ReadonlyMap<RunEvent, number>): RunEvent[] {
    for (const [event, position] of posted) {
      this.#taken.set(event, position);
      this.#heard = Math.max(this.#heard, position);
    }
    // A run that rests cannot stop: it goes on first.
    this.#stops = [...posted.keys()].filter(({ type }) => type === 'run.stopping');
    return [...posted.keys()].filter(({ type }) => type !== 'run.stopping');
  }

  /** Gives the leases back without going on, and shows no sign of life for them any more. */
  async giveBack(): Promise<void> {
    this.#options.presence.leave();
    await this.release();
  }

  async release(): Promise<void> {
    for (const runId of this.#places.keys()) await this.#releaseOne(runId);
  }

  async #releaseOne(runId: string): Promise<void> {
    const place = this.#places.get(runId);
    if (!place) return;
    const { position, fence } = place;
    // Of a sub-agent's run that is over there is no lease to give back.
    await this.#options.log.append({ runId, position, fence, events: [], release: true }).catch(() => undefined);
  }

  /** Whether this worker has it in the log: not one that was refused as it began, which is forgotten. */
  get isInLog(): boolean {
    return this.#places.has(this.#options.runId);
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Lets what is under way be done, and leaves the run with the commit that says so. */
  leaveAtCommit(): void {
    this.#isLeaving = true;
    // Nothing was begun here: it waits for its turn, at most.
    if (this.#states.size === 0) this.abandon();
  }

  /** Commits nothing any more: the run is left to another worker. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#live?.abandon(abandoned(this.#options.runId));
  }

  attach(live: LiveRun): () => void {
    this.#live = live;
    for (const stop of this.#stops) live.post(stop);
    const ended = new AbortController();
    // Each commit tells of new postings, so only a run that commits nothing for a while must be told.
    const timer = setTimeout(() => void this.#listen(ended.signal), LISTEN_AFTER_MS);
    return () => {
      ended.abort();
      clearTimeout(timer);
      this.#live = undefined;
      this.feed.end();
      this.#leaveBroken();
      this.#options.presence.leave();
    };
  }

  /** Waits for postings of other processes: a run that works on something long must hear of them, too. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { log, runId } = this.#options;
    while (!signal.aborted) {
      const place = this.#places.get(runId);
      try {
        // The newest event is no news: it is this worker's own.
        const known = { head: Number.MAX_SAFE_INTEGER, posted: place?.posted ?? 0 };
        const info = await log.watch(runId, known, signal);
        // It is not there yet, or not any more.
        if (!info || !place) await sleep(LISTEN_AFTER_MS, undefined, { signal, ref: false });
        else if (info.posted > place.posted) this.#readInbox(info.posted);
      } catch {
        // Aborted, or the store is in trouble: then the next commit says so.
        return;
      }
    }
  }

  #readInbox(posted?: number): void {
    const { log, runId } = this.#options;
    const place = this.#places.get(runId);
    if (place && posted !== undefined) place.posted = Math.max(place.posted, posted);
    if (this.#reading) return;
    this.#reading = true;
    log
      .read(runId, { from: place?.position ?? 0, limit: 0 })
      .then((run) => this.#deliver(run?.inbox ?? []))
      // The store is in trouble: the next commit says so.
      .catch(() => undefined)
      .finally(() => {
        this.#reading = false;
      });
  }

  #deliver(inbox: readonly { position: number; event: { type: string } }[]): void {
    const consumed = this.#places.get(this.#options.runId)?.consumed ?? 0;
    for (const { position, event } of inbox) {
      if (position <= Math.max(consumed, this.#heard)) continue;
      this.#heard = position;
      const said = event as RunEvent;
      this.#taken.set(said, position);
      this.#live?.post(said);
    }
  }
}
