/**
 * Takes runs up: from the claim of a lease to a run that goes on in this process, or back.
 */
import type { AnyAgent } from '../agent/index.ts';
import { isOver } from '../kernel/index.ts';
import type { EventLog } from '../log/index.ts';
import { type IndividualRunOptions, type NonStreamRunOptions, run, type RunResult, RunState } from '../run/index.ts';
import type { Kept, RunKeeper } from '../run/keeper.ts';
import type { RunRecord } from '../run/record.ts';
import type { HeldSessionTurn, Session } from '../session/index.ts';
import { type Claimed, claimRun, holdOf, unclaim } from './claim.ts';
import type { Hold } from './hold.ts';
import type { Presence } from './presence.ts';
import { failedMeanwhile, find, findAgain, type Found, moved, revive } from './revive.ts';
import { checkSession, turnOfRun } from './session-turn.ts';
import type { OnPlanChange, ResumeOptions } from './types.ts';
import { Underway } from './underway.ts';

export type TakingOptions = {
  log: EventLog;
  presence: Presence;
  /** Keeps what was taken up. */
  keeper: RunKeeper;
  onPlanChange: OnPlanChange | undefined;
};

type Given = Pick<ResumeOptions, 'context' | 'session'>;

export class Taking {
  readonly log: EventLog;
  readonly presence: Presence;
  readonly underway = new Underway();
  readonly #options: TakingOptions;
  /** What was claimed for a record that is about to go on. */
  readonly #claimed = new WeakMap<RunRecord, { hold: Hold; claimed: Claimed }>();
  /** Runs that were refused here as they began: the log does not have them. */
  readonly #forgotten = new WeakSet<RunRecord>();

  constructor(options: TakingOptions) {
    this.#options = options;
    this.log = options.log;
    this.presence = options.presence;
  }

  /** The place of a record that was taken up here, once. */
  placeOf(record: RunRecord): Hold | undefined {
    const known = this.#claimed.get(record);
    this.#claimed.delete(record);
    return known?.hold;
  }

  /** Whether the log has nothing of a run: it begins, or begins once more. */
  isNew(record: RunRecord): boolean {
    const { events, base } = record.journal;
    return (events.length === 0 && !base) || this.#forgotten.has(record);
  }

  /** A state in the caller's hands goes on: its log must not have gone on without it. */
  async reclaim(record: RunRecord, session: Session | undefined): Promise<Hold> {
    const { journal } = record;
    const { runId } = journal;
    const claimed = await this.claim(runId, async () => claimRun(this.log, this.presence, await find(this.log, runId)));
    const known = (journal.base?.at ?? 0) + journal.events.length;
    const { head } = claimed.found.log.info;
    if (head !== known) {
      await this.#unclaim(claimed);
      throw moved(runId, { head, known });
    }
    await checkSession(claimed.found, { session }).catch(async (error: unknown) => {
      await this.#unclaim(claimed);
      throw error;
    });
    return holdOf(claimed, record, { log: this.log, presence: this.presence });
  }

  /** What was found before is looked at again: it may have gone on, here or there. */
  async claimFound(found: Found): Promise<Claimed> {
    const { log, presence } = this;
    const { runId } = found.log.info;
    const claimed = await this.claim(runId, async () => claimRun(log, presence, await findAgain(log, found)));
    // Who takes up a run that failed gives it another try: that was not asked for.
    if (found.state.status !== 'failed' && claimed.found.state.status === 'failed') {
      await this.#unclaim(claimed);
      throw failedMeanwhile(runId);
    }
    return claimed;
  }

  async claim(runId: string, claim: () => Promise<Claimed>): Promise<Claimed> {
    await this.underway.settled(runId);
    this.underway.enter(runId);
    try {
      await this.presence.enter();
      try {
        return await claim();
      } catch (error) {
        this.presence.leave();
        throw error;
      }
    } catch (error) {
      this.underway.leave(runId);
      throw error;
    }
  }

  async #unclaim(claimed: Claimed): Promise<void> {
    this.presence.leave();
    await unclaim(this.log, claimed);
    this.underway.leave(claimed.found.log.info.runId);
  }

  /** The turn on its session for a run that was claimed. Where it must wait for that, the run is given back. */
  async turnOf(claimed: Claimed, options: ResumeOptions): Promise<HeldSessionTurn | 'busy' | undefined> {
    try {
      await checkSession(claimed.found, options);
      const turn = await turnOfRun(claimed.found.state, options);
      if (turn === 'busy') await this.#unclaim(claimed);
      return turn;
    } catch (error) {
      await this.#unclaim(claimed);
      throw error;
    }
  }

  async takeUp(claimed: Claimed, agent: AnyAgent, options: Given): Promise<RunRecord> {
    const { context } = options;
    try {
      await checkSession(claimed.found, options);
      const record = revive(claimed.found, agent, context);
      const [{ checkNeeds }, { planEvents }] = await Promise.all([import('./needs.ts'), import('./plan-changes.ts')]);
      await checkNeeds(claimed.found, record);
      const planned = await planEvents(claimed.found, agent, this.#options.onPlanChange);
      const hold = holdOf(claimed, record, { log: this.log, presence: this.presence });
      record.inbox.push(...planned);
      this.#claimed.set(record, { hold, claimed });
      return record;
    } catch (error) {
      await this.#unclaim(claimed);
      throw error;
    }
  }

  /** Goes on with what was taken up; where that cannot begin, it is given back. */
  async goOn(
    record: RunRecord,
    options: Omit<IndividualRunOptions, 'durable'>,
    edit?: (state: RunState<unknown, AnyAgent>) => Promise<void>,
  ): Promise<RunResult<unknown, AnyAgent>> {
    try {
      const state = new RunState(record);
      await edit?.(state);
      return await run(record.graph.root, state, {
        ...options,
        durable: { store: this.#options.keeper },
      } as NonStreamRunOptions);
    } finally {
      const unused = this.#claimed.get(record);
      if (unused) await this.#unclaim(unused.claimed);
    }
  }

  registered(runId: string, hold: Hold): Kept {
    this.underway.begin(runId, hold);
    const { committer, durable } = hold;
    const attach: Kept['attach'] = (live) => {
      const detach = hold.attach(live);
      return () => {
        detach();
        if (hold.isInLog) this.#forgotten.delete(live.record);
        else if (isOver(live.record.state.status)) this.#forgotten.add(live.record);
        this.underway.leave(runId);
      };
    };
    const tap: Kept['tap'] = (event) => hold.feed.streamed(event);
    return { committer, durable, attach, tap, giveBack: () => hold.release() };
  }
}
