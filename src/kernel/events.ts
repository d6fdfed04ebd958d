/**
 * Everything that can happen in a run, and everything that a run can ask of the world. Plain JSON data.
 *
 * E1: an effect is committed (`effect.requested`) before it is performed, and answered by an event with its id.
 * E2: ids are relative to the run and come from the number of the model call (`m3`), the index of the call in
 *     its reply (`m3/c0`) and the number of the admission of input (`in0/1`), never from random numbers,
 *     models or clocks. `<runId>/<id>` is unique in the world and serves as idempotency key.
 * E3: a stored event never changes its meaning. A new shape is a new field or a new type, with an upcaster.
 */
import type { AgentInputItem, FunctionCallResultItem, ModelItem } from '../protocol/items.ts';
import type { Json } from '../protocol/json.ts';
import type { Origin, UsageData } from '../protocol/model.ts';

/** An agent's name, made unique by its path in the graph of handoffs where names repeat. */
export type AgentKey = string;

/** An error as data. The live object, where there still is one, is found under the effect's id. */
export type ErrorInfo = { name: string; message: string; code?: string; data?: Json };

export type Effect =
  | { do: 'load_session'; id: string; attempt?: number }
  | { do: 'check'; id: string; point: 'input'; n: number; index: number; attempt?: number }
  | { do: 'check'; id: string; point: 'output'; k: number; index: number; attempt?: number }
  | { do: 'call_model'; id: string; k: number; starts?: true; attempt?: number }
  | { do: 'decide_call'; id: string; k: number; i: number; attempt?: number }
  | {
      do: 'call_tool';
      id: string;
      k: number;
      i: number;
      refused?: true;
      /** A former attempt may have happened: the tool is asked first whether it did. */
      reconcile?: true;
      attempt?: number;
    }
  | { do: 'hand_off'; id: string; k: number; i: number; attempt?: number }
  /** `call`: that result is the output, and only what its tool returned is asked for. */
  | { do: 'choose_output'; id: string; k: number; call?: number; attempt?: number }
  | { do: 'handle_error'; id: string; kind: HandledKind; attempt?: number }
  | { do: 'save_session'; id: string; to: number; attempt?: number }
  | { do: 'compact_session'; id: string; attempt?: number };

/** Causes that an error handler can turn into a final output. */
export type HandledKind = 'maxTurns' | 'modelRefusal' | 'invalidFinalOutput' | 'budget';

/** Why a run must end before it has an output. */
export type StopCause =
  | HandledKind
  | 'abort'
  | 'timeout'
  | 'input_check'
  | 'output_check'
  | 'check_error'
  | 'model'
  | 'model_behavior'
  | 'tool'
  | 'handoff'
  | 'session'
  | 'callback'
  | 'uncertain';

export type Stop = {
  cause: StopCause;
  error: ErrorInfo;
  /** Id of the effect whose answer is the cause, where there is one. */
  id?: string;
};

/** What a call in a reply is, as the performer of the model call found it in the tools that were enabled then. */
export type CallPlan = {
  /** Position in the reply's output. */
  at: number;
  kind: 'function' | 'agent' | 'handoff' | 'unknown';
  /** Whether a person must agree first. `dynamic` asks user code. Absent: never. */
  approval?: 'always' | 'dynamic';
  /** A handoff that runs user code: a callback, an input type, a filter, guardrails. Else it only changes the agent. */
  dynamic?: true;
  /** The target of a handoff. */
  to?: AgentKey;
  /** The arguments are not valid JSON. */
  malformed?: true;
};

/** How the request and the reply were made, as far as later decisions need it. */
export type Prepared = {
  /** The new input as it was sent, where a filter changed it: this is what a session keeps. */
  input?: AgentInputItem[];
  /** Whether the request was made on state that the provider holds. */
  stateful?: true;
};

/**
 * One attempt of a model call: when it began, in milliseconds since the first one began, and what became of it.
 * What is told of whom is told by who knows it: a bare model knows times only, a router also targets and prices.
 */
export type Attempt = {
  at: number;
  error?: ErrorInfo;
  /** How long was waited after it. */
  delayMs?: number;
  /** How long it took, and how long until the first content. */
  ms?: number;
  firstTokenMs?: number;
  /** The name under which the target was configured. */
  target?: string;
  origin?: Origin;
  usage?: UsageData;
  /** What it cost, in integers of 10^-9 US dollars. Absent: not known. */
  nanoUsd?: number;
  /** Which price was used; `fuzzy` where the model's name was only similar. */
  price?: { id: string; fuzzy?: true };
  /** The answer came from a cache; the attempt was one of several at once. */
  cached?: true;
  hedged?: true;
};

