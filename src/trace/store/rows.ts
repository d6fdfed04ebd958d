/** Rows of the store as what its users get. */
import type { SpanDetails, SpanError } from '../types.ts';
import { number, object, text } from './columns.ts';
import type { TraceRows } from './read.ts';
import { storedSpans } from './stored-spans.ts';
import type { Columns } from '../../store/sqlite/statements.ts';

/** A run as the store knows it. Times in milliseconds since the epoch, money in integers of 10^-9 US dollars. */
export type StoredRun = {
  /** Grows with each run that is stored; for `before`. */
  readonly key: number;
  readonly runId: string;
  readonly traceId: string;
  /** Name of the workflow, and what ties its trace to others. */
  readonly workflow: string | undefined;
  readonly groupId: string | undefined;
  readonly metadata: { readonly [key: string]: unknown } | undefined;
  /** The run whose tool call this one carries out. */
  readonly parentRunId: string | undefined;
  /** The agent that it began with, and the one that was active last. */
  readonly agent: string | undefined;
  readonly lastAgent: string | undefined;
  /** `interrupted`: its process was not heard of for a minute, and nobody goes on with it. */
  readonly status: 'running' | 'paused' | 'finished' | 'failed' | 'cancelled' | 'interrupted';
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  /** Without waiting for people and without downtime. */
  readonly activeMs: number;
  readonly segments: number;
  /** Accepted replies of models, without those of sub-agents. */
  readonly turns: number;
  readonly toolCalls: number;
  /** With those of sub-agents, as all that follows. */
  readonly modelCalls: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** What is known of the cost; `unpricedCalls` are not in it. */
  readonly nanoUsd: number;
  readonly unpricedCalls: number;
  readonly error: string | undefined;
};

/** A span, ended or open. */
export type StoredSpan = {
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly runId: string | undefined;
  /** `agent`, `generation`, `function`, … as in `spanData.type`. */
  readonly type: string;
  readonly name: string;
  readonly agent: string | undefined;
  readonly startedAt: number;
  /** Of one that is open: now, or when its process was last heard of where that is lost. */
  readonly endedAt: number;
  /** It is under way. Where its process is lost it is not, and its details have `outcome: 'interrupted'`. */
  readonly isOpen?: true;
  readonly error: SpanError | undefined;
  /** Span data without what was said. */
  readonly data: { readonly [key: string]: unknown };
  readonly details: SpanDetails | undefined;
  /** What was said: `input`, `output`, `instructions`, `data`. Untrusted. Absent where it is no longer kept. */
  readonly content: { readonly [key: string]: unknown };
};

/** A trace with all that is stored of it. */
export type StoredTrace = {
  readonly traceId: string;
  readonly workflow: string | undefined;
  readonly groupId: string | undefined;
  readonly metadata: { readonly [key: string]: unknown } | undefined;
  readonly startedAt: number;
  /** Roots and sub-agents, in the order in which they began. */
  readonly runs: readonly StoredRun[];
  readonly spans: readonly StoredSpan[];
};

/** Model calls of one agent with one model. */
export type UsageRow = {
  readonly agent: string;
  readonly model: string;
  readonly provider: string;
  readonly calls: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly nanoUsd: number;
  readonly unpricedCalls: number;
};

export function runOf(row: Columns): StoredRun {
  const isLost = row['status_now'] === 'interrupted' && row['status'] === 'running';
  return {
    key: number(row, 'run'),
    runId: text(row, 'run_id') ?? '',
    traceId: text(row, 'trace_id') ?? '',
    workflow: text(row, 'name'),
    groupId: text(row, 'group_id'),
    metadata: object(row, 'metadata'),
    parentRunId: text(row, 'parent_run_id'),
    agent: text(row, 'agent'),
    lastAgent: text(row, 'last_agent'),
    // The word of write.ts.
    status: text(row, 'status_now') as StoredRun['status'],
    startedAt: number(row, 'started_at'),
    endedAt: typeof row['ended_at'] === 'number' ? row['ended_at'] : isLost ? number(row, 'beat_at') : undefined,
    activeMs: number(row, 'active_ms') + (isLost ? Math.max(0, number(row, 'beat_at') - number(row, 'segment_at')) : 0),
    segments: number(row, 'segments'),
    turns: number(row, 'turns'),
    toolCalls: number(row, 'tool_calls'),
    modelCalls: number(row, 'model_calls'),
    ...tokens(row),
    error: reasonOf(row),
  };
}

export function usageOf(row: Columns): UsageRow {
  return {
    agent: text(row, 'agent') ?? '',
    model: text(row, 'model') ?? '',
    provider: text(row, 'provider') ?? '',
    calls: number(row, 'calls'),
    errors: number(row, 'errors'),
    ...tokens(row),
  };
}

type Tokens = Pick<StoredRun, 'inputTokens' | 'cachedTokens' | 'outputTokens' | 'nanoUsd' | 'unpricedCalls'>;

const tokens = (row: Columns): Tokens => ({
  inputTokens: number(row, 'input_tokens'),
  cachedTokens: number(row, 'cached_tokens'),
  outputTokens: number(row, 'output_tokens'),
  nanoUsd: number(row, 'nano_usd'),
  unpricedCalls: number(row, 'unpriced'),
});

export function traceOf({ trace, runs, parts, open }: TraceRows): StoredTrace {
  const all = runs.map(runOf);
  return {
    traceId: text(trace, 'trace_id') ?? '',
    workflow: text(trace, 'name'),
    groupId: text(trace, 'group_id'),
    metadata: object(trace, 'metadata'),
    startedAt: number(trace, 'started_at'),
    runs: all,
    spans: storedSpans(parts, open, all),
  };
}

function errorOf(row: Columns): SpanError | undefined {
  const error = object(row, 'error');
  return error && { ...error, message: typeof error['message'] === 'string' ? error['message'] : '' };
}

/** What a run failed with: the error behind the message, where that is known. */
function reasonOf(row: Columns): string | undefined {
  const { message, data } = errorOf(row) ?? {};
  return typeof data?.['error'] === 'string' ? `${message ?? ''}: ${data['error']}` : message;
}
