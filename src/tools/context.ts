/**
 * What user code sees of a run: the user's context object, the usage so far, and the decisions on tool calls.
 *
 * Not responsible for deciding anything: the run's log holds the truth. A decision taken here is handed to
 * the run that owns the context, which records it.
 */
import { Usage } from '../protocol/usage.ts';

/** The part of an approval item that a decision needs. */
export type ApprovalItem = {
  readonly name?: string | undefined;
  /** Whose call it is. A decision on all calls of a tool covers this agent's; all agents' where it is absent. */
  readonly agent?: { readonly name: string };
  /** The run that made the call, where it is known: a sub-agent's has its own id. */
  readonly runId?: string | undefined;
  readonly rawItem: {
    readonly type: string;
    readonly name?: string;
    readonly callId?: string;
    readonly id?: string;
    /** As JSON. A decision on a call that is not there yet counts for one with these arguments only. */
    readonly arguments?: unknown;
  };
};

/** A decision on one tool call, or on all calls of a tool. */
export type Decision = {
  toolName: string;
  /** Absent where the decision holds for every call of the tool and no single call was named. */
  callId?: string;
  approved: boolean;
  sticky: boolean;
  /** Whose calls a sticky one covers; absent: everybody's. */
  agent?: string;
  /** The run that made the call. */
  run?: string;
  message?: string;
  /** What the call was seen to ask for, as JSON. */
  arguments?: string;
};

/** Who hears of decisions that user code takes: the runs that go on with the context. */
export type DecisionListener = {
  /** Gives whether the decision is for this run. */
  onDecision(decision: Decision): boolean;
};

const NOBODY: readonly never[] = [];

type ToolRecord = { calls: Map<string, Decision>; always: Decision[] };

/** Decisions by tool. Shared by a context and its forks, so that sub-agents see what was decided. */
class Decisions {
  #tools: Map<string, ToolRecord> | undefined;
  listeners: readonly DecisionListener[] = NOBODY;
  /** Those that no run heard of yet. */
  unheard: readonly Decision[] = NOBODY;

  get tools(): Map<string, ToolRecord> {
    return (this.#tools ??= new Map());
  }

  set(decision: Decision): void {
    let record = this.tools.get(decision.toolName);
    if (!record) this.tools.set(decision.toolName, (record = { calls: new Map(), always: [] }));
    if (decision.callId !== undefined) record.calls.set(decision.callId, decision);
    if (!decision.sticky) return;
    record.always = [...record.always.filter(({ agent }) => agent !== decision.agent), decision];
  }

  get(toolName: string, callId: string): Decision | undefined {
    const record = this.#tools?.get(toolName);
    // An exact decision beats a sticky one.
    return record?.calls.get(callId) ?? record?.always.at(-1);
  }
}

export class RunContext<TContext = unknown> {
  /** The object that was passed as `context`; yours to use and change. */
  context: TContext;
  /** Tokens used so far by the run and its sub-agents. One object for the whole run. */
  usage: Usage = new Usage();
  /** The validated arguments, inside an agent that was called as a tool with `parameters`. */
  declare toolInput?: unknown;
  #decisions = new Decisions();

  constructor(context: TContext = {} as TContext) {
    this.context = context;
  }

  /** Whether a tool call was approved: `true`, `false`, or `undefined` when nobody decided yet. */
  isToolApproved({ toolName, callId }: { toolName: string; callId: string }): boolean | undefined {
    return this.#decisions.get(toolName, callId)?.approved;
  }

  /** Approves a call. With `alwaysApprove`, all later calls of that tool by that agent too. */
  approveTool(item: ApprovalItem, { alwaysApprove = false }: { alwaysApprove?: boolean } = {}): void {
    this.#decide({ ...identify(item), approved: true, sticky: alwaysApprove });
  }

