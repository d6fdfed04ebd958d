/**
 * Runs that survive their process: kept in a log, taken up by whoever has their lease.
 *
 * A store knows no other hosts and places no work: `recover()` takes what has expired when it is
 * called. Placing, balancing and scheduling belong to an engine.
 */
import type { AnyAgent } from '../agent/index.ts';
import { isOver, type RunEvent } from '../kernel/index.ts';
import type { EventLog, RunInfo, RunPage, RunQuery } from '../log/index.ts';
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
import type { Kept, OtherRuns, RunKeeper, RunToKeep } from '../run/keeper.ts';
import { isFinal } from '../run/record.ts';
import { Deadlines, expireAsks } from './ask-timeout.ts';
import { claimable, type Claimed, claimRun, claimSeen } from './claim.ts';
import { type Decision, decide } from './decide.ts';
import { DurableError } from './errors.ts';
import type { RunStreamPart } from './feed.ts';
import { checkOriginal, forkedEvents, forkPoint } from './fork.ts';
import { Hold } from './hold.ts';
import { itemsOf } from './input.ts';
import { eventsFrom, type LookOptions, partsFrom } from './look-on.ts';
import { othersOf } from './others.ts';
import { planRecord, warnOfUndeclared } from './plan-record.ts';
import { Presence } from './presence.ts';
import { pruneEvery } from './retention.ts';
import { replay, type ReplayOptions } from './replay.ts';
import { dropBranch, makeBranch, onOwnBranch } from './session-branch.ts';
import type {
  DrainOptions,
  Erased,
  EraseOptions,
  EraseTarget,
  ForkOptions,
  Pruned,
  Recovered,
  RecoverOptions,
  ResumeOptions,
  RunRetention,
  RunStoreOptions,
} from './types.ts';
import { recoverEach } from './recover-each.ts';
import { eventsOf, find, noAgent, revive, tell } from './revive.ts';
import { Taking } from './taking.ts';

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
  /** @internal */
  readonly others: OtherRuns = othersOf(this);
  readonly #options: RunStoreOptions;
  readonly #presence: Presence;
  readonly #taking: Taking;
  readonly #deadlines: Deadlines;
  readonly #warned = new Set<string>();
  readonly #pruning: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  constructor(options: RunStoreOptions) {
    this.log = options.log;
    this.#options = options;
    const { log, onPlanChange, agents = [] } = options;
    this.#presence = new Presence(options);
    this.#deadlines = new Deadlines(agents, this.#presence.leaseMs);
    this.#taking = new Taking({ log, presence: this.#presence, keeper: this, onPlanChange });
    this.#pruning = pruneEvery(options.retention, () => this.prune());
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
    const own = { ...(await this.#options.resumeOptions?.(found.log.info)), ...options };
    const given = onOwnBranch(own, found.state.fork?.branch);
    const agent = options.agent ?? this.#agentOf(found.log.info);
    const { agent: _, ...runOptions } = given;
    if (isFinal(found.state.status)) {
      return run(agent, new RunState(revive(found, agent, given.context)), runOptions as NonStreamRunOptions);
    }
    await expireAsks(this.log, found.log.info);
    const claimed = await this.#taking.claimFound(found);
    return this.#taking.goOn(await this.#taking.takeUp(claimed, agent, given), runOptions);
  }

  /**
   * Starts a copy of a run from the newest point at or before `at` where nothing was under way, and runs it until it
   * rests. What was done is not done again; what comes is done under ids of its own. A session that has branches, such
   * as a `BranchedSession`, gets one named as the copy, from that point, which only the copy has; another session is
   * shared with the original.
   *
   * @param options.at how many events of the log come before, at most. @default all
   * @param options.runId the copy's id. @default a random one
   * @param options.edit changes the copy before it goes on, such as `(state) => state.addInput('…')`
   * @param options.once what tools do that must not act twice: a person is asked each time, they do nothing, or they run. @default 'ask'
   * @throws DurableError `durable/no-fork-point`, `durable/unknown-run`
   */
  async fork(runId: string, options: ForkOptions = {}): Promise<RunResult<unknown, AnyAgent>> {
    this.#checkOpen(runId);
    const { at = Number.MAX_SAFE_INTEGER, edit, once = 'ask', runId: given, ...rest } = options;
    const copyId = given ?? `${runId}-${crypto.randomUUID().slice(0, 8)}`;
    const found = await find(this.log, runId, { whole: true });
    const { info } = found.log;
    const agent = options.agent ?? this.#agentOf(info);
    const wanted = { ...(await this.#options.resumeOptions?.(info)), ...rest };
    const { agent: _, ...theirs } = onOwnBranch(wanted, found.state.fork?.branch);
    const events = eventsOf(found.log);
    const cut = forkPoint(events, { runId, at, once, agent });
    const place = { events, cut, session: theirs.session, sessionId: info.session };
    const branch = (await makeBranch(copyId, place)) ? copyId : undefined;
    const claimed = await this.#taking.claim(copyId, async () => {
      const fork = { of: runId, at: cut, once, ...(branch !== undefined && { branch }) };
      const session = (await theirs.session?.getSessionId()) ?? info.session;
      const of = { agent: info.agent, forkOf: runId, ...(session !== undefined && { session }) };
      const create = { ...of, worker: this.worker };
      // Nobody else sees a copy that is not edited yet: it is this worker's from the first.
      const copied = forkedEvents(events, copyId, fork);
      await this.log.append({ runId: copyId, position: 0, fence: 0, create, events: copied });
      await checkOriginal(this.log, info, copyId);
      return claimRun(this.log, this.#presence, await find(this.log, copyId));
    });
    const runOptions = onOwnBranch(theirs, branch);
    const record = await this.#taking.takeUp(claimed, agent, runOptions);
    return this.#taking.goOn(record, runOptions, async (state) => {
      try {
        edit?.(state);
      } catch (error) {
        // A copy that could not be edited as it should be is none.
        await this.log.remove({ runIds: [copyId], evenOpen: true });
        if (branch !== undefined) await dropBranch(theirs.session, branch);
        throw error;
      }
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
   * Call it at start and on a timer, or see `runWorker`: a run whose worker died is taken `leaseMs` after the first
   * call that sees it so. What another worker was faster to take is not among the results, nor is what must wait for
   * the turn of another run on its session: a later call takes that.
   *
   * @param options.limit how many runs at once. @default 50
   * @param options.skip runs to leave alone
   * @param options.onTaken is called for each run before it goes on, with what the log said of it before
   * @param options.onLooked is called once, when each run that was found is taken or left: no more come of this call
   * @param options.onRest is called as each run comes to rest, with what it gives in the end
   */
  async recover(options: RecoverOptions = {}): Promise<Recovered[]> {
    const { limit = 50, skip } = options;
    this.#checkOpen('');
    await this.#deadlines.look(this.log);
    const candidates = await claimable(this.log, this.#presence);
    const free = candidates.filter((info) => !this.#taking.underway.has(info.runId) && !skip?.(info)).slice(0, limit);
    return recoverEach(free, (info, taken) => this.#recover(info, taken), options);
  }

  /** Undefined: another worker was faster. */
  async #recover(info: RunInfo, onTaken: () => void): Promise<Recovered['outcome'] | undefined> {
    const options = { ...(await this.#options.resumeOptions?.(info)) };
    const agent = this.#agentOf(info);
    let claimed: Claimed;
    try {
      claimed = await this.#taking.claim(info.runId, () => claimSeen(this.log, this.#presence, info));
    } catch (error) {
      if (error instanceof DurableError && error.code === 'durable/owned') return undefined;
      throw error;
    }
    const given = onOwnBranch(options, claimed.found.state.fork?.branch);
    const turn = await this.#taking.turnOf(claimed, given);
    if (turn === 'busy') return undefined;
    const record = await this.#taking.takeUp(claimed, agent, given);
    onTaken();
    try {
      const { state } = await this.#taking.goOn(record, given);
      return { status: state.status };
    } finally {
      // Where the run came to its end without a use for it.
      if (isOver(record.state.status)) await turn?.end().catch(() => undefined);
    }
  }

  /**
   * Before a process ends: takes nothing up any more and waits for the runs that it has.
   *
   * @param options.until how far they go: until they rest, or until what is under way now is done and in the log, after
   *   which others go on at once. @default 'rest'
   * @param options.timeoutMs how long. What is under way then is cut off, and left to others. @default 30000
   * @returns the ids of the runs that were left
   */
  async drain({ until = 'rest', timeoutMs = 30_000 }: DrainOptions = {}): Promise<string[]> {
    this.#isClosed = true;
    clearInterval(this.#pruning);
    const left = await this.#taking.underway.drain({ until, timeoutMs });
    await this.#presence.end();
    return left;
  }

  /** `drain`, then lets go of the log. */
  async close(options?: DrainOptions): Promise<void> {
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
  events(runId: string, options: LookOptions = {}): AsyncGenerator<{ position: number; at: number; event: RunEvent }> {
    return eventsFrom(this.log, runId, options);
  }

  /**
   * As `events`, with what the model says in between, where the run is streamed in this process: for user interfaces
   * that come late, come back, or show runs that died and were taken up.
   *
   * @throws DurableError `durable/unknown-run`
   */
  stream(runId: string, options: LookOptions = {}): AsyncGenerator<RunStreamPart> {
    return partsFrom(this.log, runId, { ...options, feedOf: () => this.#taking.underway.hold(runId)?.feed });
  }

  // Saying something to a run, from any process

  /**
   * Approves a call that a run waits for. The run goes on with `resume`, or where a worker calls `recover`.
   *
   * @param options.run the run that asks, as `waiting` says it: needed where two sub-agents wait under one call id
   * @throws AlreadyDecided where somebody was faster; DurableError `durable/not-waiting`, `durable/ambiguous-call`
   */
  approve(runId: string, callId: string, options: { alwaysApprove?: boolean; run?: string } = {}): Promise<void> {
    const { alwaysApprove = false, run: of } = options;
    return this.#decide(runId, callId, { approved: true, sticky: alwaysApprove, run: of });
  }

  /** Rejects a call that a run waits for. @param options.message what the model is told. @throws as `approve` */
  reject(
    runId: string,
    callId: string,
    { alwaysReject: sticky = false, message, run: of }: { alwaysReject?: boolean; message?: string; run?: string } = {},
  ): Promise<void> {
    return this.#decide(runId, callId, { approved: false, sticky, message, run: of });
  }

  /** Says that a call which a crash left in doubt did happen, and what it gave. @throws as `approve` */
  // oxlint-disable-next-line eslint/max-params -- as `approve`, and what came of it
  confirm(runId: string, callId: string, result: string, { run: of }: { run?: string } = {}): Promise<void> {
    return this.#decide(runId, callId, { approved: false, sticky: false, result, run: of });
  }

  /** Adds input, to be seen by the run's next model call. @throws LogError `log/ended`, DurableError `durable/unknown-run` */
  async addInput(runId: string, input: string | AgentInputItem[]): Promise<void> {
    const items = itemsOf(input, `The input added to run ${runId}`);
    await tell(this.log, runId, { key: `input:${crypto.randomUUID()}`, event: { type: 'input.staged', items } });
  }

  /** Ends a run: what is under way is told to stop. A run that rests ends when it is taken up. @throws LogError `log/ended` */
  async cancel(runId: string, reason = 'The run was cancelled.'): Promise<void> {
    const error = { name: 'AbortError', message: reason };
    const event: RunEvent = { type: 'run.stopping', cause: 'abort', error };
    await tell(this.log, runId, { key: 'cancel', event });
  }

  // Forgetting

  /**
   * Deletes what was said: the runs of a session, one run, or all of the tenant, with copies and runs of sub-agents, from
   * the log and all `places`; of a session its items too. It can be repeated, and must be where it was cut off.
   *
   * @param options.cancel stop what is under way. Without it the call refuses while a run is in the hands of a worker,
   *   which takes up to `leaseMs` to tell where that worker may be dead
   * @throws DurableError `durable/owned`, and nothing was deleted; `durable/unknown-run`; what log and places fail with
   */
  async erase(target: EraseTarget, options: EraseOptions = {}): Promise<Erased> {
    this.#checkOpen('');
    const resting = (runId: string): Promise<void> | undefined => this.#taking.underway.rest(runId);
    const own = { log: this.log, presence: this.#presence, places: this.#options.places ?? [], resting };
    return (await import('./erase.ts')).erase(own, target, options);
  }

  /** Deletes what `retention` says, in chunks: runs that are over, and idle sessions of the `places`. */
  async prune(retention: RunRetention = this.#options.retention ?? {}): Promise<Pruned> {
    return (await import('./prune.ts')).prune(this.log, this.#options.places ?? [], retention);
  }

  // For runs

  /** @internal */
  async keep({ record, session }: RunToKeep): Promise<Kept> {
    const { runId } = record.journal;
    this.#checkOpen(runId);
    const known = this.#taking.placeOf(record);
    if (known) return this.#taking.registered(runId, known);
    if (!this.#taking.isNew(record)) return this.#taking.registered(runId, await this.#taking.reclaim(record, session));
    const { root } = record.graph;
    this.#taking.underway.enter(runId);
    try {
      warnOfUndeclared(root, this.#warned);
      const plan = planRecord(root);
      const options = { log: this.log, presence: this.#presence, runId, agent: root.name };
      const hold = new Hold({ ...options, session: await session?.getSessionId() });
      // Last, since whoever has entered leaves by its hold.
      await this.#presence.enter();
      if (record.journal.events.length === 0) record.inbox.push({ type: 'plan.recorded', plan });
      return this.#taking.registered(runId, hold);
    } catch (error) {
      this.#taking.underway.leave(runId);
      throw error;
    }
  }

  async #decide(runId: string, callId: string, decision: Decision): Promise<void> {
    const found = await find(this.log, runId);
    await decide(this.log, found, { ...decision, callId });
  }

  #agentOf({ runId, agent }: RunInfo): AnyAgent {
    const { agents } = this.#options;
    const known = agents?.find(({ name }) => name === agent);
    if (known) return known;
    throw noAgent({ runId, agent }, agents);
  }

  #checkOpen(runId: string): void {
    if (!this.#isClosed) return;
    throw new DurableError('durable/closed', runId, 'The store was drained or closed. Make a new one to run more.');
  }
}
