/** Waiting for a turn, and having it: the same for every store. */
import { setTimeout as sleep } from 'node:timers/promises';
import { timerMs } from '../../protocol/timers.ts';
import type { StoreWrite } from '../../store/write.ts';
import { SessionBusy, SessionError } from '../errors.ts';
import { decideTurn, livingHolder, type Line, type TurnAnswer, type TurnCommand } from './line.ts';
import { currentTurn, inScope, newScope, type OpenTurn } from './scope.ts';
import type { HeldSessionTurn, SessionTurnChange, SessionTurnHolder, SessionTurnRequest } from './types.ts';

/** Where the line of one session is kept. */
export type TurnStore = {
  /** Names the session: equal for all objects that are the same session of the same store. */
  readonly session: unknown;
  readonly sessionId: string;
  /** A process that dies takes the line with it: nothing has to expire. */
  readonly isLocal?: boolean;
  turn(command: TurnCommand): Promise<TurnAnswer>;
  /** The line and the store's time, without a write. */
  look(): Promise<{ readonly line: Line; readonly now: number }>;
  /**
   * Resolves when the line may have changed; at the latest when the signal fires.
   *
   * @param place how many wait before the one who asks
   */
  change(signal: AbortSignal, place: number): Promise<void>;
  /** A command to be committed by another component of the same database. */
  write?(command: TurnCommand): StoreWrite | undefined;
};

export const DEFAULT_TURN_TIMEOUT_MS = 300_000;
/** How long a turn lasts after its process has died, where the run is not durable. */
const LEASE_MS = 30_000;
/** How long a place in the line lasts after its process has died. */
const PLACE_MS = 15_000;
/** A busy store changes all the time; nobody needs to know sooner. */
const LEAST_PAUSE_MS = 2;

/** @throws SessionBusy; the signal's reason */
export async function takeTurn(store: TurnStore, request: SessionTurnRequest): Promise<HeldSessionTurn> {
  const { runId, durable = false, onBusy = 'queue' } = request;
  const outer = currentTurn(store.session);
  if (outer) return new JoinedTurn(runId, outer);
  // A run that is in this process only is told from a copy of it.
  const key = durable ? runId : `${runId}#${crypto.randomUUID()}`;
  const leaseMs = durable || store.isLocal ? undefined : LEASE_MS;
  const take: TurnCommand = {
    ask: 'take',
    key,
    runId,
    ...(leaseMs !== undefined && { leaseMs }),
    ...(onBusy === 'interrupt' && { first: true }),
    ...(onBusy !== 'reject' && { waitMs: store.isLocal ? Number.MAX_SAFE_INTEGER / 2 : PLACE_MS }),
  };
  const answer = await inOrder(store, () => store.turn(take));
  const fence = answer.fence ?? (await wait(store, { take, request, answer }));
  return new OwnTurn({ store, runId, key, fence, leaseMs });
}

/** The newest of this process that is on its way into the line of a session. */
const entering = new Map<unknown, Promise<unknown>>();

/** Those of one process come into the line in the order in which they came: a pool of connections keeps none. */
async function inOrder<T>({ session, isLocal }: TurnStore, enter: () => Promise<T>): Promise<T> {
  if (isLocal) return enter();
  const before = entering.get(session);
  const own = before ? before.then(enter) : enter();
  const done = own.then(
    () => undefined,
    () => undefined,
  );
  entering.set(session, done);
  try {
    return await own;
  } finally {
    if (entering.get(session) === done) entering.delete(session);
  }
}

type Wait = { take: TurnCommand & { ask: 'take' }; request: SessionTurnRequest; answer: TurnAnswer };