  /** Rejects a call; `message` is what the model is told. With `alwaysReject`, that agent's later ones of the tool too. */
  rejectTool(
    item: ApprovalItem,
    { alwaysReject = false, message }: { alwaysReject?: boolean; message?: string } = {},
  ): void {
    this.#decide({
      ...identify(item),
      approved: false,
      sticky: alwaysReject,
      ...(message !== undefined && { message }),
    });
  }

  /** What the model is told about a rejected call, where the rejection came with a message. */
  getRejectionMessage(toolName: string, callId: string): string | undefined {
    const decision = this.#decisions.get(toolName, callId);
    return decision?.approved === false ? decision.message : undefined;
  }

  toJSON(): { context: unknown; usage: Usage; approvals: Record<string, unknown>; toolInput?: unknown } {
    const approvals: Record<string, unknown> = {};
    for (const [tool, record] of this.#decisions.tools) approvals[tool] = approvalsOf(record);
    const { context, usage, toolInput } = this;
    return { context, usage, approvals, ...(toolInput !== undefined && { toolInput }) };
  }

  #decide(decision: Decision): void {
    const decisions = this.#decisions;
    decisions.set(decision);
    const isHeard = decisions.listeners.filter((listener) => listener.onDecision(decision)).length > 0;
    if (!isHeard) decisions.unheard = [...decisions.unheard, decision];
  }

  /** @internal A view with its own `toolInput`; context object, usage and decisions are shared. */
  static fork<T>(parent: RunContext<T>, toolInput: unknown): RunContext<T> {
    const fork = new RunContext<T>(parent.context);
    fork.usage = parent.usage;
    fork.toolInput = toolInput;
    fork.#decisions = parent.#decisions;
    return fork;
  }

  /** @internal A run records what user code decides while it goes on. */
  static subscribe(context: RunContext<unknown>, listener: DecisionListener): void {
    const decisions = context.#decisions;
    decisions.listeners = [...decisions.listeners, listener];
  }

  /** @internal */
  static unsubscribe(context: RunContext<unknown>, listener: DecisionListener): void {
    const decisions = context.#decisions;
    decisions.listeners = decisions.listeners.filter((each) => each !== listener);
  }

  /** @internal Hands over the decisions that no run heard of yet, and that `isFor` takes. */
  static takeUnheard(context: RunContext<unknown>, isFor: (decision: Decision) => boolean): Decision[] {
    const decisions = context.#decisions;
    const taken = decisions.unheard.filter(isFor);
    if (taken.length > 0) decisions.unheard = decisions.unheard.filter((each) => !taken.includes(each));
    return taken;
  }

  /** @internal The decisions on all calls of a tool, for a run that starts with a context of an earlier one. */
  static lasting(context: RunContext<unknown>): Decision[] {
    return [...context.#decisions.tools.values()].flatMap(({ always }) => always);
  }

  /** @internal Takes over a decision that the log holds, without telling anyone. */
  static restore(context: RunContext<unknown>, decision: Decision): void {
    context.#decisions.set(decision);
  }
}

/** Decisions on a tool as the published API shows them: all calls, or the ids of those that were decided. */
function approvalsOf({ calls, always }: ToolRecord): Record<string, unknown> {
  const ids = (approved: boolean): boolean | string[] => {
    if (always.at(-1)?.approved === approved) return true;
    const some = [...calls.values()].filter((decision) => decision.approved === approved);
    return some.length > 0 ? some.map(({ callId = '' }) => callId) : false;
  };
  const told = [...calls.values()].flatMap(({ callId = '', message }) =>
    message === undefined ? [] : [[callId, message]],
  );
  const last = always.at(-1);
  return {
    approved: ids(true),
    rejected: ids(false),
    ...(told.length > 0 && { messages: Object.fromEntries(told) as Record<string, string> }),
    ...(last?.approved === false && last.message !== undefined && { stickyRejectMessage: last.message }),
  };
}

function identify({ name: given, agent, runId, rawItem }: ApprovalItem): Omit<Decision, 'approved' | 'sticky'> {
  const { name, callId, id, arguments: seen } = rawItem;
  return {
    toolName: given ?? name ?? rawItem.type,
    callId: callId ?? id ?? '',
    ...(agent && { agent: agent.name }),
    ...(runId !== undefined && { run: runId }),
    ...(typeof seen === 'string' && { arguments: seen }),
  };
}
