/**
 * What is now: the fold of a run's events. Plain data; built in `apply.ts` only.
 *
 * S1: equal logs give equal states. S2: no older state ever shows a change (lists are backing and length).
 */
import type { AgentInputItem, FunctionCallItem, ModelItem } from '../protocol/items.ts';
import type { Json } from '../protocol/json.ts';
import type {
  AgentKey,
  Ask,
  CallPlan,
  CheckVerdict,
  Effect,
  EventOf,
  Fork,
  ItemEntry,
  Parsed,
  Reply,
  Segment,
  Stop,
  ToolCheck,
  ToolOutcome,
} from './events.ts';
import { type List, noItems } from './list.ts';

export type Status = 'new' | 'running' | 'paused' | 'stopping' | 'finished' | 'failed' | 'cancelled';

/** Where a running run is. `admit` decides whether and how the model is called next. */
export type Stage =
  | 'load'
  | 'admit'
  | 'model'
  | 'reply'
  | 'tools'
  | 'pausing'
  | 'handoff'
  | 'choose'
  | 'answer'
  | 'compact'
  | 'end';

export type CallStatus =
  | 'new'
  | 'deciding'
  | 'waiting'
  | 'ready'
  | 'refused'
  | 'running'
  /** It began and was never answered. */
  | 'unsure'
  | 'done'
  | 'failed'
  | 'ignored';

/** A call of the current reply. */
export type Call = Omit<CallPlan, 'to'> & {
  /** The call as the model made it. */
  made: FunctionCallItem;
  /** The target of a handoff, else empty. */
  to: AgentKey;
  i: number;
  callId: string;
  tool: string;
  status: CallStatus;
  /** How often it was asked of the world. */
  attempt: number;
  /** The questions of a sub-agent that waits. */
  asks?: Ask[];
  /** What the model is told when the call is refused. */
  message?: string;
  item?: ModelItem;
  outcome?: ToolOutcome;
  custom?: ItemEntry['custom'];
  /** Whether the result is in the history already. */
  kept?: true;
  /** Where among the items its question to a person shows, once it was asked. */
  askedAt?: number;
};

export type CheckRecord = {
  point: 'input' | 'output';
  index: number;
  agent: AgentKey;
  name: string;
  verdict: CheckVerdict;
  info?: EventOf<'check.returned'>['info'];
  /** What replaces a tool's output that an output check blocked. */
  blocked?: string;
  id: string;
};

/** What a person said of a call. `k` is absent while there is no call of its id. */
export type Approval = Omit<EventOf<'approval.decided'>, 'type'>;

/** The final output: its text, and whose it is. */
export type Output = {
  text: string;
  source: 'reply' | 'tool' | 'handler';
  call?: number;
  /** The text is a placeholder. */
  withheld?: true;
};

/** How far checks at one point are: asked of the world, and passed. */
export type Checking = { asked: number; passed: number };

/** What a call is, with the call itself. */
export type PlannedCall = CallPlan & { made: FunctionCallItem };

export type PendingReply = { k: number; reply: Reply; calls: readonly PlannedCall[]; parsed: Parsed | undefined };

