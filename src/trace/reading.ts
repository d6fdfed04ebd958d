/**
 * The spans of one run while its events are read: which are open, and what is known for them.
 *
 * R1: the tree is task, agent, turn, then model calls, tools and handoffs; guardrails hang from the agent. Each opens
 *     when the first thing under it begins, so that a run that fails before has no empty spans.
 * R2: an id is a hash of trace, segment, run, effect, attempt and kind: equal logs give equal ids.
 */
import type { ErrorInfo, Segment, State } from '../kernel/index.ts';
import { type IdScope, idScope, spanIdOf, traceIdOf } from './ids.ts';
import type { AgentFacts, CheckEffect } from './run-tracer.ts';
import { Span, type SpanListener } from './span.ts';
import { DEFAULT_NAME } from './trace.ts';
import type {
  AgentSpanData,
  SessionOperation,
  SpanData,
  SpanDetails,
  SpanError,
  SpanLink,
  SpanOptions,
  SpanOutcome,
  TaskSpanData,
  TaskUsageData,
  TurnSpanData,
} from './types.ts';
import { addTask, taskUsageOf, turnUsage } from './usage.ts';
import type { UsageData } from '../protocol/model.ts';

export type ReadingOptions = {
  readonly runId: string;
  /** Gets each span when it opens and when it closes. */
  readonly listener: SpanListener;
  readonly agent?: (key: string) => AgentFacts | undefined;
  /** The name of a guardrail, before its answer tells it. */
  readonly check?: (effect: CheckEffect, state: State) => string | undefined;
  readonly tracingApiKey?: string;
  /** What the tasks of sub-agents used, by the id of the function span that they are under. Shared by a run's tree. */
  readonly tasks: Map<string, TaskUsageData>;
};

export type Reading = Omit<ReadingOptions, 'runId'> & {
  /** Until a fork, the id of the run that was forked. */
  runId: string;
  segment: Segment;
  traceId: string;
  /** The beginning of the segment's ids. */
  scope: IdScope | undefined;
  /** How many segments began, and when the newest did. */
  segments: number;
  segmentAt: number;
  /** Time of the newest commit, in milliseconds since the epoch. */
  now: number;
  state: State | undefined;
  task: Span<TaskSpanData> | undefined;
  agentSpan: Span<AgentSpanData> | undefined;
  turn: Span<TurnSpanData> | undefined;
  /** Spans of effects that are under way, and when effects began that have none (yet). */
  open: Map<string, Span>;
  begun: Map<string, { at: number; attempt: number }>;
  agents: number;
  taskUsage: TaskUsageData | undefined;
  turnUsed: TaskUsageData | undefined;
  nanoUsd: number | undefined;
  failure: { cause: string; error: ErrorInfo } | undefined;
  operations: SessionOperation[];
  /** When calls began to wait for a person, by effect id. */
  asked: Map<string, number> | undefined;
  /** The task of the part before, and whether somebody traced it. */
  links: SpanLink[];
  isLinkTraced: boolean;
};

export function newReading(options: ReadingOptions): Reading {
  return {
    ...options,
    segment: { id: 's0' },
    traceId: '',
    scope: undefined,
    segments: 0,
    segmentAt: 0,
    now: 0,
    state: undefined,
    task: undefined,
    agentSpan: undefined,
    turn: undefined,
    open: new Map(),
    begun: new Map(),
    agents: 0,
    taskUsage: undefined,
    turnUsed: undefined,
    nanoUsd: undefined,
    failure: undefined,
    operations: [],
    asked: undefined,
    links: [],
    isLinkTraced: false,
  };
}

export const hasContent = ({ segment }: Reading): boolean => segment.trace?.omitsContent !== true;
const isFlat = ({ segment }: Reading): boolean => segment.trace?.omitsTaskAndTurn === true;

/** Details while they are collected. */
export type Details = { -readonly [K in keyof SpanDetails]: SpanDetails[K] };

export type Opening<TData extends SpanData> = {
  data: TData;
  /** What makes the id, beside trace, segment, run and kind. */
  id: string;
  parent: Span | undefined;
  /** Made for this span: it goes into it as it is. */
  details?: Details;
  at?: number;
  /** @default the type of the data */
  kind?: string;
};

/** Opens a span of the run, and tells of it. */
export function open<TData extends SpanData>(r: Reading, opening: Opening<TData>): Span<TData> {
  const { data, id, parent, details = {}, at = r.now, kind = data.type } = opening;
  const { trace } = r.segment;
  const options: SpanOptions<TData> = {
    traceId: r.traceId,
    spanId: spanIdOf((r.scope ??= idScope(r.runId)), id, kind),
    data,
  };
  const parentId = parent?.spanId ?? trace?.parentId;
  if (parentId !== undefined) options.parentId = parentId;
  if (trace?.metadata) options.traceMetadata = trace.metadata;
  if (r.tracingApiKey !== undefined) options.tracingApiKey = r.tracingApiKey;
  const span = new Span<TData>(options, r.listener);
  details.runId = r.runId;
  details.segmentId = r.segment.id;
  span.details = details;
  span.start(at);
  return span;
}

export const end = (r: Reading, span: Span): void => span.end(r.now);

