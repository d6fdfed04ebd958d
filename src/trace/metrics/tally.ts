/**
 * The running count of one run: what its events add up to since its last end. The run's own reading of observation.ts.
 *
 * Y1: reading an event looks at the event and the state that follows from it, and costs the same at any length.
 * Y2: an end leaves the counts for whoever reads them; what comes after it begins anew.
 */
import {
  askedCalls,
  callIndex,
  type Committed,
  type CostEntry,
  type EventOf,
  type State,
  type ToolCheck,
} from '../../kernel/index.ts';
import type { Origin } from '../../protocol/model.ts';
import type { RunObservation, RunStatus } from './observation.ts';
import { handedOver, type HandoffTrail, newTrail, outcomesOf, replyAccepted } from './handoff-trail.ts';
import { countUsage, priceOf, type PriceOfCall } from './billing.ts';

/** The share of `maxTurns` at which a run is near its limit. */
const NEAR = 0.8;

/** What adds up, of a run and of those under it. */
export type Counts = {
  handoffs: number;
  handoffsGood: number;
  tripped: number;
  errored: number;
  rejected: number;
  modelCalls: number;
  modelErrors: number;
  retries: number;
  toolCalls: number;
  toolErrors: number;
  approvals: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  nanoUsd: number;
  unpriced: number;
};

export type Tally = {
  runId: string;
  readonly price: PriceOfCall | undefined;
  /** A log is read: runs that were begun within an effect are known by what its answer says they cost. */
  isLog: boolean;
  counts: Counts;
  firstTokenMs: number[];
  modelMs: number[];
  trail: HandoffTrail;
  agent: string;
  turns: number;
  nearMaxTurns: boolean;
  conversationId: string | undefined;
  groupId: string | undefined;
  /** Undefined until the run ended; then until it is taken up again. */
  status: RunStatus | undefined;
  /** Times of the newest commit and the one before it, and when what is counted began. */
  now: number;
  before: number;
  startedAt: number | undefined;
  /** Since when the run is active; undefined while it rests. */
  activeFrom: number | undefined;
  activeMs: number;
  /** Since when it waits for people. */
  pausedAt: number | undefined;
  approvalWaitMs: number;
  /** Questions that were counted already. */
  readonly asked: Set<string>;
  /** When model calls under way were asked for. */
  readonly begun: Map<string, number>;
  /** Calls that failed for good; the result that they get at the end of the run is no second call. */
  readonly failed: Set<string>;
  /** Calls of sub-agents whose own counts were added, and how many when a session began to be compacted. */
  readonly known: Set<string>;
  knownBefore: number;
};

export function newTally(runId: string, price?: PriceOfCall): Tally {
  return {
    runId,
    price,
    isLog: false,
    ...nothingYet(),
    agent: '',
    conversationId: undefined,
    groupId: undefined,
    status: undefined,
    now: 0,
    before: 0,
    activeFrom: undefined,
    asked: new Set(),
    begun: new Map(),
    failed: new Set(),
    known: new Set(),
    knownBefore: 0,
  };
}

const noCounts = (): Counts => ({
  handoffs: 0,
  handoffsGood: 0,
  tripped: 0,
  errored: 0,
  rejected: 0,
  modelCalls: 0,
  modelErrors: 0,
  retries: 0,
  toolCalls: 0,
  toolErrors: 0,
  approvals: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  nanoUsd: 0,
  unpriced: 0,
});

const nothingYet = () => ({
  counts: noCounts(),
  firstTokenMs: [] as number[],
  modelMs: [] as number[],
  trail: newTrail(),
  turns: 0,
  nearMaxTurns: false,
  startedAt: undefined,
  activeMs: 0,
  pausedAt: undefined,
  approvalWaitMs: 0,
});

