/**
 * One segment of a run in this process: from its start or resume to its pause or end. The kernel's world.
 *
 * W1: an effect has exactly one answer; what comes after an answer, or after the end, is kept as settled late.
 * W2: a stop fires the signal at once; checks and decisions are given up, models and tools have `abortGraceMs`.
 */
import { timerMs } from '../protocol/timers.ts';
import type { AnyAgent, RunHooks, RunStreamEvent } from '../agent/index.ts';
import {
  type Committed,
  drive,
  type Effect,
  fold,
  initialState,
  type Plan,
  type RunEvent,
  type State,
  type Stop,
  type World,
} from '../kernel/index.ts';
import type { RunBudget } from '../model/index.ts';
import { RunTimeoutError } from '../protocol/errors.ts';
import { type Decision, type DecisionListener, RunContext } from '../tools/context.ts';
import { announce, markShown } from './announce.ts';
import { closeBudgets, limitActiveTime, surroundingRun } from './budget.ts';
import { contextDecided } from './decision.ts';
import { errorInfo } from './errors.ts';
import type { Committer, Kept } from './keeper.ts';
import type { RunObserver } from './observe.ts';
import type { RunConfig, Settings } from './options.ts';
import { perform } from './perform/index.ts';
import { RunPlan } from './plan.ts';
import { LiveValues, type RunRecord } from './record.ts';
import { type RunTurn, turnOf } from './turn.ts';

export type Surroundings = {
  readonly settings: Settings;
  readonly config: RunConfig;
  readonly runner: RunHooks;
  /** Gets stream events as they happen; absent when nobody listens. */
  readonly sink?: (event: RunStreamEvent) => void;
  readonly parent?: LiveRun;
  readonly committer?: Committer;
  /** Reads the run for a trace; absent when nobody listens. */
  readonly observer?: RunObserver;
  /** Present where the run is kept in a log that outlives the process. */
  readonly durable?: Durability;
  readonly attach?: Kept['attach'];
  readonly giveBack?: Kept['giveBack'];
  readonly tap?: Kept['tap'];
  /** Testing: after each commit forget all but the log. */
  readonly amnesia?: boolean;
};

/** What a durable run must know of its place in the log. */
export type Durability = {
  /** Grows with each worker that takes the run over. */
  readonly fence: number;
  /** The database of the log: a `StoreWrite` of the same name can be committed along. */
  readonly store?: string | undefined;
  /** @throws where another worker may have the run by now: nothing may begin any more */
  check(): void;
  /** Whether the run is over or not there any more, whoever has it. */
  isGone(): Promise<boolean>;
};

export const DEFAULT_GRACE_MS = 1000;

