/** What a batch makes of traces and runs, in memory: each row is written once at the end, whatever many spans say. */
import type { UsageData } from '../../protocol/model.ts';
import type { SpanError } from '../types.ts';
import type { SpanRecord, TraceRecord } from './batch.ts';

export type TraceTally = {
  readonly traceId: string;
  /** Its key; undefined for a new one. */
  trace: number | undefined;
  readonly startedAt: number;
  record: TraceRecord | undefined;
  touchedAt: number;
  bytes: number;
};

/** A run as it is after the batch; `added` is what the batch adds to it. */
export type RunTally = {
  readonly runId: string;
  readonly trace: TraceTally;
  readonly parent: RunTally | undefined;
  readonly startedAt: number;
  /** Its key; undefined for a new one. */
  run: number | undefined;
  writer: number | undefined;
  agent: string | undefined;
  lastAgent: string | undefined;
  status: string;
  segmentAt: number;
  endedAt: number | undefined;
  /** As JSON. */
  error: string | undefined;
  readonly added: Added;
};

/** In the order of the columns. */
export type Added = {
  activeMs: number;
  segments: number;
  turns: number;
  tools: number;
  input: number;
  cached: number;
  output: number;
  nano: number;
  calls: number;
  unpriced: number;
};

export const nothing = (): Added => ({
  activeMs: 0,
  segments: 0,
  turns: 0,
  tools: 0,
  input: 0,
  cached: 0,
  output: 0,
  nano: 0,
  calls: 0,
  unpriced: 0,
});

/** Model calls of one agent with one model in one hour. */
export type UsageTally = {
  readonly hour: number;
  readonly agent: string;
  readonly model: string;
  readonly provider: string;
  calls: number;
  errors: number;
  input: number;
  cached: number;
  output: number;
  nano: number;
  unpriced: number;
};

const HOUR_MS = 3_600_000;

/** A segment begins: a run's state is that of its newest one. */
export function begin(run: RunTally, at: number, writer: number): void {
  if (run.segmentAt >= at) return;
  run.status = 'running';
  run.writer = writer;
  run.segmentAt = at;
  run.endedAt = undefined;
  run.error = undefined;
}

/** A segment ends. */
export function end(run: RunTally, { at, endedAt, error, details }: SpanRecord): void {
  const { segmentAt = at, outcome = 'finished' } = details ?? {};
  run.added.activeMs += Math.max(0, endedAt - segmentAt);
  run.added.segments += 1;
  if (run.segmentAt > segmentAt) return;
  run.status = outcome;
  run.endedAt = endedAt;
  run.error = error && jsonOfError(error);
}

const jsonOfError = (error: SpanError): string => JSON.stringify(error);

export class UsageTallies {
  readonly #all = new Map<string, UsageTally>();

  /** Counts a call for its run, and for those whose sub-agent it is. */
  count(run: RunTally, { error, agent = '', details, endedAt }: SpanRecord): void {
    const { usage, nanoUsd, origin, outcome } = details ?? {};
    const [input, cached, output] = [usage?.inputTokens ?? 0, cachedOf(usage), usage?.outputTokens ?? 0];
    const unpriced = nanoUsd === undefined && usage !== undefined ? 1 : 0;
    const nano = nanoUsd ?? 0;
    if (!error && outcome === undefined) run.added.turns += 1;
    for (let at: RunTally | undefined = run; at; at = at.parent) {
      const { added } = at;
      added.input += input;
      added.cached += cached;
      added.output += output;
      added.nano += nano;
      added.calls += 1;
      added.unpriced += unpriced;
    }
    const tally = this.#of(Math.floor(endedAt / HOUR_MS) * HOUR_MS, agent, origin);
    tally.calls += 1;
    tally.errors += error ? 1 : 0;
    tally.input += input;
    tally.cached += cached;
    tally.output += output;
    tally.nano += nano;
    tally.unpriced += unpriced;
  }

  all(): Iterable<UsageTally> {
    return this.#all.values();
  }

  #of(hour: number, agent: string, origin: { model: string; provider: string } | undefined): UsageTally {
    const { model, provider } = origin ?? { model: '', provider: '' };
    const key = `${hour}\n${agent}\n${model}\n${provider}`;
    const known = this.#all.get(key);
    if (known) return known;
    const counts = { calls: 0, errors: 0, input: 0, cached: 0, output: 0, nano: 0, unpriced: 0 };
    const tally = { hour, agent, model, provider, ...counts };
    this.#all.set(key, tally);
    return tally;
  }
}

/** Tokens that came from a cache, as the adapters of all providers name them. */
function cachedOf(usage: UsageData | undefined): number {
  const details = usage?.inputTokensDetails;
  if (details === undefined) return 0;
  if (!Array.isArray(details)) return details['cached_tokens'] ?? 0;
  return details.reduce((sum, one) => sum + (one['cached_tokens'] ?? 0), 0);
}