/** Adds to what is known of a span of a run. */
export function note(span: Span, details: SpanDetails): void {
  if (span.details) Object.assign(span.details, details);
  else span.details = details;
}

/** What hangs from what: the innermost of turn, agent and task that is open. */
export const innermost = (r: Reading): Span | undefined => r.turn ?? r.agentSpan ?? r.task;

/** A span of the run that is open, by its id. */
export function openSpan({ open: ofEffects, turn, agentSpan, task }: Reading, id: string): Span | undefined {
  for (const span of [...ofEffects.values(), turn, agentSpan, task]) if (span?.spanId === id) return span;
  return undefined;
}

export function openTask(r: Reading): void {
  if (isFlat(r)) return;
  const name = r.segment.trace?.name ?? DEFAULT_NAME;
  // A part that nobody traced is in no trace.
  const links = r.links.filter(({ traceId }) => r.isLinkTraced || traceId === r.traceId);
  const details = links.length > 0 ? { links } : {};
  r.task = open(r, { data: { type: 'task', name }, id: 'task', parent: undefined, details });
}

export function openAgent(r: Reading, key: string): Span<AgentSpanData> {
  if (r.agentSpan) return r.agentSpan;
  const facts = r.agent?.(key);
  const data: AgentSpanData = { type: 'agent', name: facts?.name ?? key };
  if (facts) Object.assign(data, { handoffs: facts.handoffs, tools: facts.tools, output_type: facts.outputType });
  const id = `agent${++r.agents}`;
  return (r.agentSpan = open(r, { data, id, parent: r.task, details: { agent: data.name } }));
}

/** Opens the turn with this number; one that is open under another number ends. */
export function openTurn(r: Reading, number: number, agentKey: string): void {
  const agent = openAgent(r, agentKey);
  if (isFlat(r) || r.turn?.spanData.turn === number) return;
  closeTurn(r);
  const data: TurnSpanData = { type: 'turn', turn: number, agent_name: agent.spanData.name };
  r.turn = open(r, { data, id: `turn${number}`, parent: agent, details: { agent: data.agent_name } });
}

export function closeTurn(r: Reading, error?: SpanError): void {
  const { turn } = r;
  r.turn = undefined;
  if (turn) {
    if (r.turnUsed) turn.spanData.usage = turnUsage(r.turnUsed);
    if (error) turn.setError(error);
    end(r, turn);
  }
  r.turnUsed = undefined;
}

export function closeAgent(r: Reading, error?: SpanError): void {
  closeTurn(r, error);
  const agent = r.agentSpan;
  r.agentSpan = undefined;
  if (!agent) return;
  if (error) agent.setError(error);
  end(r, agent);
}

export function closeTask(r: Reading, outcome: SpanOutcome, error?: SpanError): void {
  // Without a task, the last agent tells how the segment ended.
  if (isFlat(r) && r.agentSpan) note(r.agentSpan, { outcome, segmentAt: r.segmentAt, ...operationsOf(r) });
  closeAgent(r, error);
  const { task } = r;
  if (r.taskUsage) report(r, r.taskUsage);
  if (!task) return;
  r.task = undefined;
  if (r.taskUsage) task.spanData.usage = r.taskUsage;
  if (error) task.setError(error);
  note(task, {
    outcome,
    ...operationsOf(r),
    ...(r.nanoUsd !== undefined && { nanoUsd: r.nanoUsd }),
  });
  r.links = [{ traceId: task.traceId, spanId: task.spanId }];
  r.isLinkTraced = r.segment.trace !== undefined;
  end(r, task);
}

const operationsOf = ({ operations }: Reading): SpanDetails =>
  operations.length > 0 ? { sessionOperations: operations } : {};

/** Tells the caller of a sub-agent what it used. */
function report(r: Reading, usage: TaskUsageData): void {
  const parentId = r.segment.trace?.parentId;
  if (parentId !== undefined) r.tasks.set(parentId, usage);
}

export function used(r: Reading, usage: UsageData | undefined): void {
  // A reply may say that it was no request: nothing was asked of a provider.
  if (!usage || (usage.requests === 0 && usage.totalTokens === 0)) return;
  usedByTask(r, taskUsageOf(usage));
}

export function usedByTask(r: Reading, usage: TaskUsageData): void {
  r.taskUsage = addTask(r.taskUsage, usage);
  r.turnUsed = addTask(r.turnUsed, usage);
}

/** Everything that belongs to one segment is over. */
export function resetSegment(r: Reading, segment: Segment | undefined): void {
  r.segments += 1;
  r.segmentAt = r.now;
  r.segment = segment ?? { id: `s${r.segments}` };
  r.traceId = r.segment.trace?.traceId ?? traceIdOf(r.runId);
  r.scope = idScope(r.traceId, r.segment.id, r.runId);
  // An empty map that is cleared makes itself anew.
  if (r.open.size > 0) r.open.clear();
  if (r.begun.size > 0) r.begun.clear();
  r.agents = 0;
  r.taskUsage = undefined;
  r.turnUsed = undefined;
  r.nanoUsd = undefined;
  r.failure = undefined;
  r.operations = [];
}

/** A log that begins within a segment: its task is open, wherever it stands. */
export function continueSegment(r: Reading, state: State): void {
  r.runId = state.runId;
  resetSegment(r, state.segment);
  r.state = state;
  openTask(r);
}