export class LiveRun implements World, DecisionListener {
  readonly record: RunRecord;
  readonly settings: Settings;
  readonly runner: RunHooks;
  readonly sink: ((event: RunStreamEvent) => void) | undefined;
  readonly surroundings: Surroundings;
  readonly plan: Plan;
  /** Of the run on its session; absent where the session has none. */
  readonly turn: RunTurn | undefined;
  observer: RunObserver | undefined;
  /** What the stream showed of results and questions: an item is shown once. */
  get shown(): Set<string> {
    return (this.#shown ??= new Set());
  }
  #shown: Set<string> | undefined;
  /** What an abort was given as its reason. */
  abortReason: unknown;
  readonly #under: Effect[] = [];
  readonly #answers: RunEvent[] = [];
  #resolve: ((answer: RunEvent | undefined) => void) | undefined;
  #controller: AbortController | undefined;
  #beginning: Map<string, () => void> | undefined;
  #stopped = false;
  #abandoned: { reason: unknown } | undefined;
  #over = false;
  #thrown: { error: unknown } | undefined;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;
  forget?: () => State;
  /** The budgets that its calls draw from, once they are open. */
  budgets?: Promise<readonly RunBudget[]>;
  /** The run within whose effect this one was started by user code, where that has budgets. */
  readonly outer = surroundingRun();

  constructor(record: RunRecord, surroundings: Surroundings) {
    this.record = record;
    this.surroundings = surroundings;
    this.settings = surroundings.settings;
    this.runner = surroundings.runner;
    this.sink = surroundings.sink;
    this.observer = surroundings.observer;
    const isHeld = (this.settings.conversationId ?? record.state.conversationId) !== undefined;
    this.plan = new RunPlan(record.graph, this.settings, { durable: surroundings.durable !== undefined, isHeld });
    if (this.sink && record.state.calls.length > 0) markShown(this);
    this.turn = turnOf(this);
    if (surroundings.amnesia) this.forget = () => this.#forget();
  }

  get context(): RunContext {
    return this.record.context;
  }

  agent(key: string): AnyAgent {
    return this.record.graph.agent(key);
  }

  /** Fires when the run must stop. Made on first use: most runs never need it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#stopped) this.#controller.abort(this.abortReason);
    }
    return this.#controller.signal;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Runs until the run ends or pauses. Rejects only where events could not be committed or a listener threw at the end. */
  async go(): Promise<State> {
    const { record, settings } = this;
    RunContext.subscribe(record.context, this);
    const unlink = this.#linkSignals();
    record.loop = this;
    if (settings.timeoutMs !== undefined) {
      const ms = settings.timeoutMs;
      const late = (): void => this.stop({ cause: 'timeout', error: errorInfo(new RunTimeoutError(ms)) });
      this.#timeout = setTimeout(late, timerMs(ms));
    }
    const unlimit = limitActiveTime(this);
    try {
      if (this.turn) await this.#enter(this.turn);
      record.state = await (this.observer ? this.observer.around(() => this.#drive()) : this.#drive());
      await this.turn?.leave(record.state);
      // A listener that throws fails the run, also where there was nothing left to stop.
      if (this.#thrown && record.state.stop?.id !== 'listener') throw this.#thrown.error;
      return record.state;
    } catch (error) {
      // The loop broke, such as where a commit was refused: what is under way must not go on alone.
      this.#stopped = true;
      this.#controller?.abort(error);
      await this.turn?.leave(undefined, error);
      throw error;
    } finally {
      this.#over = true;
      this.observer?.close();
      record.loop = undefined;
      RunContext.unsubscribe(record.context, this);
      unlink();
      unlimit();
      clearTimeout(this.#timeout);
      clearTimeout(this.#grace);
      if (this.budgets) await closeBudgets(this);
    }
  }

  // Kernel's world

  start(effect: Effect, state: State): void {
    this.#under.push(effect);
    if (this.#stopped && !ENDS_A_RUN.has(effect.do)) return this.#answer(givenUp(effect));
    let answer: Promise<RunEvent>;
    try {
      const { observer } = this;
      answer = observer ? observer.within(effect.id, () => perform(this, effect, state)) : perform(this, effect, state);
    } catch (error) {
      return this.#answer(this.#failure(effect, error));
    }
    answer.then(
      (event) => this.#answer(event),
      (error: unknown) => this.#answer(this.#failure(effect, error)),
    );
  }

  next(): Promise<RunEvent | undefined> {
    const answer = this.#answers.shift();
    if (answer) return Promise.resolve(answer);
    if (this.record.inbox.length > 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Lets the loop go on: with an answer, or to look into the inbox. */
  wake(answer?: RunEvent): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(answer ?? this.#answers.shift());
  }

  onDecision(decision: Decision): boolean {
    const event = contextDecided(this.record, decision);
    if (event) this.post(event);
    return event !== undefined;
  }

  inbox(): readonly RunEvent[] {
    const { record } = this;
    if (this.#abandoned) throw this.#abandoned.reason;
    if (record.inbox.length === 0) return record.inbox;
    const { inbox } = record;
    record.inbox = [];
    return inbox;
  }

  commit(events: readonly RunEvent[], state: State): void | Promise<void> {
    const { journal } = this.record;
    const at = Date.now();
    const committed = events as Committed[];
    if (committed[0]) committed[0].at = at;
    committed.forEach((event) => journal.events.push(event));
    const { committer } = this.surroundings;
    if (!committer) return undefined;
    const { turn } = this;
    if (!turn) return committer(journal.runId, committed, state);
    return turn.commit(committed, state, (also) => committer(journal.runId, committed, state, also));
  }

  notify(event: RunEvent, state: State): void {
    this.record.state = state;
    this.observer?.event(event, state);
    if (event.type === 'effect.began') this.#beginning?.get(event.id)?.();
    if (event.type === 'run.stopping') this.#halt();
    if (event.type === 'error.handled' && event.final !== undefined) this.#revive();
    announce(this, event, state);
  }

  caught(error: unknown): Stop {
    this.record.live.values.set('listener', error);
    this.#thrown ??= { error };
    this.#stopped = true;
    return { cause: 'callback', id: 'listener', error: errorInfo(error) };
  }

  /** Has the log say that an effect begins, before it does. Settles when that is committed. */
  begin(id: string): Promise<void> {
    const beginning = (this.#beginning ??= new Map());
    return new Promise<void>((resolve) => {
      beginning.set(id, resolve);
      this.post({ type: 'effect.began', id });
    }).then(() => {
      beginning.delete(id);
    });
  }

  /** A run within this one, for a sub-agent. */
  child(record: RunRecord, surroundings: Surroundings): LiveRun {
    return new LiveRun(record, surroundings);
  }

  // From outside

  /** Hands an event to the loop. */
  post(event: RunEvent): void {
    this.record.inbox.push(event);
    this.wake();
  }

  /** Asks the run to end. */
  stop(stop: Stop): void {
    // What is not begun yet is not begun any more.
    this.#stopped = this.record.state.status === 'running' || this.record.state.status === 'new';
    this.post({ type: 'run.stopping', ...stop });
  }

  /** Leaves the run where it is, in this process only: what is under way is told to stop, nothing is committed. */
  abandon(reason: unknown): void {
    this.#stopped = true;
    this.#abandoned = { reason };
    this.#controller?.abort(reason);
    this.wake();
  }

  abort(reason: unknown): void {
    this.abortReason = reason;
    this.stop({ cause: 'abort', error: errorInfo(reason) });
  }

  // Inside

  #drive(): Promise<State> {
    return drive(this.record.state, this.plan, this);
  }

  /** A run that may not go on now stays where it was, to go on another time. */
  async #enter(turn: RunTurn): Promise<void> {
    const { record } = this;
    try {
      await turn.enter();
    } catch (error) {
      record.inbox = record.inbox.filter(({ type }) => type !== 'run.resumed' && type !== 'run.recovered');
      await this.surroundings.giveBack?.();
      throw error;
    }
  }

  #answer(event: RunEvent): void {
    const id = 'id' in event ? event.id : undefined;
    const under = this.#under.length === 1 && this.#under[0]?.id === id ? 0 : this.#indexUnder(id);
    if (this.#over || id === undefined || under < 0) {
      const summary = 'outcome' in event ? (event.outcome ?? 'ok') : event.type;
      this.record.journal.late.push({ type: 'effect.settled_late', id: id ?? '', summary });
      return;
    }
    this.#under.splice(under, 1);
    if (this.#resolve) this.wake(event);
    else this.#answers.push(event);
  }

  #indexUnder(id: string | undefined): number {
    return this.#under.findIndex((effect) => effect.id === id);
  }

  #failure(effect: Effect, error: unknown): RunEvent {
    const { id } = effect;
    this.record.live.values.set(id, error);
    const info = errorInfo(error);
    if (effect.do === 'call_model') return { type: 'model.failed', id, error: info };
    if (effect.do === 'call_tool' && !this.#stopped) return { type: 'tool.failed', id, error: info };
    return { type: 'effect.failed', id, error: info };
  }

  /** The run is stopping: tell everything that is under way, and do not wait for ever. */
  #halt(): void {
    this.#stopped = true;
    this.#controller?.abort(this.abortReason);
    for (const effect of this.#under.slice()) {
      if (effect.do === 'check' || effect.do === 'decide_call' || effect.do === 'choose_output')
        this.#answer(givenUp(effect));
    }
    if (this.#under.length === 0) return;
    const giveUp = (): void => {
      for (const effect of this.#under.slice()) if (!ENDS_A_RUN.has(effect.do)) this.#answer(givenUp(effect));
    };
    this.#grace = setTimeout(giveUp, timerMs(this.settings.abortGraceMs ?? DEFAULT_GRACE_MS));
  }

  /** An error handler gave an output: the run goes on to its end. */
  #revive(): void {
    this.#stopped = false;
    this.#controller = undefined;
    clearTimeout(this.#grace);
  }

  #linkSignals(): () => void {
    const { parent } = this.surroundings;
    if (!this.settings.signal && !parent) return nothing;
    const signals = [this.settings.signal, parent?.signal].filter((signal) => signal !== undefined);
    const undo = signals.map((signal) => {
      const onAbort = (): void => this.abort(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      return () => signal.removeEventListener('abort', onAbort);
    });
    return () => undo.forEach((off) => off());
  }

  #forget(): State {
    const { record } = this;
    const log = JSON.parse(JSON.stringify(record.journal.events)) as Committed[];
    record.live = new LiveValues();
    record.state = fold(log, initialState());
    return record.state;
  }
}

const nothing = (): void => undefined;

/** Effects that bring a stopping run to its end; they are not given up. */
const ENDS_A_RUN: ReadonlySet<Effect['do']> = new Set(['save_session', 'compact_session', 'handle_error']);

const givenUp = (effect: Effect): RunEvent => ({
  type: 'effect.failed',
  id: effect.id,
  error: { name: 'AbortError', message: 'Given up: the run was stopped.' },
});