/** Reads one event. `state` is what follows from it. */
// oxlint-disable-next-line eslint/max-lines-per-function -- one case an event: the table of what they count
export function count(t: Tally, event: Committed, state: State): void {
  if (event.at !== undefined) {
    t.before = t.now;
    t.now = event.at;
  }
  switch (event.type) {
    case 'run.started':
      t.runId = event.runId;
      t.agent = event.agent;
      t.conversationId = event.conversationId;
      t.groupId = event.segment?.trace?.groupId;
      return begins(t);
    case 'run.resumed':
      if (t.status !== undefined) Object.assign(t, nothingYet());
      t.status = undefined;
      if (t.pausedAt !== undefined) t.approvalWaitMs += Math.max(0, t.now - t.pausedAt);
      t.pausedAt = undefined;
      return begins(t);
    case 'run.recovered':
      // What a crash cut off was active until the last that is known of it.
      rests(t, t.before);
      return begins(t);
    case 'run.forked':
      Object.assign(t, nothingYet());
      t.runId = event.runId;
      t.status = undefined;
      t.activeFrom = undefined;
      return t.known.clear();
    case 'run.paused':
      paused(t, state);
      return rests(t, t.now);
    case 'run.finished':
      return ends(t, 'finished', state);
    case 'run.failed':
      return ends(t, 'failed', state);
    case 'run.cancelled':
      return ends(t, 'cancelled', state);

    case 'effect.requested':
      if (event.effect.do === 'call_model') t.begun.set(event.effect.id, t.now);
      if (event.effect.do === 'compact_session') t.knownBefore = t.known.size;
      return;
    case 'model.replied':
      return replied(t, event);
    case 'model.failed':
      return modelFailed(t, event);
    case 'reply.accepted':
      t.turns += 1;
      return replyAccepted(t.trail, event, state);
    case 'check.returned':
      if (event.verdict === 'tripped') t.counts.tripped += 1;
      if (event.verdict === 'errored') t.counts.errored += 1;
      if (t.isLog) nestedCost(t, event.cost);
      return;
    case 'call.decided':
      if (t.isLog) nestedCost(t, event.cost);
      return toolChecks(t, event.checks);
    case 'tool.returned':
      return toolReturned(t, event, state);
    case 'tool.failed':
      t.failed.add(event.id);
      toolChecks(t, event.checks);
      t.counts.toolCalls += 1;
      if (t.isLog) nestedCost(t, event.cost);
      // A guardrail that ends the run is no fault of the tool.
      if (!hasVerdict(event.checks, 'throwException')) t.counts.toolErrors += 1;
      return;
    case 'handoff.returned':
      if (t.isLog) nestedCost(t, event.cost);
      toolChecks(t, event.checks);
      return handedOver(t.trail, event.id);
    case 'agent.changed':
      return handedOver(t.trail, `m${event.k}/c${event.i}`);
    case 'handoff.refused':
      if (t.isLog) nestedCost(t, event.cost);
      return toolChecks(t, event.checks);
    case 'error.handled':
      if (t.isLog) nestedCost(t, event.cost);
      return;
    case 'session.compacted':
      return compacted(t, event);

    case 'plan.recorded':
    case 'run.stopping':
    case 'effect.failed':
    case 'effect.began':
    case 'effect.uncertain':
    case 'effect.settled_late':
    case 'session.loaded':
    case 'session.saved':
    case 'input.staged':
    case 'input.cleared':
    case 'input.admitted':
    case 'output.rejected':
    case 'approval.decided':
    case 'tool.waiting':
    case 'batch.closed':
    case 'output.chosen':
    case 'items.withheld':
      return;
  }
}

// Times

function begins(t: Tally): void {
  t.activeFrom = t.now;
  t.startedAt ??= t.now;
}

function rests(t: Tally, at: number): void {
  if (t.activeFrom !== undefined) t.activeMs += Math.max(0, at - t.activeFrom);
  t.activeFrom = undefined;
}

function paused(t: Tally, state: State): void {
  t.pausedAt = t.now;
  for (const call of askedCalls(state)) {
    const asks = call.asks?.map(({ run, k, i }) => `${run}/m${k}/c${i}`) ?? [`m${state.k}/c${call.i}`];
    for (const ask of asks) if (!t.asked.has(ask)) t.counts.approvals += 1;
    for (const ask of asks) t.asked.add(ask);
  }
}

function ends(t: Tally, status: RunStatus, state: State): void {
  t.status = status;
  t.nearMaxTurns = state.maxTurns !== null && state.turn >= NEAR * state.maxTurns;
  rests(t, t.now);
  if (status === 'cancelled') return;
  const outcomes = outcomesOf(t.trail);
  t.counts.handoffs += outcomes.length;
  if (status === 'finished') t.counts.handoffsGood += outcomes.filter((isGood) => isGood).length;
}

// Models

function replied(t: Tally, event: EventOf<'model.replied'>): void {
  const { reply, attempts, firstTokenMs } = event;
  modelAnswered(t, event.id);
  t.counts.retries += retriesOf(attempts);
  if (firstTokenMs !== undefined) t.firstTokenMs.push(firstTokenMs);
  countUsage(t.counts, reply.usage);
  const origin: Origin | undefined = reply.origin ?? reply.output.find((item) => item.origin)?.origin;
  const cost = priceOf({ attempts, usage: reply.usage, origin, price: t.price });
  t.counts.nanoUsd += cost.nanoUsd;
  t.counts.unpriced += cost.unpriced;
}

