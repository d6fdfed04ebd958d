/**
 * What a run is while it lives in a process: its journal, the state that follows from it, and beside them the live
 * values that no decision depends on. A `RunState` in a user's hands is a handle on one of these.
 */
import type { AgentToolInvocation, AnyAgent, Handoff, RunItem } from '../agent/index.ts';
import {
  type Committed,
  type CostEntry,
  fold,
  initialState,
  type ItemEntry,
  type RunEvent,
  type State,
  type Status,
} from '../kernel/index.ts';
import type { BudgetLedger } from '../model/index.ts';
import type { UsageData } from '../protocol/model.ts';
import type { RunContext } from '../tools/context.ts';
import type { FunctionTool, PreparedArguments } from '../tools/index.ts';
import { AgentGraph } from './graph.ts';

/** A state in place of the events that it follows from, the tokens that they tell of, and what is known of the cost. */
export type Base = {
  readonly at: number;
  readonly state: State;
  readonly usage: UsageData;
  readonly cost?: readonly CostEntry[];
};

/** How many logs of runs that are over one run keeps in memory, those below them included. */
const MOST_OVER = 100;

/** The log of a run, and of those of its sub-agents' runs that are not over. */
export class Journal {
  readonly runId: string;
  readonly events: Committed[];
  #children: Map<string, Journal> | undefined;
  #late: RunEvent[] | undefined;
  #over: Journal[] | undefined;

  /** What came before `events`, where they are not the whole log. */
  readonly base: Base | undefined;

  // oxlint-disable-next-line eslint/max-params -- a log, and what belongs to it
  constructor(runId: string, events: Committed[] = [], children: Journal[] = [], base?: Base) {
    this.base = base;
    this.runId = runId;
    this.events = events;
    if (children.length > 0) this.#children = new Map(children.map((child) => [child.runId, child]));
  }

  // Most runs have neither: what is not used is not made.
  get children(): Map<string, Journal> {
    return (this.#children ??= new Map());
  }

  /** Answers that came after the end: kept for audit, because what they tell of did happen. */
  get late(): RunEvent[] {
    return (this.#late ??= []);
  }

  /** The newest logs of sub-agents' runs that are over, oldest first: for who looks at the run, in no store. */
  get over(): readonly Journal[] {
    return this.#over ?? [];
  }

  /** A sub-agent's run is over. */
  conclude(child: Journal): void {
    this.#children?.delete(child.runId);
    const over = (this.#over ??= []);
    over.push(child);
    while (this.#countOver() > MOST_OVER) over.shift();
  }

  #countOver(): number {
    return (this.#over ?? []).reduce((count, child) => count + 1 + child.#countOver(), 0);
  }

  get hasChildren(): boolean {
    return this.#children !== undefined && this.#children.size > 0;
  }
}

/** Whether nothing can come after it: a failed run can be taken up again. */
export const isFinal = (status: Status): boolean => status === 'finished' || status === 'cancelled';

/** The state that follows from a log. */
export const stateOf = ({ events, base }: Journal): State => fold(events, base?.state ?? initialState());

/** What a call was found to be when its reply came. */
export type BoundCall = { tool: FunctionTool; prepared: PreparedArguments } | { handoff: Handoff };

/** Values that are not JSON, by the id of the effect that they came from. Dropping them loses nothing but comfort. */
export class LiveValues {
  #values: Map<string, unknown> | undefined;
  #calls: Map<string, BoundCall> | undefined;
  #items: Map<ItemEntry, RunItem> | undefined;

  /** What tools returned, what was thrown, whole responses. */
  get values(): Map<string, unknown> {
    return (this.#values ??= new Map());
  }

  /** The tool or handoff of each call of the newest reply, and its arguments, parsed once. */
  get calls(): Map<string, BoundCall> {
    return (this.#calls ??= new Map());
  }

  /** One wrapper an item, so that an event's item is the result's item. */
  get items(): Map<ItemEntry, RunItem> {
    return (this.#items ??= new Map());
  }
}

export type RunRecord = {
  readonly journal: Journal;
  state: State;
  readonly graph: AgentGraph;
  context: RunContext;
  live: LiveValues;
  /** Decisions and input that came while nobody ran it; committed first thing when it goes on. */
  inbox: RunEvent[];
  /** The loop, while one runs. */
  loop: { wake(): void } | undefined;
  busy: boolean;
  /** Runs of sub-agents that wait or go on, by run id. */
  children: Map<string, RunRecord> | undefined;
  readonly invocation: AgentToolInvocation | undefined;
  /** What a budget of the run's own counts on: stays from one segment to the next. */
  ledger?: BudgetLedger;
};

type Options = {
  journal: Journal;
  root: AnyAgent;
  context: RunContext;
  state?: State;
  invocation?: AgentToolInvocation;
};

export function newRecord({ journal, root, context, state = initialState(), invocation }: Options): RunRecord {
  return {
    journal,
    state,
    graph: new AgentGraph(root),
    context,
    live: new LiveValues(),
    inbox: [],
    loop: undefined,
    busy: false,
    children: undefined,
    invocation,
  };
}

/** Hands an event from outside to a run: to its loop while it runs, else to the next one. */
export function post(record: RunRecord, event: RunEvent): void {
  record.inbox.push(event);
  record.loop?.wake();
}
