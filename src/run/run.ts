/**
 * `run()` and `Runner`: start a run, or go on with one.
 */
import { Agent, type AnyAgent, RunHooks, type RunStreamEvent } from '../agent/index.ts';
import { inputItems, type RunEvent } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { RunContext } from '../tools/context.ts';
import { decisionsForNew, hearContext } from './decision.ts';
import { liveError } from './end.ts';
import { attachState } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import type { Committer, Kept } from './keeper.ts';
import { type Durability, LiveRun, type Surroundings } from './live-run.ts';
import { checkModelNames } from './model-names.ts';
import { bookNested } from './nested-cost.ts';
import { observe, traceStarting } from './observe.ts';
import {
  type IndividualRunOptions,
  type NonStreamRunOptions,
  type RunConfig,
  settle,
  type Settings,
  type StreamRunOptions,
} from './options.ts';
import { isFinal, Journal, newRecord, type RunRecord } from './record.ts';
import { RunResult, StreamedRunResult } from './result.ts';
import { RunState } from './run-state.ts';

/** What a run can begin with: a question, items, or the state of an earlier run. */
export type RunInput<TContext = unknown, TAgent extends AnyAgent = AnyAgent> =
  | string
  | AgentInputItem[]
  | RunState<TContext, TAgent>
  // Such as `error.state`, which does not know its agent.
  | RunState<TContext, AnyAgent>;

/**
 * Runs an agent until it has a final output, must wait for a person, or fails.
 *
 * @example
 * const result = await run(agent, 'Where is my order?');
 * console.log(result.finalOutput);
 *
 * @throws the error that ended the run; `error.state` is what was done until then
 */