export type State = {
  readonly runId: string;
  /** The newest segment; undefined where nobody traces. */
  readonly segment: Segment | undefined;
  readonly status: Status;
  readonly stage: Stage;
  readonly agent: AgentKey;
  /** Whether the start of the active agent was announced. */
  readonly agentStarted: boolean;
  readonly maxTurns: number | null;
  /** Set where the run is a copy of another one. */
  readonly fork: Fork | undefined;
  /** What the agents were made of when the run went on last, in a durable run. */
  readonly plan: Json | undefined;
  /** Public turns: model calls that were begun. */
  readonly turn: number;
  /** Number of the newest model call; part of ids. */
  readonly k: number;

  readonly input: string | AgentInputItem[];
  /** New input, as a session keeps it. */
  readonly fresh: readonly AgentInputItem[];
  readonly inputSaved: boolean;
  /** Items that the run shows: a handoff's filter may rewrite them. */
  readonly entries: List<ItemEntry>;
  /** Items that the run made, in order, unfiltered: what a session keeps. The same list until a filter rewrites. */
  readonly produced: List<ItemEntry>;
  readonly savedTo: number;
  /** Items of `produced` from here on are withheld from sessions. */
  readonly unsavedFrom: number | undefined;
  /** What the next model call gets: input and items, projected as they come. */
  readonly request: List<AgentInputItem>;

  readonly conversationId: string | undefined;
  readonly previousResponseId: string | undefined;
  readonly lastResponseId: string | undefined;
  /** How much of `request` the provider holds, in a conversation that it keeps. */
  readonly sentTo: number;
  /** Calls that got no answer of their own; a provider that keeps the conversation wants one. */
  readonly dropped: readonly { callId: string; tool: string }[];

  readonly staged: readonly AgentInputItem[];
  readonly admission: Checking & { n: number; closed: boolean; from: number };
  /** The reply that is not accepted yet. */
  readonly reply: PendingReply;
  /** Where the newest accepted reply begins in `produced`. */
  readonly replyFrom: number;
  /** Where it begins in `entries`. */
  readonly turnFrom: number;
  readonly calls: readonly Call[];
  readonly approvals: readonly Approval[];
  readonly usedTools: Readonly<Record<AgentKey, true>>;
  readonly responses: List<Reply>;
  readonly checks: List<CheckRecord>;
  readonly toolChecks: List<ToolCheck & { agent: AgentKey }>;
  readonly outputChecking: Checking;
  readonly output: Output | undefined;
  /** How often a model was told in a row that its output has the wrong form. */
  readonly repairs: number;
  /** What was wrong with the output that was rejected last. */
  readonly rejected: Stop | undefined;

  readonly open: readonly Effect[];
  /** Asked, then lost with the process: neither known to have happened nor not. */
  readonly uncertain: readonly Effect[];
  /** Ids of effects that are known to have begun. */
  readonly began: readonly string[];
  /** What the newest answer says must end the run. */
  readonly fault: Stop | undefined;
  readonly stop: Stop | undefined;
  readonly handlerAsked: boolean;
  readonly hasSession: boolean;
  /** Whether its history is still to be read. */
  readonly lacksHistory: boolean;
  readonly omitsReasoningIds: boolean;
  readonly saveFailed: boolean;
  /** Whether what an approval let happen is saved before the model is called again. */
  readonly savePoint: boolean;
};

export const NO_REPLY: PendingReply = {
  k: 0,
  reply: { output: [], usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 } },
  calls: [],
  parsed: undefined,
};

const INITIAL: State = {
  runId: '',
  segment: undefined,
  status: 'new',
  stage: 'admit',
  agent: '',
  agentStarted: false,
  maxTurns: null,
  fork: undefined,
  plan: undefined,
  turn: 0,
  k: 0,
  input: [],
  fresh: [],
  inputSaved: false,
  entries: /* @__PURE__ */ noItems(),
  produced: /* @__PURE__ */ noItems(),
  savedTo: 0,
  unsavedFrom: undefined,
  request: /* @__PURE__ */ noItems(),
  conversationId: undefined,
  previousResponseId: undefined,
  lastResponseId: undefined,
  sentTo: 0,
  dropped: [],
  staged: [],
  admission: { n: 0, asked: 0, passed: 0, closed: false, from: 0 },
  reply: NO_REPLY,
  replyFrom: 0,
  turnFrom: 0,
  calls: [],
  approvals: [],
  usedTools: {},
  responses: /* @__PURE__ */ noItems(),
  checks: /* @__PURE__ */ noItems(),
  toolChecks: /* @__PURE__ */ noItems(),
  outputChecking: { asked: 0, passed: 0 },
  output: undefined,
  repairs: 0,
  rejected: undefined,
  open: [],
  uncertain: [],
  began: [],
  fault: undefined,
  stop: undefined,
  handlerAsked: false,
  hasSession: false,
  lacksHistory: false,
  omitsReasoningIds: false,
  saveFailed: false,
  savePoint: false,
};

/** The state before anything happened. One object for all runs: states never change. */
export const initialState = (): State => INITIAL;

/** Input as items, as a model gets them. */
export function inputItems(input: string | readonly AgentInputItem[]): readonly AgentInputItem[] {
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input;
}

/** Whether a run may still change. */
export const isOver = (status: Status): boolean =>
  status === 'finished' || status === 'failed' || status === 'cancelled';

/** Whether a call is a handoff that did not take place yet. */
export const isNewHandoff = ({ kind, status }: Call): boolean => kind === 'handoff' && status === 'new';