/** What model calls cost, added up. */
export type CostSum = {
  /** Integers of 10^-9 US dollars; only what is known. Absent where nothing is. */
  nanoUsd?: number;
  /** How many attempts there were, and of how many the cost is not known or rests on a similar name. */
  attempts: number;
  unpriced?: number;
  fuzzy?: number;
};

/** What runs within a run cost, by agent and model. */
export type CostEntry = CostSum & { agent: string; model: string };

/** One stretch of a run in one process: from a start or a resume to a pause, a crash or the end. */
export type Segment = {
  /** Random: two resumes of one stored state are two segments. */
  id: string;
  /** Where the spans of the segment belong. Absent: tracing is off. */
  trace?: {
    traceId: string;
    parentId?: string;
    name?: string;
    groupId?: string;
    metadata?: { [key: string]: Json };
    /** Spans hold nothing of what was said. */
    omitsContent?: true;
    /** There are no task and turn spans. */
    omitsTaskAndTurn?: true;
    /** The trace was opened around the run, and is not its own. */
    outer?: true;
  };
};

export type Reply = {
  output: ModelItem[];
  usage: UsageData;
  responseId?: string;
  requestId?: string;
  /** What the provider said beside the output. Vendors echo the request here, so only known keys are kept. */
  providerData?: Record<string, unknown>;
  rawUsage?: Record<string, unknown>;
  origin?: Origin;
};

/** Whether a structured reply is what its agent must give. Absent for agents that answer with text. */
export type Parsed = { ok: true } | { ok: false; message: string };

export type CheckVerdict = 'pass' | 'tripped' | 'errored';

export type ToolOutcome = 'ok' | 'error' | 'rejected' | 'aborted' | 'timeout';

/** A verdict of a guardrail on a tool call, for the result's getters. */
export type ToolCheck = { point: 'tool_input' | 'tool_output'; name: string; output: Json };

/**
 * A question to a person: may this call run? `run` is the run, this one or a sub-agent's, that made the call.
 * With `uncertain`, the attempt of that number began and was never answered: may it run again?
 */
export type Ask = {
  run: string;
  k: number;
  i: number;
  callId: string;
  tool: string;
  /** Whose call it is: the agent's key, after the tools that lead to its run, such as `research/Reader`. */
  agent?: string;
  uncertain?: number;
};

/** A rewritten list of items: runs of old ones by position, and new ones in full. */
export type Edit = (readonly [from: number, to: number] | ItemEntry)[];

export type EntryKind =
  | 'message'
  | 'reasoning'
  | 'tool_call'
  | 'tool_output'
  | 'handoff_call'
  | 'handoff_output'
  | 'tool_search_call'
  | 'tool_search_output'
  | 'compaction'
  | 'input'
  | 'other';

/** An item that a run produced: who made it and what it is. */
export type ItemEntry = {
  kind: EntryKind;
  item: ModelItem;
  agent: AgentKey;
  /** The new agent, of a handoff's output. */
  to?: AgentKey;
  /** Which call it belongs to, for live values that ride beside it. */
  id?: string;
  custom?: Json;
};

/**
 * Which run a run is a copy of, up to which of its events, what tools do that must not act twice, and the branch of its
 * session that is its own, where it has one.
 */
export type Fork = { of: string; at: number; once: 'ask' | 'stub' | 'run'; branch?: string };

