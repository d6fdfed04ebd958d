/**
 * Runs added up: by minute and by hour, and what a window of them comes to.
 *
 * U1: rollups merge by addition; distinct sessions do not, so that each rollup keeps its sessions by name.
 * U2: a window is whole hours in its middle and minutes at its ends: it begins and ends at whole minutes.
 */
import { type Distribution, merge, newDistribution, observe } from './buckets.ts';
import type { RunObservation } from './observation.ts';
import { addOperations, noOperations, type Operation, type OperationSums } from './operations.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How far back memory looks: the widest window with the one before it, and a day. */
const KEPT_MS = 15 * DAY_MS;
/** How long single minutes are kept. */
const MINUTES_KEPT_MS = 3 * HOUR_MS;

/** What adds up over runs. */
export type RunSums = {
  runs: number;
  finished: number;
  failed: number;
  cancelled: number;
  turns: number;
  nearMaxTurns: number;
  /** Runs that were active for longer than the limit for slow runs. */
  slow: number;
  handoffs: number;
  handoffsGood: number;
  tripped: number;
  errored: number;
  rejected: number;
  /** Runs of which each call has a price, and what they cost. */
  priced: number;
  nanoUsd: number;
  toolCalls: number;
  toolErrors: number;
  modelCalls: number;
  modelErrors: number;
  retries: number;
  /** Questions to people. */
  approvals: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
};

/** One session within a rollup. */
export type SessionSums = { runs: number; turns: number; tripped: number };

/** What the runs that ended in a window come to. */
export type WindowSums = {
  readonly from: number;
  readonly to: number;
  readonly sums: Readonly<RunSums>;
  /** Seconds in which runs were active. */
  readonly activeSeconds: Distribution;
  /** Seconds that model calls took, with retries; and until the first content of those that were streamed. */
  readonly modelSeconds: Distribution;
  readonly firstTokenSeconds: Distribution;
  /** What happened beside runs. */
  readonly operations: Readonly<OperationSums>;
  /** Distinct sessions, and those with at least one guardrail that tripped. */
  readonly sessions: number;
  readonly sessionsTripped: number;
  /** Turns a session; undefined where there is no session. */
  readonly turnsMean: number | undefined;
  readonly turnsP95: number | undefined;
};

/** Where metrics are asked for. Windows are milliseconds since the epoch; `from` is in them, `to` is not. */
export type MetricsSource = {
  window(from: number, to: number): WindowSums | Promise<WindowSums>;
  /** How many runs are active for longer than `ms`, at a time. */
  activeBeyond(ms: number, at: number): number | Promise<number>;
};

export const noSums = (): RunSums => ({
  runs: 0,
  finished: 0,
  failed: 0,
  cancelled: 0,
  turns: 0,
  nearMaxTurns: 0,
  slow: 0,
  handoffs: 0,
  handoffsGood: 0,
  tripped: 0,
  errored: 0,
  rejected: 0,
  priced: 0,
  nanoUsd: 0,
  toolCalls: 0,
  toolErrors: 0,
  modelCalls: 0,
  modelErrors: 0,
  retries: 0,
  approvals: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
});

/** What one run adds. */
export function sumsOf(run: RunObservation, slowMs: number): RunSums {
  const isPriced = run.unpriced === 0;
  return {
    runs: 1,
    finished: run.status === 'finished' ? 1 : 0,
    failed: run.status === 'failed' ? 1 : 0,
    cancelled: run.status === 'cancelled' ? 1 : 0,
    turns: run.turns,
    nearMaxTurns: run.nearMaxTurns ? 1 : 0,
    slow: run.activeMs > slowMs ? 1 : 0,
    handoffs: run.handoffs,
    handoffsGood: run.handoffsGood,
    tripped: run.tripped,
    errored: run.errored,
    rejected: run.rejected,
    priced: isPriced ? 1 : 0,
    nanoUsd: isPriced ? run.nanoUsd : 0,
    toolCalls: run.toolCalls,
    toolErrors: run.toolErrors,
    modelCalls: run.modelCalls,
    modelErrors: run.modelErrors,
    retries: run.retries,
    approvals: run.approvals,
    inputTokens: run.inputTokens,
    outputTokens: run.outputTokens,
    cachedTokens: run.cachedTokens,
  };
}

export function addSums(into: RunSums, other: RunSums): void {
  for (const key of Object.keys(into) as (keyof RunSums)[]) into[key] += other[key];
}

type Rollup = {
  readonly sums: RunSums;
  readonly activeSeconds: Distribution;
  readonly modelSeconds: Distribution;
  readonly firstTokenSeconds: Distribution;
  readonly operations: OperationSums;
  readonly sessions: Map<string, SessionSums>;
};

const newRollup = (): Rollup => ({
  sums: noSums(),
  activeSeconds: newDistribution(),
  modelSeconds: newDistribution(),
  firstTokenSeconds: newDistribution(),
  operations: noOperations(),
  sessions: new Map(),
});

