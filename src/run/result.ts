/**
 * What a run gives back, plain and streamed.
 */
import type { Readable } from 'node:stream';
import type {
  AgentToolInvocation,
  AnyAgent,
  InputGuardrailResult,
  OutputGuardrailResult,
  RunItem,
  RunStreamEvent,
  RunToolApprovalItem,
} from '../agent/index.ts';
import type { Status } from '../kernel/index.ts';
import type { AgentInputItem, AgentOutputItem } from '../protocol/items.ts';
import type { ModelResponse } from '../protocol/model.ts';
import { node } from '../protocol/node.ts';
import { warn } from '../protocol/warn.ts';
import type { RunContext, ToolInputGuardrailResult, ToolOutputGuardrailResult } from '../tools/index.ts';
import type { RunCost } from './cost.ts';
import type { EventQueue } from './event-queue.ts';
import type { OutputOfAgent } from './options.ts';
import type { RunRecord } from './record.ts';
import { RunState } from './run-state.ts';
import { finalOutputOf } from './view.ts';

class RunResultBase<TContext, TAgent extends AnyAgent> {
  /** The run itself: to be stored, resumed, and looked into. */
  readonly state: RunState<TContext, TAgent>;
  #warned = false;

  constructor(state: RunState<TContext, TAgent>) {
    this.state = state;
  }

  /** What the run was given; a handoff's filter or a session may have changed it. */
  get input(): string | AgentInputItem[] {
    return this.state.input;
  }

  /** What the run produced, with the agents that did. */
  get newItems(): RunItem[] {
    return this.state.newItems;
  }

  /** Input and new items: the input of a next run. */
  get history(): AgentInputItem[] {
    return this.state.history;
  }

  /** What the run produced, as items of the conversation. */
  get output(): AgentOutputItem[] {
    return this.state.output;
  }

  /** The responses of the models, in order. */
  get rawResponses(): ModelResponse[] {
    return this.state.rawResponses;
  }

  /** What the models cost so far, failed attempts, sub-agents and guardrails included. Needs `prices`, or a router. */
  get cost(): RunCost {
    return this.state.cost;
  }

  get lastResponseId(): string | undefined {
    return this.state.lastResponseId;
  }

  /** The agent that was active last. */
  get lastAgent(): TAgent | undefined {
    return this.state.currentAgent;
  }

  get activeAgent(): TAgent | undefined {
    return this.state.currentAgent;
  }

  get inputGuardrailResults(): InputGuardrailResult[] {
    return this.state.inputGuardrailResults;
  }

  get outputGuardrailResults(): OutputGuardrailResult[] {
    return this.state.outputGuardrailResults;
  }

  get toolInputGuardrailResults(): ToolInputGuardrailResult[] {
    return this.state.toolInputGuardrailResults;
  }

  get toolOutputGuardrailResults(): ToolOutputGuardrailResult[] {
    return this.state.toolOutputGuardrailResults;
  }

  /** Tool calls that a person must approve or reject before the run can go on. */
  get interruptions(): RunToolApprovalItem[] {
    return this.state.getInterruptions();
  }

  get runContext(): RunContext<TContext> {
    return this.state.context;
  }

  /** Which call this run answers, where it is a sub-agent's. */
  get agentToolInvocation(): AgentToolInvocation | undefined {
    return this.state.agentToolInvocation;
  }

