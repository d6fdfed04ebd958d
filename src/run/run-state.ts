/**
 * The state of a run in a user's hands: the log, what follows from it, and how to decide what the run waits for.
 */
import type {
  AgentToolInvocation,
  AnyAgent,
  InputGuardrailResult,
  OutputGuardrailResult,
  RunItem,
} from '../agent/index.ts';
import { RunToolApprovalItem } from '../agent/index.ts';
import { apply, type Call, isOver, type RunEvent, type State, type Status, toArray } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem, AgentOutputItem } from '../protocol/items.ts';
import type { ModelResponse } from '../protocol/model.ts';
import type { Usage } from '../protocol/usage.ts';
import type { LoggedRun } from '../trace/spans-of.ts';
import type { RunContext, ToolInputGuardrailResult, ToolOutputGuardrailResult } from '../tools/index.ts';
import { type ContextStrategy, decode, encode, type Envelope, restoreContext, type SaveOptions } from './codec.ts';
import { hearContext, itemDecided, tellContext, type Word } from './decision.ts';
import { costOfJournal, type RunCost } from './cost.ts';
import { isFinal, type Journal, post, type RunRecord } from './record.ts';
import * as view from './view.ts';

const childrenOf = ({ over, hasChildren, children }: Journal): LoggedRun[] =>
  [...over, ...(hasChildren ? children.values() : [])].map((child) => ({
    runId: child.runId,
    events: child.events,
    children: childrenOf(child),
  }));

export class RunState<TContext = unknown, TAgent extends AnyAgent = AnyAgent> {
  readonly #record: RunRecord;

  /** @internal Use `result.state` or `RunState.fromString`. */
  constructor(record: RunRecord) {
    this.#record = record;
  }

  /** @internal */
  static record(state: RunState): RunRecord {
    return state.#record;
  }