function modelFailed(t: Tally, event: EventOf<'model.failed'>): void {
  const { attempts, usage, origin } = event;
  modelAnswered(t, event.id);
  t.counts.modelErrors += 1;
  t.counts.retries += retriesOf(attempts);
  if (usage) countUsage(t.counts, usage);
  const cost = priceOf({ attempts, usage, origin, price: t.price, failed: true });
  t.counts.nanoUsd += cost.nanoUsd;
  t.counts.unpriced += cost.unpriced;
}

function modelAnswered(t: Tally, id: string): void {
  t.counts.modelCalls += 1;
  const begun = t.begun.get(id);
  t.begun.delete(id);
  if (begun !== undefined) t.modelMs.push(Math.max(0, t.now - begun));
}

const retriesOf = (attempts: EventOf<'model.replied'>['attempts']): number =>
  Math.max(0, (attempts ?? []).filter(({ hedged }) => hedged !== true).length - 1);

function compacted(t: Tally, { usage, cost }: EventOf<'session.compacted'>): void {
  // A run that summed it up was counted when it ended.
  if (t.known.size > t.knownBefore) return;
  if (usage) countUsage(t.counts, usage);
  if (cost) nestedCost(t, cost);
  // Whose tokens these are is not told.
  else if (usage && usage.totalTokens > 0) t.counts.unpriced += 1;
}

// Tools

function toolReturned(t: Tally, event: EventOf<'tool.returned'>, state: State): void {
  const { outcome = 'ok', checks, usage, id } = event;
  if (t.failed.has(id)) return;
  toolChecks(t, checks);
  // A sub-agent whose log is not there: its tokens are told, its cost where anybody wanted to know costs.
  if (usage && !t.known.has(id)) {
    countUsage(t.counts, usage);
    if (event.cost) nestedCost(t, event.cost);
    else if (usage.totalTokens > 0) t.counts.unpriced += 1;
  } else if (t.isLog && !t.known.has(id)) nestedCost(t, event.cost);
  const kind = state.calls[callIndex(id)]?.kind;
  if (kind === 'handoff' || kind === 'unknown' || outcome === 'rejected' || outcome === 'aborted') return;
  if (hasVerdict(checks, 'rejectContent', 'tool_input')) return;
  t.counts.toolCalls += 1;
  if (outcome === 'error' || outcome === 'timeout') t.counts.toolErrors += 1;
}

/** What runs cost whose events are not read here. */
export function nestedCost(t: Tally, entries: readonly CostEntry[] | undefined): void {
  for (const { nanoUsd = 0, unpriced = 0 } of entries ?? []) {
    t.counts.nanoUsd += nanoUsd;
    t.counts.unpriced += unpriced;
  }
}

function toolChecks(t: Tally, checks: readonly ToolCheck[] | undefined): void {
  for (const check of checks ?? []) {
    const verdict = verdictOf(check);
    if (verdict === 'throwException') t.counts.tripped += 1;
    if (verdict === 'rejectContent') t.counts.rejected += 1;
  }
}

const hasVerdict = (checks: readonly ToolCheck[] | undefined, verdict: string, point?: ToolCheck['point']): boolean =>
  (checks ?? []).some((check) => verdictOf(check) === verdict && (point === undefined || check.point === point));

/** What a guardrail of a tool said: `allow`, `rejectContent` or `throwException`. */
function verdictOf({ output }: ToolCheck): unknown {
  const behavior = objectOf(objectOf(output)?.['behavior']);
  return behavior?.['type'];
}

const objectOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;

// Results

/** Adds what a run under this one came to: a sub-agent's, under its call's id, or one that was begun in an effect. */
export function addPart(t: Tally, id: string, part: Tally): void {
  if (t.known.has(id)) return;
  t.known.add(id);
  for (const key of Object.keys(part.counts) as (keyof Counts)[]) {
    // Whoever asks a person passes the question up: the root has counted it.
    if (key !== 'approvals') t.counts[key] += part.counts[key];
  }
  for (const ms of part.firstTokenMs) t.firstTokenMs.push(ms);
  for (const ms of part.modelMs) t.modelMs.push(ms);
}

/** The observation at an end. */
export function observationFrom(t: Tally, { seq, session }: { seq: number; session?: string }): RunObservation {
  return {
    runId: t.runId,
    seq,
    agent: t.agent,
    status: t.status ?? 'failed',
    session: session ?? t.conversationId ?? t.groupId ?? t.runId,
    endedAt: t.now,
    activeMs: t.activeMs,
    wallMs: Math.max(0, t.now - (t.startedAt ?? t.now)),
    turns: t.turns,
    nearMaxTurns: t.nearMaxTurns,
    ...t.counts,
    approvalWaitMs: t.approvalWaitMs,
    firstTokenMs: [...t.firstTokenMs],
    modelMs: [...t.modelMs],
  };
}