  /**
   * The final output; `undefined`, with a warning on the console, while the run is not finished.
   * @throws ModelBehaviorError where a tool's output does not fit the output type
   */
  get finalOutput(): OutputOfAgent<TAgent> | undefined {
    const { status } = this.state;
    // The output was checked against the agent's type when it came.
    if (status === 'finished') return finalOf(RunState.record(this.state)) as OutputOfAgent<TAgent>;
    if (!this.#warned && WHY[status] !== undefined) warn(`finalOutput was read, but there is none: ${WHY[status]}`);
    this.#warned = true;
    return undefined;
  }
}

const finalOf = (record: RunRecord): unknown => finalOutputOf(record, record.state);

const UNFINISHED = 'the run goes on. Read its stream to the end, or await result.completed.';
/** Nothing is said of runs that failed or were cancelled: they have told that already. */
const WHY: Readonly<Partial<Record<Status, string>>> = {
  new: UNFINISHED,
  running: UNFINISHED,
  stopping: UNFINISHED,
  paused: 'the run waits for decisions on result.interruptions. Decide, and pass result.state to run().',
};

/** A sub-agent's result, as extractors get it. */
export type CompletedAgentToolInvocationRunResult<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = RunResult<
  TContext,
  TAgent
> & { finalOutput: OutputOfAgent<TAgent>; agentToolInvocation: AgentToolInvocation };

/** The result of a run. */
export class RunResult<TContext = unknown, TAgent extends AnyAgent = AnyAgent> extends RunResultBase<
  TContext,
  TAgent
> {}

/** A streamed run, while it goes on and after. Iterate it for its events. */
export class StreamedRunResult<TContext = unknown, TAgent extends AnyAgent = AnyAgent>
  extends RunResultBase<TContext, TAgent>
  implements AsyncIterable<RunStreamEvent>
{
  readonly #queue: EventQueue<RunStreamEvent>;
  readonly #cancel: () => void;
  #error: unknown;
  #cancelled = false;

  /** @internal */
  constructor(state: RunState<TContext, TAgent>, queue: EventQueue<RunStreamEvent>, cancel: () => void) {
    super(state);
    this.#queue = queue;
    this.#cancel = cancel;
  }

  /** Settles when the run is over or paused: rejects with the error that ended it. Events need not be read for that. */
  get completed(): Promise<void> {
    return this.#queue.closed;
  }

  /** The error that ended the run; `null` while there is none. */
  get error(): unknown {
    return this.#error ?? null;
  }

  /** Whether the run was aborted, or its reader went away. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  get currentTurn(): number {
    return this.state.currentTurn;
  }

  get maxTurns(): number | null {
    return this.state.maxTurns;
  }

  get currentAgent(): TAgent | undefined {
    return this.state.currentAgent;
  }

  [Symbol.asyncIterator](): AsyncIterator<RunStreamEvent> {
    return this.#queue.read(() => this.#abandon());
  }

  /** The events as a web stream. */
  toStream(): ReadableStream<RunStreamEvent> {
    return webStream(this);
  }

  /** The text of the model, as it comes. */
  toTextStream(): ReadableStream<string>;
  toTextStream(options: { compatibleWithNodeStreams: true }): Readable;
  toTextStream(options?: { compatibleWithNodeStreams?: false }): ReadableStream<string>;
  toTextStream({ compatibleWithNodeStreams = false } = {}): ReadableStream<string> | Readable {
    const text = textOf(this);
    return compatibleWithNodeStreams ? node.stream.Readable.from(text) : webStream(text);
  }

  #abandon(): void {
    if (this.#queue.isClosed) return;
    this.#cancelled = true;
    this.#cancel();
  }

  /** @internal */
  static settle(result: StreamedRunResult, how: { error?: unknown; cancelled?: boolean }): void {
    if (how.cancelled) result.#cancelled = true;
    if ('error' in how) result.#error = how.error;
    result.#queue.close('error' in how ? { error: how.error } : undefined);
  }
}

async function* textOf(events: AsyncIterable<RunStreamEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') yield event.data.delta;
  }
}

/** Takes nothing from the source before it is read itself: a stream that nobody reads leaves the events to others. */
function webStream<T>(source: AsyncIterable<T>): ReadableStream<T> {
  let iterator: AsyncIterator<T> | undefined;
  return new ReadableStream<T>(
    {
      async pull(controller) {
        iterator ??= source[Symbol.asyncIterator]();
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        iterator ??= source[Symbol.asyncIterator]();
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

declare module '../agent/as-tool.ts' {
  interface AgentToolResult<TOutput> extends Omit<RunResult, 'finalOutput' | 'agentToolInvocation'> {}
}
