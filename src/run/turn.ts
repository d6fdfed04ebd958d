/**
 * The turn of a run on its session.
 *
 * R1 It is taken where the history is read, after the log says that the run exists: so a turn belongs to a run id that
 *    nobody else has. A run that goes on takes it before anything else.
 * R2 It ends with the run. Where session and log are one database, the end is in the commit that ends the run; where
 *    they are two, it comes just before: whoever crashes between has nothing to write to the session any more.
 * R3 A process that only leaves a durable run keeps the turn for whoever takes the run up.
 */
import { type Effect, isOver, type RunEvent, type State } from '../kernel/index.ts';
import { type HeldSessionTurn, isTurnAwareSession, type TurnAwareSession } from '../session/index.ts';
import type { StoreWrite } from '../store/write.ts';
import { asksOf } from './asks.ts';
import { forgetHolder, noteHolder } from './holders.ts';
import type { LiveRun } from './live-run.ts';
import { isFinal } from './record.ts';

/** `error` where the run could not go on here. */
type Rest = { readonly error?: unknown };

/** Commits the events, and along with them what is to be there together with them or not at all. */
type Commit = (also: readonly StoreWrite[]) => void | Promise<void>;

export class RunTurn {
  readonly run: LiveRun;
  readonly #session: TurnAwareSession | undefined;
  #held: HeldSessionTurn | undefined;
  #taking: Promise<HeldSessionTurn> | undefined;
  #rest: PromiseLike<Rest> | undefined;
  #resolveRest: ((rest: Rest) => void) | undefined;
  /** Changes of the session that the answer of an effect stands for, until they are committed with it. */
  #writes: Map<RunEvent, StoreWrite> | undefined;

  constructor(run: LiveRun, session: TurnAwareSession | undefined) {
    this.run = run;
    this.#session = session;
  }

  /** Performs an effect in the turn; the first that needs the session takes it. */
  around<T>(effect: Effect, perform: () => Promise<T>): Promise<T> {
    const held = this.#held;
    if (held && !held.isEnded) return held.within(perform);
    if (!this.#session || !NEEDS_TURN.has(effect.do)) return perform();
    return this.#take(this.#session).then((turn) => turn.within(perform));
  }

  /** Before a run goes on whose history is read already. */
  async enter(): Promise<void> {
    const { state } = this.run.record;
    if (!this.#session || state.status === 'new' || isFinal(state.status)) return;
    // It takes the turn where it reads the history.
    if (state.stage === 'load' && state.status !== 'failed') return;
    if (state.conversationId !== undefined || state.previousResponseId !== undefined) return;
    // A worker that stood still takes no turn of a run that may be over at another.
    this.run.surroundings.durable?.check();
    await this.#take(this.#session);
  }

  /** Has a change of the session committed together with the answer of an effect. */
  along(answer: RunEvent, write: StoreWrite): void {
    (this.#writes ??= new Map()).set(answer, write);
  }

  commit(events: readonly RunEvent[], state: State, commit: Commit): void | Promise<void> {
    const also = this.#taken(events);
    const held = this.#held;
    const isEnd = this.#endsWith(state);
    // Whoever is not durable ends it when all is done.
    const isDue = held && !held.isEnded && this.run.surroundings.durable && (isEnd || state.status === 'paused');
    return isDue ? this.#conclude(held, { state, isEnd, also, commit }) : commit(also);
  }

  async #conclude(
    held: HeldSessionTurn,
    { state, isEnd, also, commit }: { state: State; isEnd: boolean; also: StoreWrite[]; commit: Commit },
  ): Promise<void> {
    const change = isEnd ? ({ end: true } as const) : { waitsFor: waitedFor(state) };
    const write = held.writeOf(change);
    const isAlong = write !== undefined && write.store === this.run.surroundings.durable?.store;
    if (isAlong) also.push(write);
    else if ('end' in change) await held.end();
    else await held.note(change.waitsFor);
    await commit(also);
    if (isAlong && isEnd) held.ended();
  }

  /** Settles when this process is done with the run, for those who joined it. */
  get rest(): PromiseLike<Rest> {
    return (this.#rest ??= new Promise((resolve) => (this.#resolveRest = resolve)));
  }

  /** When this process is done with the run: `state` where it came to rest, else why it did not. */
  async leave(state: State | undefined, error?: unknown): Promise<void> {
    await this.#giveBack(state);
    this.#resolveRest?.(state ? {} : { error });
  }

  async #giveBack(state: State | undefined): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held) forgetHolder(held, this);
    if (!held || held.isEnded) return;
    const { durable } = this.run.surroundings;
    // Another may have ended or erased the run before this process took the turn: then nobody comes for it.
    if (state ? !this.#endsWith(state) : durable && !(await durable.isGone())) return;
    // What cannot be given back expires; the run has ended, whatever becomes of its turn.
    await held.end().catch(() => undefined);
  }

  #take(session: TurnAwareSession): Promise<HeldSessionTurn> {
    const run = this.run;
    const { onBusy, turnTimeoutMs } = run.settings.sessionTurn ?? {};
    this.#taking ??= session
      .takeTurn({
        runId: run.record.journal.runId,
        durable: run.surroundings.durable !== undefined,
        // Made only for who has to wait.
        get signal() {
          return run.signal;
        },
        // Who would join another has looked before it began; now it waits as others do.
        ...(onBusy !== undefined && onBusy !== 'merge' && { onBusy }),
        ...(onBusy === 'interrupt' && {
          interrupt: async (holder) => (await import('./meet.ts')).interrupt(run, holder),
        }),
        ...(turnTimeoutMs !== undefined && { timeoutMs: turnTimeoutMs }),
      })
      .then((turn) => {
        noteHolder(turn, this);
        return (this.#held = turn);
      })
      .finally(() => {
        this.#taking = undefined;
      });
    return this.#taking;
  }

  #endsWith(state: State): boolean {
    if (isOver(state.status)) return true;
    const { durable } = this.run.surroundings;
    return state.status === 'paused' && (!durable || this.run.settings.sessionTurn?.onPause === 'release');
  }

  #taken(events: readonly RunEvent[]): StoreWrite[] {
    const writes = this.#writes;
    if (!writes) return [];
    return events.flatMap((event) => {
      const write = writes.get(event);
      writes.delete(event);
      return write ? [write] : [];
    });
  }
}

const NEEDS_TURN: ReadonlySet<Effect['do']> = new Set(['load_session', 'save_session', 'compact_session']);

function waitedFor(state: State): string {
  const asks = asksOf(state, state.runId).map(({ tool, callId, uncertain }) => {
    const what = uncertain === undefined ? 'an approval of' : 'a word on what came of';
    return `${what} ${tool} (call ${callId})`;
  });
  return asks.length > 0 ? asks.join(', ') : 'a person';
}

/** Undefined for a run without a session, and where the session neither has turns nor shares a database. */
export function turnOf(run: LiveRun): RunTurn | undefined {
  const { session } = run.settings;
  if (!session) return undefined;
  const hasTurns = isTurnAwareSession(session);
  if (!hasTurns && !run.surroundings.durable) return undefined;
  return new RunTurn(run, hasTurns ? session : undefined);
}