/** Rollups of one process, in memory. */
export class MemoryRollups implements MetricsSource {
  readonly #slowMs: number;
  readonly #minutes = new Map<number, Rollup>();
  readonly #hours = new Map<number, Rollup>();
  readonly #active = new Map<string, number>();

  constructor({ slowMs }: { slowMs: number }) {
    this.#slowMs = slowMs;
  }

  began(runId: string, at: number): void {
    this.#active.set(runId, at);
  }

  rested(runId: string): void {
    this.#active.delete(runId);
  }

  get active(): number {
    return this.#active.size;
  }

  add(run: RunObservation): void {
    const sums = sumsOf(run, this.#slowMs);
    addRun(this.#minutes, floor(run.endedAt, MINUTE_MS), { run, sums });
    addRun(this.#hours, floor(run.endedAt, HOUR_MS), { run, sums });
    this.#forget(run.endedAt);
  }

  #forget(at: number): void {
    drop(this.#minutes, at - MINUTES_KEPT_MS - DAY_MS);
    drop(this.#hours, at - KEPT_MS);
  }

  operated(operation: Operation, { amount, at }: { amount: number; at: number }): void {
    rollupAt(this.#minutes, floor(at, MINUTE_MS)).operations[operation] += amount;
    rollupAt(this.#hours, floor(at, HOUR_MS)).operations[operation] += amount;
    this.#forget(at);
  }

  window(from: number, to: number): WindowSums {
    const all = newRollup();
    for (const [level, start] of piecesOf(from, to)) {
      const rollup = level === 'hour' ? this.#hours.get(start) : this.#minutes.get(start);
      if (rollup) addRollup(all, rollup);
    }
    return windowOf(all, from, to);
  }

  activeBeyond(ms: number, at: number): number {
    let beyond = 0;
    for (const began of this.#active.values()) if (at - began > ms) beyond += 1;
    return beyond;
  }
}

export const floor = (ms: number, step: number): number => Math.floor(ms / step) * step;

/** The minutes and hours that a window is made of; it is widened to whole minutes. */
export function piecesOf(from: number, to: number): (readonly ['minute' | 'hour', number])[] {
  const pieces: (readonly ['minute' | 'hour', number])[] = [];
  let at = floor(from, MINUTE_MS);
  while (at < to) {
    const isHour = at % HOUR_MS === 0 && at + HOUR_MS <= to;
    pieces.push([isHour ? 'hour' : 'minute', at]);
    at += isHour ? HOUR_MS : MINUTE_MS;
  }
  return pieces;
}

type Added = { run: RunObservation; sums: RunSums };

function rollupAt(rollups: Map<number, Rollup>, start: number): Rollup {
  let rollup = rollups.get(start);
  if (!rollup) rollups.set(start, (rollup = newRollup()));
  return rollup;
}

function addRun(rollups: Map<number, Rollup>, start: number, { run, sums }: Added): void {
  const rollup = rollupAt(rollups, start);
  addSums(rollup.sums, sums);
  observe(rollup.activeSeconds, run.activeMs / 1000);
  for (const ms of run.modelMs) observe(rollup.modelSeconds, ms / 1000);
  for (const ms of run.firstTokenMs) observe(rollup.firstTokenSeconds, ms / 1000);
  const tripped = run.tripped > 0 ? 1 : 0;
  addSession(rollup.sessions, run.session, { runs: 1, turns: run.turns, tripped });
}

function addRollup(into: Rollup, other: Rollup): void {
  addSums(into.sums, other.sums);
  merge(into.activeSeconds, other.activeSeconds);
  merge(into.modelSeconds, other.modelSeconds);
  merge(into.firstTokenSeconds, other.firstTokenSeconds);
  addOperations(into.operations, other.operations);
  for (const [session, sums] of other.sessions) addSession(into.sessions, session, sums);
}

function addSession(into: Map<string, SessionSums>, session: string, { runs, turns, tripped }: SessionSums): void {
  const known = into.get(session);
  if (!known) return void into.set(session, { runs, turns, tripped });
  known.runs += runs;
  known.turns += turns;
  known.tripped += tripped;
}

function drop(rollups: Map<number, Rollup>, before: number): void {
  // Insertion is nearly in order: the oldest come first.
  for (const start of rollups.keys()) {
    if (start >= before) return;
    rollups.delete(start);
  }
}

function windowOf({ sessions, ...rollup }: Rollup, from: number, to: number): WindowSums {
  const turns = [...sessions.values()].map((each) => each.turns).toSorted((a, b) => a - b);
  return {
    from,
    to,
    ...rollup,
    sessions: sessions.size,
    sessionsTripped: [...sessions.values()].filter(({ tripped }) => tripped > 0).length,
    turnsMean: turns.length === 0 ? undefined : turns.reduce((sum, each) => sum + each, 0) / turns.length,
    turnsP95: turns[Math.ceil(0.95 * turns.length) - 1],
  };
}
