/**
 * Runs that survive their process: kept in a log, taken up by whoever has their lease.
 *
 * A store knows no other hosts, places no work and keeps no timers: `recover()` takes what has expired when it is
 * called. Placing, balancing and scheduling belong to an engine.
 */
import { hostname } from 'node:os';
import type { AnyAgent } from '../agent/index.ts';
import type { RunEvent } from '../kernel/index.ts';
import { isOver } from '../kernel/index.ts';
import type { EventLog, RunInfo, RunPage, RunQuery } from '../log/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import {
  type IndividualRunOptions,
  type NonStreamRunOptions,
  run,
  type RunResult,
  RunState,
  type StreamedRunResult,
  type StreamRunOptions,
} from '../run/index.ts';
import type { Kept, RunKeeper, RunToKeep } from '../run/keeper.ts';
import type { RunRecord } from '../run/record.ts';
import { claimable, type Claimed, claimRun, giveBack, holdOf } from './claim.ts';
import { type Decision, decide } from './decide.ts';
import { DurableError } from './errors.ts';
import { forkedEvents } from './fork.ts';
import { Hold } from './hold.ts';
import { planEvents, planRecord, warnOfUndeclared } from './plan-record.ts';
import { Presence } from './presence.ts';
import { replay, type ReplayOptions } from './replay.ts';
import type { ForkOptions, Recovered, ResumeOptions, RunStoreOptions } from './types.ts';
import { eventsOf, find, revive, unknownRun } from './revive.ts';

const DEFAULT_LEASE_MS = 15_000;

/**
 * Keeps runs.
 *
 * @example
 * import { Agent, run, RunStore, memoryLog } from '@baton/agents';
 *
 * const store = new RunStore({ log: memoryLog() });
 * const agent = new Agent({ name: 'Assistant' });
 * await run(agent, 'Hello', { durable: { store, runId: 'hello-1' } });
 * console.log((await store.list()).runs.map(({ runId, status }) => `${runId} ${status}`)); // ['hello-1 finished']
 */
export class RunStore implements RunKeeper {
  readonly log: EventLog;
  readonly #options: RunStoreOptions;
  readonly #presence: Presence;
  /** Runs that this process has, each until it rests. */
  readonly #running = new Map<string, { hold: Hold; done: Promise<void> }>();
  /** What was claimed for a record that is about to go on. */
  readonly #claimed = new WeakMap<RunRecord, Hold>();
  readonly #warned = new Set<string>();
  #isClosed = false;

  constructor(options: RunStoreOptions) {
    const { log, worker, leaseMs = DEFAULT_LEASE_MS } = options;
    if (!(Number.isFinite(leaseMs) && leaseMs >= 100)) {
      throw new UserError(`RunStore: leaseMs is ${leaseMs}. Give milliseconds, 100 or more.`);
    }
    this.log = log;
    this.#options = options;
    this.#presence = new Presence({ log, worker: worker ?? newWorkerName(), leaseMs });
  }

  /** The name of this process among the workers of the store. */
  get worker(): string {
    return this.#presence.worker;
  }

  // Taking up

