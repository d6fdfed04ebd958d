/** What a batch makes of traces and runs, in memory: each row is written once at the end, whatever many spans say. */
import type { Attempt } from '../../kernel/index.ts';
import type { Origin, UsageData } from '../../protocol/model.ts';
import type { SpanError } from '../types.ts';
import { isUnpriced } from '../usage.ts';
import type { SegmentEnd, TraceRecord } from './batch.ts';

export type TraceTally = {
  readonly traceId: string;
  /** Its key; undefined for a new one. */
  trace: number | undefined;
  readonly startedAt: number;
  record: TraceRecord | undefined;
  touchedAt: number;
  bytes: number;
  /** Its new parts. */
  readonly rows: Row[];
};

/** A part as it will be in the file; of a segment where one is named. */
export type Row = {
  readonly trace: TraceTally;
  readonly index: number;
  readonly place: number;
  readonly n: number;
  readonly first: number;
  readonly segment: string | undefined;
  readonly text: string;
  readonly said: string | undefined;
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

/** The segment that began at a time ends. */
export function end(run: RunTally, began: number, { status, at, error }: SegmentEnd): void {
  run.added.activeMs += Math.max(0, at - began);
  run.added.segments += 1;
  if (run.segmentAt > began) return;
  run.status = status;
  run.endedAt = at;
  run.error = error && jsonOfError(error);
}

const jsonOfError = (error: SpanError): string => JSON.stringify(error);

/** A model call that is over. */
export type Called = {
  readonly agent: string;
  /** When it ended. */
  readonly at: number;
  readonly origin: Pick<Origin, 'model' | 'provider'> | undefined;
  readonly usage?: UsageData | undefined;
  readonly nanoUsd?: number | undefined;
  readonly attempts?: readonly Attempt[] | undefined;
  readonly isError?: boolean;
  /** Nobody knows what became of it. */
  readonly isCut?: boolean;
};

/** Model calls by hour, agent and model. There are few of these in one batch. */
export class UsageTallies {
  readonly #all: UsageTally[] = [];

  count({ agent, at, origin, usage, nanoUsd, attempts, isError = false }: Called): void {
    const { model, provider } = origin ?? NOBODY;
    this.add({
      hour: Math.floor(at / HOUR_MS) * HOUR_MS,
      agent,
      model,
      provider,
      calls: 1,
      errors: isError ? 1 : 0,
      input: usage?.inputTokens ?? 0,
      cached: cachedOf(usage),
      output: usage?.outputTokens ?? 0,
      nano: nanoUsd ?? 0,
      unpriced: isUnpriced({ attempts, nanoUsd, isError }) ? 1 : 0,
    });
  }

  add(tally: UsageTally): void {
    const { hour, agent, model, provider } = tally;
    for (const one of this.#all) {
      if (one.hour === hour && one.agent === agent && one.model === model && one.provider === provider) {
        return addTo(one, tally);
      }
    }
    this.#all.push({ ...tally });
  }

  all(): readonly UsageTally[] {
    return this.#all;
  }
}

const NOBODY = { model: '', provider: '' };

function addTo(sum: UsageTally, more: UsageTally): void {
  sum.calls += more.calls;
  sum.errors += more.errors;
  sum.input += more.input;
  sum.cached += more.cached;
  sum.output += more.output;
  sum.nano += more.nano;
  sum.unpriced += more.unpriced;
}

/** What model calls add to their run, and to those whose sub-agent it is. */
export function addCalls(run: RunTally, { calls, input, cached, output, nano, unpriced }: UsageTally): void {
  for (let at: RunTally | undefined = run; at; at = at.parent) {
    const { added } = at;
    added.input += input;
    added.cached += cached;
    added.output += output;
    added.nano += nano;
    added.calls += calls;
    added.unpriced += unpriced;
  }
}

/** Tokens that came from a cache, as the adapters of all providers name them. */
function cachedOf(usage: UsageData | undefined): number {
  const details = usage?.inputTokensDetails;
  if (details === undefined) return 0;
  if (!Array.isArray(details)) return details['cached_tokens'] ?? 0;
  return details.reduce((sum, one) => sum + (one['cached_tokens'] ?? 0), 0);
}
