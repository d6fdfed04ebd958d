/**
 * Between runs and traces: what a run tells of itself, and what it gets in return. Types only.
 */
import type { AgentKey, Committed, CostEntry, Effect, RunEvent, Segment, State } from '../kernel/index.ts';
import type { ModelRequest, Origin, UsageData } from '../protocol/model.ts';
import type { TracingConfig } from './types.ts';

export type CheckEffect = Extract<Effect, { do: 'check' }>;

/** What the log does not say of an agent. */
export type AgentFacts = {
  readonly name: string;
  readonly handoffs: string[];
  readonly tools: string[];
  readonly outputType: string;
};

export type TraceSettings = {
  readonly workflowName?: string;
  readonly traceId?: string;
  readonly groupId?: string;
  readonly traceMetadata?: Record<string, string>;
  readonly tracing?: TracingConfig;
  /** Whether spans hold what was said: inputs, outputs, messages of errors. */
  readonly content: boolean;
};

/** A run that begins or goes on. */
export type TracedRun = {
  readonly runId: string;
  /** The log so far; empty for a new run. */
  readonly earlier: readonly Committed[];
  /** What is now; `base` is what `earlier` follows from, where that is not the whole log. */
  readonly state: State;
  readonly base?: State;
  /** With `base`: how many events came before `earlier`, and what they used and cost. */
  readonly before?: { readonly at: number; readonly usage: UsageData; readonly cost?: readonly CostEntry[] };
  /** The id of the run's session. */
  readonly session?: () => Promise<string>;
  readonly settings: TraceSettings;
  /** The call that the run carries out, for a run of a sub-agent. */
  readonly parent?: { readonly observer: RunObserver; readonly effectId: string };
  agent(key: AgentKey): AgentFacts | undefined;
  /** The name of a guardrail. */
  check(effect: CheckEffect, state: State): string | undefined;
};

/** What is known of a model call when it is sent. */
export type SentFacts = {
  readonly request: Pick<ModelRequest, 'systemInstructions' | 'input' | 'modelSettings'>;
  readonly model: string | undefined;
  readonly origin: Origin | undefined;
  readonly tools: string[];
  readonly handoffs: string[];
};

/** Watches one segment of a run. */
export type RunObserver = {
  /** Goes into the event that begins the segment. */
  readonly segment: Segment;
  /** Where this one counts: the observer that traces, if there is one. */
  readonly traced?: RunObserver | undefined;
  /** Each committed event, with the state that follows from it. */
  event(event: RunEvent, state: State): void;
  /** A model call is about to be sent. */
  sent(effectId: string, facts: SentFacts): void;
  /** Does the whole work of the segment where user code finds the run's trace. */
  around<T>(work: () => T): T;
  /** Carries out an effect where user code finds the effect's span. */
  within<T>(effectId: string, work: () => T): T;
  /** Makes a model call that was sent where others find its span, which opened when it was sent. Absent: nobody looks. */
  inCall?<T>(effectId: string, work: () => T): T;
  /** The segment is over, in whatever way. */
  close(): void;
};

/** Counts runs, whether they are traced or not. */
export type RunMeter = {
  /** An observer that counts, and hands on to the one that traces. */
  observe(run: TracedRun, traced: RunObserver | undefined): RunObserver;
};

export type RunTracer = {
  /** Undefined where nobody listens or the run is not to be traced. */
  observe(run: TracedRun): RunObserver | undefined;
  /** For a run that is not to be traced: keeps its user code out of the trace around it, where there is one. */
  hide(): RunObserver | undefined;
};