export function run<TAgent extends AnyAgent, TContext = unknown>(
  agent: TAgent,
  input: RunInput<TContext, TAgent>,
  options?: NonStreamRunOptions<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent>>;
export function run<TAgent extends AnyAgent, TContext = unknown>(
  agent: TAgent,
  input: RunInput<TContext, TAgent>,
  options: StreamRunOptions<TContext, TAgent>,
): Promise<StreamedRunResult<TContext, TAgent>>;
export function run<TAgent extends AnyAgent, TContext = unknown>(
  agent: TAgent,
  input: RunInput<TContext, TAgent>,
  options?: IndividualRunOptions<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>>;
export function run<TAgent extends AnyAgent, TContext = unknown>(
  agent: TAgent,
  input: RunInput<TContext, TAgent>,
  options?: IndividualRunOptions<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  return begin({ agent, input, options, config: NO_CONFIG, runner: NO_LISTENERS });
}

const NO_CONFIG: RunConfig = {};
/** Nobody can listen to `run()`: it is given to nobody. */
const NO_LISTENERS = /* @__PURE__ */ new RunHooks();

/**
 * Runs agents with one configuration, and announces what they do.
 *
 * @example
 * const runner = new Runner({ model: 'gpt-5.4-mini' });
 * runner.on('agent_tool_start', (_context, agent, tool) => console.log(agent.name, tool.name));
 * await runner.run(agent, 'Hi');
 */
export class Runner extends RunHooks {
  readonly config: RunConfig;

  constructor(config: RunConfig = {}) {
    super();
    this.config = config;
    settle(config);
  }

  run<TAgent extends AnyAgent, TContext = unknown>(
    agent: TAgent,
    input: RunInput<TContext, TAgent>,
    options?: NonStreamRunOptions<TContext, TAgent>,
  ): Promise<RunResult<TContext, TAgent>>;
  run<TAgent extends AnyAgent, TContext = unknown>(
    agent: TAgent,
    input: RunInput<TContext, TAgent>,
    options: StreamRunOptions<TContext, TAgent>,
  ): Promise<StreamedRunResult<TContext, TAgent>>;
  run<TAgent extends AnyAgent, TContext = unknown>(
    agent: TAgent,
    input: RunInput<TContext, TAgent>,
    options?: IndividualRunOptions<TContext, TAgent>,
  ): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>>;
  run<TAgent extends AnyAgent, TContext = unknown>(
    agent: TAgent,
    input: RunInput<TContext, TAgent>,
    options?: IndividualRunOptions<TContext, TAgent>,
  ): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
    return begin({ agent, input, options, config: this.config, runner: this });
  }
}

/** A key of `RunConfig` for tests of the kernel: where events go, and whether all but the log is forgotten. */
export const INTERNALS: unique symbol = Symbol('baton.internals');
export type Internals = { committer?: Committer; amnesia?: boolean; durable?: Durability };

type Begin<TContext, TAgent extends AnyAgent> = {
  agent: TAgent;
  input: RunInput<TContext, TAgent>;
  options: IndividualRunOptions<TContext, TAgent> | undefined;
  config: RunConfig;
  runner: RunHooks;
};

/** Starts or resumes. The plain run and the streamed run are the same run: one has a sink for its events. */
function begin<TContext, TAgent extends AnyAgent>(
  args: Begin<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  try {
    return enter(args);
  } catch (error) {
    return Promise.reject(error);
  }
}

function enter<TContext, TAgent extends AnyAgent>(
  args: Begin<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  const { agent, input, options, config } = args;
  const settings = settle(config, options);
  const resumed = input instanceof RunState;
  const record = resumed ? RunState.record(input) : start(agent, input, { settings, context: options?.context });
  const state = resumed ? (input as RunState<TContext, TAgent>) : new RunState<TContext, TAgent>(record);
  if (record.busy) {
    throw new UserError(
      `Run ${record.journal.runId} is under way already. Wait for its result, or resume a copy: RunState.fromString(agent, state.toString()).`,
    );
  }
  if (resumed) takeContext(record, options);
  if (isFinal(record.state.status)) return Promise.resolve(finishedAlready(state, settings));
  record.busy = true;
  const entry: Entry<TContext, TAgent> = { ...args, settings, record, state, resumed };
  const starting = traceStarting(settings);
  return starting ? starting.then(() => onward(entry)) : onward(entry);
}

function onward<TContext, TAgent extends AnyAgent>(
  entry: Entry<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  const { session, sessionTurn } = entry.settings;
  return session && sessionTurn?.onBusy === 'merge' && !entry.resumed ? meet(entry) : alone(entry);
}

function alone<TContext, TAgent extends AnyAgent>(
  entry: Entry<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  const { durable } = entry.settings;
  return durable ? keep(entry, durable) : proceed(entry);
}

/** Joins the run that has the session, if one has it. */
async function meet<TContext, TAgent extends AnyAgent>(
  entry: Entry<TContext, TAgent>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  const { agent, settings, record, input } = entry;
  const { errorOf, joinOther } = await import('./meet.ts');
  let joined: RunRecord | undefined;
  try {
    joined = await joinOther(settings, { agent, items: [...inputItems(checkInput(input))] });
  } catch (error) {
    record.busy = false;
    throw error;
  }
  if (!joined) return alone(entry);
  const state = new RunState<TContext, TAgent>(joined);
  const error = errorOf(joined);
  if (error !== undefined) throw ended(error, state);
  return finishedAlready(state, settings);
}

type Entry<TContext, TAgent extends AnyAgent> = Begin<TContext, TAgent> & {
  settings: Settings;
  record: RunRecord;
  state: RunState<TContext, TAgent>;
  resumed: boolean;
};

/** Finds the run its place in the log first. */
async function keep<TContext, TAgent extends AnyAgent>(
  entry: Entry<TContext, TAgent>,
  { store }: NonNullable<Settings['durable']>,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  const { record, settings } = entry;
  try {
    return await proceed(entry, await store.keep({ record, session: settings.session }));
  } catch (error) {
    record.busy = false;
    throw error;
  }
}

function proceed<TContext, TAgent extends AnyAgent>(
  { settings, record, state, resumed, options, config, runner }: Entry<TContext, TAgent>,
  kept?: Kept,
): Promise<RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent>> {
  if (resumed) takeUp(record, settings, options);
  const internals = (config as { [INTERNALS]?: Internals })[INTERNALS];
  const observer = observe(record, { settings, beginning: record.inbox });
  const surroundings: Surroundings = { settings, config, runner, ...internals, ...kept, ...(observer && { observer }) };
  if (settings.stream) return Promise.resolve(stream(record, surroundings, state));
  return go(new LiveRun(record, surroundings), state).then(() => new RunResult(state));
}

function stream<TContext, TAgent extends AnyAgent>(
  record: RunRecord,
  surroundings: Surroundings,
  state: RunState<TContext, TAgent>,
): StreamedRunResult<TContext, TAgent> {
  const queue = new EventQueue<RunStreamEvent>();
  const { tap } = surroundings;
  const sink = (event: RunStreamEvent): void => {
    tap?.(event);
    queue.push(event);
  };
  const live = new LiveRun(record, { ...surroundings, sink });
  const result = new StreamedRunResult(state, queue, () =>
    live.abort(new DOMException('The stream was abandoned.', 'AbortError')),
  );
  go(live, state).then(
    () => StreamedRunResult.settle(result, {}),
    (error: unknown) =>
      StreamedRunResult.settle(result, record.state.status === 'cancelled' ? cancelled(error) : { error }),
  );
  return result;
}

function go<TContext, TAgent extends AnyAgent>(live: LiveRun, state: RunState<TContext, TAgent>): Promise<void> {
  const { record } = live;
  const began = record.journal.events.length;
  const detach = live.surroundings.attach?.(live);
  return live.go().then(
    (end) => {
      detach?.();
      record.busy = false;
      bookNested(record.journal, began);
      if (end.status === 'cancelled') throw ended(live.abortReason ?? liveError(record, end), state);
      if (end.status === 'failed') throw ended(liveError(record, end), state);
    },
    (error: unknown) => {
      detach?.();
      record.busy = false;
      throw ended(error, state);
    },
  );
}

function ended<TContext, TAgent extends AnyAgent>(error: unknown, state: RunState<TContext, TAgent>): unknown {
  attachState(error, state);
  return error;
}

/** An abort ends a stream quietly; one with a reason of its own is told to the reader. */
const cancelled = (reason: unknown): { cancelled: true; error?: unknown } =>
  reason instanceof DOMException && reason.name === 'AbortError'
    ? { cancelled: true }
    : { cancelled: true, error: reason };

function finishedAlready<TContext, TAgent extends AnyAgent>(
  state: RunState<TContext, TAgent>,
  settings: Settings,
): RunResult<TContext, TAgent> | StreamedRunResult<TContext, TAgent> {
  if (!settings.stream) return new RunResult(state);
  const queue = new EventQueue<RunStreamEvent>();
  queue.close();
  return new StreamedRunResult(state, queue, () => undefined);
}

// New runs

function start(
  agent: AnyAgent,
  input: unknown,
  { settings, context }: { settings: Settings; context: unknown },
): RunRecord {
  if (!(agent instanceof Agent)) {
    throw new UserError(`run() got ${describe(agent)} as agent. Pass an Agent, made with new Agent({ name, ... }).`);
  }
  const items = checkInput(input);
  checkModelNames(agent, settings);
  const journal = new Journal(settings.durable?.runId ?? newRunId());
  const runContext = context instanceof RunContext ? context : new RunContext<unknown>(context);
  const record = newRecord({ journal, root: agent, context: runContext });
  const { session, maxTurns, stream: streamed, conversationId, previousResponseId } = settings;
  // A provider that keeps the conversation keeps it alone.
  const usesSession = session !== undefined && conversationId === undefined && previousResponseId === undefined;
  const started: RunEvent = {
    type: 'run.started',
    runId: journal.runId,
    agent: agent.name,
    input: items,
    maxTurns,
    ...(usesSession && { session: true }),
    ...(streamed && { stream: true }),
    ...(conversationId !== undefined && { conversationId }),
    ...(previousResponseId !== undefined && { previousResponseId }),
    ...(settings.reasoningItemIdPolicy === 'omit' && { omitsReasoningIds: true }),
  };
  record.inbox = context instanceof RunContext ? [started, ...decisionsForNew(record, runContext)] : [started];
  return record;
}

function checkInput(input: unknown): string | AgentInputItem[] {
  if (typeof input === 'string') return input;
  if (Array.isArray(input)) return input.slice() as AgentInputItem[];
  throw new UserError(`run() got ${describe(input)} as input. Pass a string, a list of items, or a RunState.`);
}

const describe = (value: unknown): string => (value === null ? 'null' : typeof value);

/** 128 random bits, short in the log. */
function newRunId(): string {
  const [high = 0n, low = 0n] = globalThis.crypto.getRandomValues(new BigUint64Array(2));
  return `run_${((high << 64n) | low).toString(36)}`;
}

// Earlier runs

function takeContext(record: RunRecord, options: IndividualRunOptions | undefined): void {
  if (options?.context instanceof RunContext) record.context = options.context;
  else if (options?.context !== undefined) record.context.context = options.context;
}

function takeUp(record: RunRecord, settings: Settings, options: IndividualRunOptions | undefined): void {
  const { state } = record;
  hearContext(record);
  if (options?.maxTurns === undefined) settings.maxTurns = state.maxTurns;
  const usesSession =
    settings.session !== undefined && state.conversationId === undefined && state.previousResponseId === undefined;
  const again: RunEvent =
    state.status === 'running' || state.status === 'stopping'
      ? { type: 'run.recovered' }
      : {
          type: 'run.resumed',
          maxTurns: settings.maxTurns,
          ...(usesSession && { session: true }),
          ...(settings.stream && { stream: true }),
        };
  record.inbox.push(again);
}