  /** The state, with what was decided since the run stopped for it. */
  get #now(): State {
    const { state, inbox, busy } = this.#record;
    return busy ? state : inbox.reduce(apply, state);
  }

  /**
   * Approves a call that the run waits for. Pass the state to `run()` to go on.
   *
   * @param options.alwaysApprove also approves all later calls of the tool by the same agent in this run
   */
  approve(item: RunToolApprovalItem, { alwaysApprove = false }: { alwaysApprove?: boolean } = {}): void {
    this.#decide(item, { approved: true, sticky: alwaysApprove });
  }

  /**
   * Rejects a call that the run waits for.
   *
   * @param options.alwaysReject also rejects all later calls of the tool by the same agent in this run
   * @param options.message what the model is told. Default: what `toolErrorFormatter` says, else a fixed text
   */
  reject(
    item: RunToolApprovalItem,
    { alwaysReject = false, message }: { alwaysReject?: boolean; message?: string } = {},
  ): void {
    this.#decide(item, { approved: false, sticky: alwaysReject, ...(message !== undefined && { message }) });
  }

  /**
   * Says of a call whose last attempt was cut off (`item.uncertain`) that it did happen. It is not made again.
   *
   * @param result what the tool would have returned: the model is told
   * @throws UserError for a call that asks whether it may run: nothing of it can have happened
   */
  confirm(item: RunToolApprovalItem, result: string): void {
    if (item.uncertain === undefined) {
      throw new UserError(
        `The call of "${item.name}" waits for approval and was not begun, so that it cannot have happened. Approve or reject it.`,
      );
    }
    this.#decide(item, { approved: false, sticky: false, result });
  }

  #decide(item: RunToolApprovalItem, word: Word): void {
    const question = this.#question(item);
    this.#checkArguments(question);
    const event = itemDecided(this.#record, question, word);
    post(this.#record, event);
    tellContext(this.#record.context, event);
  }

  /** @throws UserError for a decision on other arguments than those of the call that waits under its id */
  #checkArguments({ name, callId, rawItem, runId = this.#record.journal.runId }: RunToolApprovalItem): void {
    const seen = 'arguments' in rawItem && typeof rawItem.arguments === 'string' ? rawItem.arguments : undefined;
    for (const item of this.getInterruptions()) {
      const isMeant = item.runId === runId && item.callId === callId && item.name === name;
      if (!isMeant || view.isOfItem(item, seen)) continue;
      throw new UserError(
        `The decision is on a call of "${name}" with the arguments ${seen}, and the call ${callId} that waits has others. ` +
          'Decide on an item of getInterruptions() as it is. To have other arguments, reject it with a message that says so.',
      );
    }
  }

  /** The question itself: what went through JSON is found by its call, and a slip is told. */
  #question(given: RunToolApprovalItem): RunToolApprovalItem {
    if (given instanceof RunToolApprovalItem) return given;
    const asked = this.getInterruptions();
    const { rawItem }: { rawItem?: RunToolApprovalItem['rawItem'] } = given ?? {};
    const callId = rawItem && ('callId' in rawItem ? rawItem.callId : rawItem.id);
    const found = callId === undefined ? undefined : asked.find((each) => each.callId === callId);
    if (found) return found;
    throw new UserError(
      `A decision needs an item of state.getInterruptions() or result.interruptions, of which there are ${asked.length} now; ` +
        `got ${rawItem ? `one for call ${String(callId)}` : String(given)}.`,
    );
  }

  /** The calls that the run waits for; empty where it does not wait. */
  getInterruptions(): RunToolApprovalItem[] {
    return view.interruptions(this.#record, this.#record.state);
  }

  /** Whether a sub-agent that was called as a tool waits for a person. */
  hasPendingAgentToolRun(toolName: string, callId: string): boolean {
    return this.#waitingCall(toolName, callId) !== undefined;
  }

  /** The state of a sub-agent that waits for a person, as `toString()` of it. */
  getPendingAgentToolRun(toolName: string, callId: string): string | undefined {
    const call = this.#waitingCall(toolName, callId);
    const child = call && view.childOf(this.#record, this.#record.state, call);
    return child && new RunState(child).toString();
  }

  #waitingCall(toolName: string, callId: string): Call | undefined {
    return this.#record.state.calls.find((call) => call.asks && call.tool === toolName && call.callId === callId);
  }

  /** Adds input, to be seen by the next model call. @throws UserError where the run is over. */
  addInput(input: string | AgentInputItem[]): void {
    const { status } = this.#record.state;
    if (isFinal(status)) {
      throw new UserError(
        `The run is ${status}, so it takes no more input. Start another run with its history and the new input.`,
      );
    }
    const items: AgentInputItem[] =
      typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : structuredClone(input);
    post(this.#record, { type: 'input.staged', items });
  }

  /** Input that was added and not seen by a model yet: a copy. */
  get pendingInput(): AgentInputItem[] {
    return structuredClone([...this.#now.staged]);
  }

  /** Takes back input that no model has seen yet. */
  clearPendingInput(): void {
    post(this.#record, { type: 'input.cleared' });
  }

  get history(): AgentInputItem[] {
    return view.history(this.#record.state);
  }

  get input(): string | AgentInputItem[] {
    return this.#record.state.input;
  }

  get newItems(): RunItem[] {
    return view.newItems(this.#record, this.#record.state);
  }

  get output(): AgentOutputItem[] {
    return view.output(this.#record.state);
  }

  get rawResponses(): ModelResponse[] {
    return toArray(this.#record.state.responses).map(view.responseFrom);
  }

  get lastResponseId(): string | undefined {
    return this.#record.state.lastResponseId;
  }

  /** Tokens of the run and its sub-agents so far. */
  get usage(): Usage {
    return this.#record.context.usage;
  }

  /** What the models cost so far, failed attempts, sub-agents and guardrails included. Needs `prices`, or a router. */
  get cost(): RunCost {
    return costOfJournal(this.#record.journal);
  }

  get context(): RunContext<TContext> {
    return this.#record.context as RunContext<TContext>;
  }

  /** The agent that is active, or was when the run ended. */
  get currentAgent(): TAgent {
    const { graph, state } = this.#record;
    return (state.agent === '' ? graph.root : graph.agent(state.agent)) as TAgent;
  }

  /** Model calls that were begun. */
  get currentTurn(): number {
    return this.#record.state.turn;
  }

  get maxTurns(): number | null {
    return this.#record.state.maxTurns;
  }

  /** Where the run is. */
  get status(): Status {
    return this.#record.state.status;
  }

  get finalOutput(): unknown {
    const { state } = this.#record;
    return state.status === 'finished' ? view.finalOutputOf(this.#record, state) : undefined;
  }

  get inputGuardrailResults(): InputGuardrailResult[] {
    return view.inputGuardrailResults(this.#record.state);
  }

  get outputGuardrailResults(): OutputGuardrailResult[] {
    return view.outputGuardrailResults(this.#record, this.#record.state);
  }

  get toolInputGuardrailResults(): ToolInputGuardrailResult[] {
    return view.toolGuardrailResults(this.#record.state, 'tool_input');
  }

  get toolOutputGuardrailResults(): ToolOutputGuardrailResult[] {
    return view.toolGuardrailResults(this.#record.state, 'tool_output');
  }

  get agentToolInvocation(): AgentToolInvocation | undefined {
    return this.#record.invocation;
  }

  /** The events of the run so far, as they were committed. Do not change them. */
  get events(): readonly RunEvent[] {
    return this.#record.journal.events;
  }

  get runId(): string {
    return this.#record.journal.runId;
  }

  /**
   * The logs of sub-agents' runs: those that wait, and of those that are over the newest hundred that ran in this
   * process. What is over is in no stored state.
   */
  get children(): readonly LoggedRun[] {
    return childrenOf(this.#record.journal);
  }

  /** Whether the run is over: nothing can be added to it. */
  get isOver(): boolean {
    return isOver(this.#record.state.status);
  }

  /** The state as JSON, to be stored and read back with `fromString`. */
  toJSON(options: SaveOptions = {}): Envelope {
    hearContext(this.#record);
    return encode(this.#record, options);
  }

  toString(options: SaveOptions = {}): string {
    return JSON.stringify(this.toJSON(options));
  }

  /**
   * Reads a stored state.
   *
   * @param agent the agent that the run was started with
   * @throws UserError where the text is not a state, is damaged, of another SDK, or of other agents
   */
  static async fromString<TContext = unknown, TAgent extends AnyAgent = AnyAgent>(
    agent: TAgent,
    text: string,
  ): Promise<RunState<TContext, TAgent>> {
    return new RunState(decode(agent, text));
  }

  /** As `fromString`, with a context of your own in place of the stored one, or merged with it. */
  // oxlint-disable-next-line eslint/max-params -- the published signature
  static async fromStringWithContext<TContext, TAgent extends AnyAgent = AnyAgent>(
    agent: TAgent,
    text: string,
    context: RunContext<TContext>,
    { contextStrategy = 'merge' }: { contextStrategy?: ContextStrategy } = {},
  ): Promise<RunState<TContext, TAgent>> {
    const record = decode(agent, text);
    restoreContext(record, context, contextStrategy);
    return new RunState(record);
  }
}

declare module '../protocol/errors.ts' {
  interface ErrorState extends RunState<unknown, AnyAgent> {}
}
