/**
 * What a run is while it lives in a process: its journal, the state that follows from it, and beside them the live
 * values that no decision depends on. A `RunState` in a user's hands is a handle on one of these.
 */
import type { AgentToolInvocation, AnyAgent, Handoff, RunItem } from '../agent/index.ts';
import { type Committed, initialState, type ItemEntry, type RunEvent, type State } from '../kernel/index.ts';
import type { RunContext } from '../tools/context.ts';
import type { FunctionTool, PreparedArguments } from '../tools/index.ts';
import { type AgentGraph, agentGraph } from './graph.ts';

/** The log of a run, and of those of its sub-agents' runs that are not over. */
export type Journal = {
  readonly runId: string;
  readonly events: Committed[];
  readonly children: Map<string, Journal>;
  /** Answers that came after the end: kept for audit, because what they tell of did happen. */
  readonly late: RunEvent[];
};

export const newJournal = (runId: string): Journal => ({ runId, events: [], children: new Map(), late: [] });

/** What a call was found to be when its reply came. */
export type BoundCall = { tool: FunctionTool; prepared: PreparedArguments } | { handoff: Handoff };

/** Values that are not JSON, by the id of the effect that they came from. Dropping them loses nothing but comfort. */
export type LiveValues = {
  /** What tools returned and what was thrown. */
  readonly values: Map<string, unknown>;
  /** The tool or handoff of each call of the newest reply, and its arguments, parsed once. */
  readonly calls: Map<string, BoundCall>;
  /** One wrapper an item, so that an event's item is the result's item. */
  readonly items: WeakMap<ItemEntry, RunItem>;
};

export const newLiveValues = (): LiveValues => ({ values: new Map(), calls: new Map(), items: new WeakMap() });

export type RunRecord = {
  readonly journal: Journal;
  state: State;
  readonly graph: AgentGraph;
  context: RunContext;
  live: LiveValues;
  /** Decisions and input that came while nobody ran it; committed first thing when it goes on. */
  inbox: RunEvent[];
  /** Wakes the loop, while one runs. */
  wake: (() => void) | undefined;
  busy: boolean;
  /** Runs of sub-agents that wait or go on, by run id. */
  readonly children: Map<string, RunRecord>;
  readonly invocation: AgentToolInvocation | undefined;
};

type Options = { journal: Journal; root: AnyAgent; context: RunContext; state?: State; invocation?: AgentToolInvocation };

export function newRecord({ journal, root, context, state = initialState(), invocation }: Options): RunRecord {
  return {
    journal,
    state,
    graph: agentGraph(root),
    context,
    live: newLiveValues(),
    inbox: [],
    wake: undefined,
    busy: false,
    children: new Map(),
    invocation,
  };
}

/** Hands an event from outside to a run: to its loop while it runs, else to the next one. */
export function post(record: RunRecord, event: RunEvent): void {
  record.inbox.push(event);
  record.wake?.();
}