async function wait(store: TurnStore, { take, request, answer }: Wait): Promise<number> {
  const { timeoutMs = DEFAULT_TURN_TIMEOUT_MS, signal } = request;
  let last = answer;
  let place = 0;
  let interrupt = request.onBusy === 'interrupt' ? request.interrupt : undefined;
  if (take.waitMs === undefined) throw busy(store, last, undefined);
  const over = new AbortController();
  const stop = (): void => over.abort();
  signal?.addEventListener('abort', stop);
  const timer = setTimeout(stop, timerMs(timeoutMs));
  try {
    if (signal?.aborted) stop();
    while (!over.signal.aborted) {
      // Before the question, so that no change falls between the two.
      const look = new AbortController();
      const again = setTimeout(() => look.abort(), PLACE_MS / 3);
      const endLook = (): void => look.abort();
      over.signal.addEventListener('abort', endLook);
      try {
        const changed = store.change(look.signal, place);
        const { line, now } = await store.look();
        place = Math.max(
          0,
          line.waiting.findIndex(({ key }) => key === take.key),
        );
        if (decideTurn(line, take, now).line !== line) last = await store.turn(take);
        if (last.fence !== undefined) return last.fence;
        const holder = holderIn(line, now);
        if (interrupt && holder) {
          const ask = interrupt;
          interrupt = undefined;
          await ask(holder);
        }
        await changed;
      } finally {
        look.abort();
        clearTimeout(again);
        over.signal.removeEventListener('abort', endLook);
      }
      if (!store.isLocal) await sleep(LEAST_PAUSE_MS);
    }
  } catch (error) {
    await leave(store, take.key);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
  await leave(store, take.key);
  if (signal?.aborted) throw signal.reason;
  throw busy(store, last, timeoutMs);
}

/** A change of the session itself, such as a pop, is no run and over soon. */
const CHANGE = 'change_';

function holderIn(line: Line, now: number): SessionTurnHolder | undefined {
  const holder = livingHolder(line, now);
  if (!holder || holder.runId.startsWith(CHANGE)) return undefined;
  const { runId, key, waitsFor } = holder;
  return { runId, fence: line.fence, isDurable: key === runId, ...(waitsFor !== undefined && { waitsFor }) };
}

/** Who has the turn, but for who asks. */
export async function holderOf(store: TurnStore): Promise<SessionTurnHolder | undefined> {
  if (currentTurn(store.session)) return undefined;
  const { line, now } = await store.look();
  return holderIn(line, now);
}

async function leave(store: TurnStore, key: string): Promise<void> {
  // What cannot be given up expires.
  await store.turn({ ask: 'end', key }).catch(() => undefined);
}

function busy({ sessionId }: TurnStore, { busy: before }: TurnAnswer, waitedMs: number | undefined): SessionBusy {
  const { runId = 'unknown', waitsFor } = before ?? {};
  return new SessionBusy({ sessionId, runId, waitsFor, waitedMs });
}

/**
 * A change that nobody may make in the turn of another: at once where nobody has the turn, else when it is free.
 *
 * @throws SessionBusy
 */
export async function inTurn<T>(store: TurnStore, act: () => Promise<T>, timeoutMs = LEASE_MS): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof SessionError && error.code === 'session/turn-taken')) throw error;
  }
  const turn = await takeTurn(store, { runId: `${CHANGE}${crypto.randomUUID()}`, timeoutMs });
  try {
    return await turn.within(act);
  } finally {
    await turn.end();
  }
}

/** Takes part in the turn of the run that started this one. */
class JoinedTurn implements HeldSessionTurn {
  readonly runId: string;
  readonly #outer: OpenTurn;

  constructor(runId: string, outer: OpenTurn) {
    this.runId = runId;
    this.#outer = outer;
  }

  get fence(): number {
    return this.#outer.fence;
  }

  get isEnded(): boolean {
    return this.#outer.isEnded;
  }

  within<T>(work: () => T): T {
    return work();
  }

  async note(): Promise<void> {}

  async end(): Promise<void> {}

  writeOf(): undefined {
    return undefined;
  }

  ended(): void {}
}

type Own = { store: TurnStore; runId: string; key: string; fence: number; leaseMs: number | undefined };

class OwnTurn implements HeldSessionTurn, OpenTurn {
  readonly runId: string;
  readonly key: string;
  readonly fence: number;
  readonly #store: TurnStore;
  readonly #renewal: ReturnType<typeof setInterval> | undefined;
  #isEnded = false;

  constructor({ store, runId, key, fence, leaseMs }: Own) {
    this.#store = store;
    this.runId = runId;
    this.key = key;
    this.fence = fence;
    if (leaseMs === undefined) return;
    const renew = { ask: 'renew', key, fence, leaseMs } as const;
    // A renewal that fails is no error: the next write is told that the turn is another's.
    this.#renewal = setInterval(() => void store.turn(renew).catch(() => undefined), leaseMs / 3);
    this.#renewal.unref();
  }

  get session(): unknown {
    return this.#store.session;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  within<T>(work: () => T): T {
    const scope = newScope();
    scope.turns.push(this);
    return inScope(scope, work);
  }

  async note(waitsFor: string | undefined): Promise<void> {
    await this.#store.turn({ ask: 'note', key: this.key, fence: this.fence, waitsFor });
  }

  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.ended();
    await this.#store.turn({ ask: 'end', key: this.key, fence: this.fence });
  }

  writeOf(change: SessionTurnChange): StoreWrite | undefined {
    const { key, fence } = this;
    if ('end' in change) return this.#store.write?.({ ask: 'end', key, fence });
    return this.#store.write?.({ ask: 'note', key, fence, waitsFor: change.waitsFor });
  }

  ended(): void {
    this.#isEnded = true;
    clearInterval(this.#renewal);
  }
}
