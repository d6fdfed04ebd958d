/**
 * What one run adds to the metrics, read off its events.
 *
 * O1: only root runs are observed; runs of sub-agents, and runs that were begun within an effect of another run
 *     (guardrail models), roll up into it.
 * O2: one observation for each terminal event, of what came since the terminal event, the fork or the start before it.
 *     A pause is no end; a replay makes no events.
 * O3: numbers and names of agents only: nothing of what was said.
 */
import { apply, type Committed, initialState } from '../../kernel/index.ts';
import type { LoggedRun } from '../spans-of.ts';
import type { PriceOfCall } from './billing.ts';
import { addPart, count, newTally, observationFrom, type Tally } from './tally.ts';

export type RunStatus = 'finished' | 'failed' | 'cancelled';

/** One end of a run, as metrics count it. Times in milliseconds, money in integers of 10^-9 US dollars. */
export type RunObservation = {
  readonly runId: string;
  /** Position of the terminal event in the run's log. With the run, what is counted once. */
  readonly seq: number;
  /** The agent that the run began with. */
  readonly agent: string;
  readonly status: RunStatus;
  /** The session's id, else the conversation's, the group's, or the run's own. */
  readonly session: string;
  /** Since the epoch. */
  readonly endedAt: number;
  /** Time in which the run was active: without waiting for people, and without downtime. */
  readonly activeMs: number;
  /** From the beginning of what is observed to its end. */
  readonly wallMs: number;
  /** Accepted replies of the root's own models. */
  readonly turns: number;
  /** The run used at least 80 % of a finite `maxTurns`. */
  readonly nearMaxTurns: boolean;
  readonly handoffs: number;
  readonly handoffsGood: number;
  /** Verdicts of guardrails, of tools and sub-agents too. */
  readonly tripped: number;
  readonly errored: number;
  readonly rejected: number;
  readonly modelCalls: number;
  readonly modelErrors: number;
  /** Attempts of model calls beyond the first. */
  readonly retries: number;
  readonly toolCalls: number;
  readonly toolErrors: number;
  /** Questions to people. */
  readonly approvals: number;
  readonly approvalWaitMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** What is known; see `unpriced`. */
  readonly nanoUsd: number;
  /** Calls whose price is not known: where there are any, the run counts in no metric of cost. */
  readonly unpriced: number;
  /** Of streamed model calls: from the request to the first content. */
  readonly firstTokenMs: readonly number[];
  /** Of model calls, retries and waits between them included. */
  readonly modelMs: readonly number[];
};

export type ObservationOptions = {
  /** @default the conversation's id, the group's, or the run's */
  readonly session?: string;
  /** The price of a call whose log has none. */
  readonly price?: PriceOfCall;
};

/**
 * The newest end of a run in its log; undefined for a run that did not end yet. Sub-agents count as far as their logs
 * are given: a call of one without a log counts its tokens, and has no price.
 */
export function observationOf(log: LoggedRun, options: ObservationOptions = {}): RunObservation | undefined {
  return observationsOf(log, options).at(-1);
}

/** All ends of a run in its log: a failed run that was taken up again has one for each part. */
export function observationsOf(log: LoggedRun, options: ObservationOptions = {}): RunObservation[] {
  const found: RunObservation[] = [];
  tallyOf(log, options, (tally, seq) => {
    // Nothing of a copy's prefix counts, not even an end.
    if (tally.status === undefined) found.length = 0;
    else
      found.push(observationFrom(tally, { seq, ...(options.session !== undefined && { session: options.session }) }));
  });
  return found;
}

/** Reads a whole log, and tells of its ends and of where it was forked. */
function tallyOf(log: LoggedRun, options: ObservationOptions, tell?: (tally: Tally, seq: number) => void): Tally {
  const tally = newTally(log.runId, options.price);
  tally.isLog = true;
  const children = new Map((log.children ?? []).map((child) => [child.runId, child]));
  let state = initialState();
  for (const [seq, event] of log.events.entries()) {
    state = apply(state, event);
    const id = event.type === 'tool.returned' || event.type === 'tool.failed' ? event.id : undefined;
    const child = id === undefined ? undefined : children.get(`${tally.runId}/${id}`);
    if (id !== undefined && child) addPart(tally, id, tallyOf(child, options));
    count(tally, event, state);
    if (isEnd(event) || event.type === 'run.forked') tell?.(tally, seq);
  }
  return tally;
}

/** Whether a run ended with this event. */
export const isEnd = ({ type }: Committed): boolean =>
  type === 'run.finished' || type === 'run.failed' || type === 'run.cancelled';