  /**
   * Goes on with a run: one that waits or failed, or one whose worker has gone. A run that is over gives its result.
   *
   * @param options.agent the agent that the run was started with. @default the one of `agents` with that name
   * @throws DurableError `durable/unknown-run`, `durable/owned` where a living worker has it, `durable/no-agent`
   */
  resume(
    runId: string,
    options: { agent?: AnyAgent; stream: true } & Omit<StreamRunOptions, 'durable'>,
  ): Promise<StreamedRunResult<unknown, AnyAgent>>;
  resume(
    runId: string,
    options?: { agent?: AnyAgent; stream?: false } & ResumeOptions,
  ): Promise<RunResult<unknown, AnyAgent>>;
  async resume(
    runId: string,
    options: { agent?: AnyAgent } & Omit<IndividualRunOptions, 'durable'> = {},
  ): Promise<RunResult<unknown, AnyAgent> | StreamedRunResult<unknown, AnyAgent>> {
    this.#checkOpen(runId);
    const found = await find(this.log, runId);
    const given = { ...(await this.#options.resumeOptions?.(found.log.info)), ...options };
    const agent = options.agent ?? this.#agentOf(found.log.info);
    const { agent: _, ...runOptions } = given;
    if (isOver(found.state.status) && found.state.status !== 'failed') {
      return run(agent, new RunState(revive(found, agent, given.context)), runOptions as NonStreamRunOptions);
    }
    const claimed = await this.#claim(runId);
    const record = await this.#takeUp(claimed, agent, { context: given.context });
    return this.#goOn(record, (state) =>
      run(agent, state, { ...runOptions, durable: { store: this } } as NonStreamRunOptions),
    );
  }

  /**
   * Starts a copy of a run from the newest point at or before `at` where nothing was under way, and runs it until it
   * rests. What was done is not done again; what comes is done under ids of its own.
   *
   * @param options.at how many events of the log come before, at most. @default all
   * @param options.runId the copy's id. @default a random one
   * @param options.edit changes the copy before it goes on, such as `(state) => state.addInput('…')`
   * @param options.once what tools do that must not act twice: a person is asked each time, they do nothing, or they run. @default 'ask'
   * @throws DurableError `durable/no-fork-point`, `durable/unknown-run`
   */
  async fork(runId: string, options: ForkOptions = {}): Promise<RunResult<unknown, AnyAgent>> {
    this.#checkOpen(runId);
    const {
      at = Number.MAX_SAFE_INTEGER,
      edit,
      once = 'ask',
      runId: copyId = `${runId}-${crypto.randomUUID().slice(0, 8)}`,
      ...rest
    } = options;
    const found = await find(this.log, runId, { whole: true });
    const agent = options.agent ?? this.#agentOf(found.log.info);
    const events = forkedEvents(eventsOf(found.log), copyId, { of: runId, at, once });
    const create = { agent: found.log.info.agent, worker: this.worker };
    await this.log.append({ runId: copyId, position: 0, fence: 0, create, events, release: true });
    const { agent: _, ...runOptions } = { ...(await this.#options.resumeOptions?.(found.log.info)), ...rest };
    const record = await this.#takeUp(await this.#claim(copyId), agent, { context: runOptions.context });
    return this.#goOn(record, async (state) => {
      edit?.(state);
      return run(agent, state, { ...runOptions, durable: { store: this } } as NonStreamRunOptions);
    });
  }

  /**
   * Decides a stored run again from its record: nothing is performed and no user code is called but schemas.
   *
   * @returns the status at the end
   * @throws DurableError `durable/replay-mismatch` where something else would be decided now, with both
   */
  async replay(runId: string, options: Partial<ReplayOptions> = {}): Promise<{ status: string; events: number }> {
    const found = await find(this.log, runId, { whole: true });
    const events = eventsOf(found.log);
    const agent = options.agent ?? this.#agentOf(found.log.info);
    const { status } = await replay(events, { ...options, agent });
    return { status, events: events.length };
  }

  /**
   * Takes up the runs whose workers have gone, and those that wait and were answered, and runs each until it rests.
   * Call it at start and on a timer: a run whose worker died is taken `leaseMs` after the first call that sees it so.
   *
   * @param options.limit how many runs at once. @default 50
   */
  async recover({ limit = 50 }: { limit?: number } = {}): Promise<Recovered[]> {
    this.#checkOpen('');
    const candidates = await claimable(this.log, this.#presence, limit + this.#running.size);
    const taken = candidates.filter(({ runId }) => !this.#running.has(runId)).slice(0, limit);
    return Promise.all(
      taken.map(async ({ runId }): Promise<Recovered> => {
        try {
          const { state } = await this.resume(runId);
          return { runId, outcome: { status: state.status } };
        } catch (error) {
          return { runId, outcome: { error } };
        }
      }),
    );
  }

  /**
   * Before a process ends: takes nothing up any more and waits for the runs that it has.
   *
   * @param options.timeoutMs how long. What is not at rest by then is left to other workers, at once. @default 30000
   * @returns the ids of the runs that were left
   */
  async drain({ timeoutMs = 30_000 }: { timeoutMs?: number } = {}): Promise<string[]> {
    this.#isClosed = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    await Promise.race([Promise.all([...this.#running.values()].map(({ done }) => done)), limit]);
    clearTimeout(timer);
    const left = [...this.#running.keys()];
    for (const { hold } of this.#running.values()) hold.abandon();
    await this.#presence.end();
    return left;
  }

  /** `drain`, then lets go of the log. */
  async close(options?: { timeoutMs?: number }): Promise<void> {
    await this.drain(options);
    await this.log.close();
  }

  // Looking

  /** Runs of the store, newest first; those of sub-agents where `parent` says so. */
  list(query: RunQuery = {}): Promise<RunPage> {
    return this.log.list({ parent: null, ...query });
  }

  /** What the log says of a run, whoever has it: to look at. @throws DurableError `durable/unknown-run` */
  async state(runId: string, { agent }: { agent?: AnyAgent } = {}): Promise<RunState<unknown, AnyAgent>> {
    const found = await find(this.log, runId, { whole: true });
    return new RunState(revive(found, agent ?? this.#agentOf(found.log.info), undefined));
  }

  /**
   * The events of a run, those to come included, until it rests. To go on later, pass the position after the newest
   * that was seen.
   *
   * @throws DurableError `durable/unknown-run`
   */
  async *events(
    runId: string,
    { from = 0, signal }: { from?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<{ position: number; at: number; event: RunEvent }> {
    let next = from;
    for (;;) {
      const read = await this.log.read(runId, { from: next });
      if (!read) throw unknownRun(runId);
      for (const { position, at, event } of read.events) yield { position, at, event: event as RunEvent };
      next = Math.max(next, read.info.head);
      const { status } = read.info;
      if (isOver(status) || status === 'paused') return;
      await this.log.watch(runId, { head: next, posted: Number.MAX_SAFE_INTEGER }, signal);
    }
  }

  // Saying something to a run, from any process

  /**
   * Approves a call that a run waits for. The run goes on with `resume`, or where a worker calls `recover`.
   *
   * @throws AlreadyDecided where somebody was faster; DurableError `durable/not-waiting`, `durable/unknown-run`
   */
  approve(runId: string, callId: string, options: { alwaysApprove?: boolean } = {}): Promise<void> {
    return this.#decide(runId, callId, { approved: true, sticky: options.alwaysApprove ?? false });
  }

  /** Rejects a call that a run waits for. @param options.message what the model is told. @throws as `approve` */
  reject(runId: string, callId: string, options: { alwaysReject?: boolean; message?: string } = {}): Promise<void> {
    const { alwaysReject = false, message } = options;
    return this.#decide(runId, callId, {
      approved: false,
      sticky: alwaysReject,
      ...(message !== undefined && { message }),
    });
  }

  /** Says that a call which a crash left in doubt did happen, and what it gave. @throws as `approve` */
  confirm(runId: string, callId: string, result: string): Promise<void> {
    return this.#decide(runId, callId, { approved: false, sticky: false, result });
  }

  /** Adds input, to be seen by the run's next model call. @throws LogError `log/ended` */
  async addInput(runId: string, input: string | AgentInputItem[]): Promise<void> {
    const items: AgentInputItem[] =
      typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input;
    await this.log.post(runId, {
      key: `input:${crypto.randomUUID()}`,
      event: { type: 'input.staged', items } as RunEvent,
    });
  }

  /** Ends a run: what is under way is told to stop. A run that rests ends when it is taken up. @throws LogError `log/ended` */
  async cancel(runId: string, reason = 'The run was cancelled.'): Promise<void> {
    const error = { name: 'AbortError', message: reason };
    const event: RunEvent = { type: 'run.stopping', cause: 'abort', error };
    await this.log.post(runId, { key: 'cancel', event });
  }

  // For runs

  /** @internal */
  async keep({ record, session }: RunToKeep): Promise<Kept> {
    const { runId, events } = record.journal;
    this.#checkOpen(runId);
    const known = this.#claimed.get(record);
    this.#claimed.delete(record);
    if (known) return this.#registered(runId, known);
    if (events.length > 0 || record.journal.base) return this.#registered(runId, await this.#reclaim(record));
    await this.#presence.enter();
    warnOfUndeclared(record.graph, this.#warned);
    record.inbox.push({ type: 'plan.recorded', plan: planRecord(record.graph.root) });
    const agent = record.graph.root.name;
    const options = { log: this.log, presence: this.#presence, runId, agent };
    return this.#registered(runId, new Hold({ ...options, session: await session?.getSessionId() }));
  }

  /** A state in the caller's hands goes on: its log must not have gone on without it. */
  async #reclaim(record: RunRecord): Promise<Hold> {
    const { journal } = record;
    const claimed = await this.#claim(journal.runId);
    const known = (journal.base?.at ?? 0) + journal.events.length;
    const { head } = claimed.found.log.info;
    if (head !== known) {
      await giveBack(claimed, { log: this.log, presence: this.#presence });
      throw new DurableError(
        'durable/moved',
        journal.runId,
        `The log of run ${journal.runId} has ${head} events, the state that was passed follows from ${known}. ` +
          'Somebody went on with the run: take it up from its log with store.resume().',
      );
    }
    return holdOf(claimed, record, { log: this.log, presence: this.#presence });
  }

  async #takeUp(claimed: Claimed, agent: AnyAgent, { context }: { context: unknown }): Promise<RunRecord> {
    const to = { log: this.log, presence: this.#presence };
    try {
      const record = revive(claimed.found, agent, context);
      const hold = holdOf(claimed, record, to);
      record.inbox.push(...(await planEvents(claimed.found, agent, this.#options.onPlanChange)));
      this.#claimed.set(record, hold);
      return record;
    } catch (error) {
      await giveBack(claimed, to);
      throw error;
    }
  }

  /**
   * Goes on with what was taken up. What does not begin is given back: an option is wrong, or another worker ended the
   * run between the look and the claim.
   */
  async #goOn<T>(record: RunRecord, begin: (state: RunState<unknown, AnyAgent>) => Promise<T>): Promise<T> {
    try {
      return await begin(new RunState(record));
    } finally {
      const unused = this.#claimed.get(record);
      this.#claimed.delete(record);
      await unused?.giveBack();
    }
  }

  async #claim(runId: string): Promise<Claimed> {
    if (this.#running.has(runId)) {
      throw new DurableError('durable/owned', runId, `Run ${runId} is under way in this process. Wait for its result.`);
    }
    await this.#presence.enter();
    try {
      return await claimRun(this.log, this.#presence, runId);
    } catch (error) {
      this.#presence.leave();
      throw error;
    }
  }

  #registered(runId: string, hold: Hold): Kept {
    let settle = (): void => undefined;
    const done = new Promise<void>((resolve) => (settle = resolve));
    this.#running.set(runId, { hold, done });
    const { committer, durable } = hold;
    const attach: Kept['attach'] = (live) => {
      const detach = hold.attach(live);
      return () => {
        detach();
        this.#running.delete(runId);
        settle();
      };
    };
    return { committer, durable, attach, giveBack: () => hold.release() };
  }

  async #decide(runId: string, callId: string, decision: Decision): Promise<void> {
    const found = await find(this.log, runId);
    await decide(this.log, found, { ...decision, callId });
  }

  #agentOf({ runId, agent }: RunInfo): AnyAgent {
    const known = this.#options.agents?.find(({ name }) => name === agent);
    if (known) return known;
    throw new DurableError(
      'durable/no-agent',
      runId,
      `Run ${runId} was started with agent "${agent}", which is not among the store's agents ` +
        `(${this.#options.agents?.map(({ name }) => `"${name}"`).join(', ') ?? 'it has none'}). Pass it: new RunStore({ agents }) or resume(runId, { agent }).`,
    );
  }

  #checkOpen(runId: string): void {
    if (!this.#isClosed) return;
    throw new DurableError('durable/closed', runId, 'The store was drained or closed. Make a new one to run more.');
  }
}

const newWorkerName = (): string => `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