export type RunEvent =
  | {
      type: 'run.started';
      runId: string;
      agent: AgentKey;
      input: string | AgentInputItem[];
      maxTurns: number | null;
      /** Hash of the agents' static definition. */
      plan?: string;
      parent?: string;
      session?: boolean;
      stream?: boolean;
      conversationId?: string;
      previousResponseId?: string;
      /** Reasoning items are sent, and shown in the history, without their ids. */
      omitsReasoningIds?: true;
      segment?: Segment;
    }
  | {
      type: 'run.resumed';
      maxTurns: number | null;
      plan?: string;
      session?: boolean;
      stream?: boolean;
      segment?: Segment;
    }
  | { type: 'run.recovered'; segment?: Segment }
  /** What comes before is copied from another run; from here on this is a run of its own. */
  | ({ type: 'run.forked'; runId: string } & Fork)
  /** What the agents are made of when the run starts, and again where they changed while it rested. */
  | { type: 'plan.recorded'; plan: Json }
  | { type: 'run.paused' }
  | ({ type: 'run.stopping' } & Stop)
  | { type: 'run.finished' }
  | { type: 'run.failed' }
  | { type: 'run.cancelled' }
  | { type: 'effect.requested'; effect: Effect }
  | { type: 'effect.failed'; id: string; error: ErrorInfo }
  /** Written before the first act of an effect that must not happen twice: without it, the effect never began. */
  | { type: 'effect.began'; id: string }
  /** It began and was never answered, and a person must say what becomes of it. */
  | { type: 'effect.uncertain'; id: string }
  | { type: 'effect.settled_late'; id: string; summary: string }
  | {
      type: 'session.loaded';
      id: string;
      /** The conversation to go on from. Codecs may store it by reference. */
      items: AgentInputItem[];
      /** Positions in `items` that are new, and so are saved at the end. */
      fresh: number[];
      /** How many items the session had, where it has branches and all were read. */
      stored?: number;
      /** How long the run waited for its turn on the session, where it waited. Milliseconds. */
      queuedMs?: number;
    }
  | { type: 'session.saved'; id: string; to: number }
  /** `cost`, here and below: what runs cost that user code started within the effect. */
  | { type: 'session.compacted'; id: string; usage?: UsageData; cost?: CostEntry[] }
  | {
      type: 'input.staged';
      items: AgentInputItem[];
      /** Who added it, for whoever must find it again. */
      by?: string;
    }
  | { type: 'input.cleared' }
  | { type: 'input.admitted' }
  | {
      type: 'check.returned';
      id: string;
      name: string;
      verdict: CheckVerdict;
      info?: Json;
      error?: ErrorInfo;
      blocked?: string;
      /** What runs cost that the guardrail started. */
      cost?: CostEntry[];
    }
  | {
      type: 'model.replied';
      id: string;
      reply: Reply;
      /** Absent where every function call of the output is a plain call of a known function tool. */
      calls?: CallPlan[];
      parsed?: Parsed;
      prepared?: Prepared;
      attempts?: Attempt[];
      firstTokenMs?: number;
    }
  | {
      type: 'model.failed';
      id: string;
      error: ErrorInfo;
      /** Nobody was asked: the budget does not allow it. */
      cause?: 'budget';
      prepared?: Prepared;
      attempts?: Attempt[];
      usage?: UsageData;
      /** Who was asked, where that is known. */
      origin?: Origin;
    }
  | { type: 'reply.accepted'; k: number; ignored?: number[] }
  | { type: 'output.rejected'; k: number; message: string }
  | {
      type: 'call.decided';
      id: string;
      verdict: 'run' | 'ask' | 'refuse';
      message?: string;
      checks?: ToolCheck[];
      cost?: CostEntry[];
    }
  | {
      type: 'approval.decided';
      /** The run that asks; the root's own id is left out. */
      run?: string;
      /** The model call whose call it is on. Absent: the newest one that has a call of that id, else the next. */
      k?: number;
      tool: string;
      callId?: string;
      approved: boolean;
      sticky?: true;
      /** Whose calls a sticky decision covers, as in `Ask`. Absent: everybody's. */
      agent?: string;
      message?: string;
      /** The arguments, as JSON, that a word was said of before its call came; it is on no call of others. */
      arguments?: string;
      /** Not on whether the call may run, but on its attempt of this number, which may have happened. */
      uncertain?: number;
      /** What that attempt did return, as somebody found out: it is not run again. */
      result?: string;
    }
  | {
      type: 'tool.returned';
      id: string;
      /** Absent: ok. */
      outcome?: ToolOutcome;
      /** What the model is told; `output` where it is more than text. The rest of the item follows from the call. */
      text?: string;
      output?: FunctionCallResultItem['output'];
      /** Absent: completed. */
      status?: 'incomplete';
      checks?: ToolCheck[];
      custom?: Json;
      /** Tokens of a sub-agent's run. */
      usage?: UsageData;
      /** What a sub-agent's run, and runs that the tool started, cost. */
      cost?: CostEntry[];
    }
  | { type: 'tool.failed'; id: string; error: ErrorInfo; checks?: ToolCheck[]; cost?: CostEntry[] }
  | { type: 'tool.waiting'; id: string; asks: Ask[] }
  | { type: 'batch.closed'; k: number; pausing?: true }
  | {
      type: 'handoff.returned';
      id: string;
      to: AgentKey;
      item: ModelItem;
      input?: string | AgentInputItem[];
      edit?: Edit;
      checks?: ToolCheck[];
      cost?: CostEntry[];
    }
  | { type: 'handoff.refused'; id: string; item: ModelItem; checks?: ToolCheck[]; cost?: CostEntry[] }
  | { type: 'agent.changed'; k: number; i: number; from: AgentKey; to: AgentKey; item: ModelItem }
  | { type: 'output.chosen'; id?: string; k: number; final?: string; call?: number }
  | { type: 'error.handled'; id: string; final?: string; includeInHistory?: boolean; cost?: CostEntry[] }
  | { type: 'items.withheld'; k: number; calls: number[]; text: string };

/**
 * An event as the log holds it. `at` is the time of its commit in milliseconds, on the first event of a commit; the
 * position in the log is its number.
 */
export type Committed = RunEvent & { at?: number };

export type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;
