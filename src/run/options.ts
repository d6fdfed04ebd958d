/**
 * Options of runners and runs: their types, defaults and checks.
 */
import type {
  AgentOutputType,
  AnyAgent,
  HandoffInputFilter,
  InputGuardrail,
  OutputGuardrail,
  ResolvedAgentOutput,
  RunItem,
} from '../agent/index.ts';
import { type BudgetPolicy, type Budgets, checkTimeout, type Prices, type RunLimit } from '../model/index.ts';
import { type AgentsError, UserError } from '../protocol/errors.ts';
import type { AgentInputItem, AgentOutputItem } from '../protocol/items.ts';
import type { Model, ModelProvider, ModelResponse, ModelSettings } from '../protocol/model.ts';
import {
  resolveSessionSettings,
  type Session,
  type SessionInputCallback,
  type SessionSettings,
} from '../session/index.ts';
import type { RunContext } from '../tools/context.ts';
import type { TracingConfig } from '../trace/index.ts';
import type { Callback } from '../tools/index.ts';
import type { DurableOption } from './keeper.ts';
import { checkTurnOptions, type SessionTurnOptions } from './turn-options.ts';
import type { RunState } from './run-state.ts';

export type ModelInputData = { input: AgentInputItem[]; instructions?: string };
export type CallModelInputFilterArgs<TContext = unknown> = {
  modelData: ModelInputData;
  agent: AnyAgent;
  context: TContext | undefined;
};
/** Changes what is sent to the model. `preserveInputIdentity` hands over the items themselves, not copies. */
export type CallModelInputFilter<TContext = unknown> = Callback<
  [args: CallModelInputFilterArgs<TContext>],
  ModelInputData | Promise<ModelInputData>
> & { preserveInputIdentity?: boolean };

export type ToolErrorKind = 'approval_rejected' | 'tool_not_found';
export type ToolErrorFormatterArgs<TContext = unknown> = {
  kind: ToolErrorKind;
  toolType: 'function' | 'computer' | 'shell' | 'apply_patch';
  toolName: string;
  callId: string;
  defaultMessage: string;
  runContext: RunContext<TContext>;
};
/** Words what the model is told of a tool that was not run. `undefined` keeps the default. */
export type ToolErrorFormatter<TContext = unknown> = Callback<
  [args: ToolErrorFormatterArgs<TContext>],
  Promise<string | undefined> | string | undefined
>;

export type OutputGuardrailBlockedMessageArgs<TContext = unknown> = {
  defaultMessage: string;
  guardrailName: string;
  agent: AnyAgent;
  runContext: RunContext<TContext>;
};
export type OutputGuardrailBlockedMessageFormatter<TContext = unknown> = Callback<
  [args: OutputGuardrailBlockedMessageArgs<TContext>],
  Promise<string | undefined> | string | undefined
>;
export type OutputGuardrailBlockedMessage<TContext = unknown> =
  | string
  | OutputGuardrailBlockedMessageFormatter<TContext>;

export type ToolExecutionConfig = {
  /** How many function tools of one reply may run at once. @default null, no limit */
  maxFunctionToolConcurrency?: number | null;
  /** Whether a tool's input guardrails run before a person is asked. @default false */
  preApprovalInputGuardrails?: boolean;
};
export type ToolNameCollisionPolicy = 'warn' | 'error';
export type ToolNotFoundBehavior = 'raise_error' | 'return_error_to_model';
export type ReasoningItemIdPolicy = 'preserve' | 'omit';

export type RunErrorKind = 'maxTurns' | 'modelRefusal' | 'invalidFinalOutput' | 'budget';
export type RunErrorData<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = {
  input: string | AgentInputItem[];
  newItems: RunItem[];
  history: AgentInputItem[];
  output: AgentOutputItem[];
  rawResponses: ModelResponse[];
  lastAgent?: TAgent;
  state?: RunState<TContext, TAgent>;
};
export type RunErrorHandlerInput<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = {
  error: AgentsError;
  context: RunContext<TContext>;
  runData: RunErrorData<TContext, TAgent>;
};
export type RunErrorHandlerResult<TAgent extends AnyAgent = AnyAgent> = {
  /** The output of the run, in place of the error. It must fit the output type and passes the output guardrails. */
  finalOutput: OutputOfAgent<TAgent>;
  /** Whether the output is added to the history as a message. @default true */
  includeInHistory?: boolean;
};
export type RunErrorHandler<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = Callback<
  [input: RunErrorHandlerInput<TContext, TAgent>],
  RunErrorHandlerResult<TAgent> | void | Promise<RunErrorHandlerResult<TAgent> | void>
>;
export type RunErrorHandlers<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = Partial<
  Record<RunErrorKind | 'default', RunErrorHandler<TContext, TAgent>>
>;

/** How runs are traced, where a trace processor is set. A run inside of `withTrace` is part of that trace. */
export type TraceConfig = {
  /** Whether runs are not traced at all. @default false */
  tracingDisabled?: boolean;
  /** Whether spans hold what was said: inputs, outputs, messages of errors. @default true */
  traceIncludeSensitiveData?: boolean;
  /** Name of the trace and of the run's task. @default 'Agent workflow' */
  workflowName?: string;
  /** `trace_` and 32 hex digits. @default a random one */
  traceId?: string;
  /** Ties traces together, such as those of one conversation. */
  groupId?: string;
  traceMetadata?: Record<string, string>;
  tracing?: TracingConfig;
};

/** What holds for all runs of a runner. */
export type RunConfig = TraceConfig & {
  /** Used in place of the model of agents that name none. */
  model?: string | Model;
  /** Finds models by name. @default OpenAI */
  modelProvider?: ModelProvider;
  /** Under the agents' own settings. */
  modelSettings?: ModelSettings;
  /** What models cost, for `result.cost`. Made by `createPrices`. @default what `setDefaultPrices` was given, else none */
  prices?: Prices;
  /** Limits that runs share. Made by `createBudgets`. */
  budgets?: Budgets;
  /** For handoffs that have no filter of their own. */
  handoffInputFilter?: HandoffInputFilter;
  inputGuardrails?: InputGuardrail[];
  outputGuardrails?: OutputGuardrail<AgentOutputType>[];
  toolExecution?: ToolExecutionConfig;
  /** What happens when a model calls a tool that does not exist. @default 'raise_error' */
  toolNotFoundBehavior?: ToolNotFoundBehavior;
  /** What happens when a tool and a handoff have one name. @default 'warn' */
  toolNameCollisionPolicy?: ToolNameCollisionPolicy;
  sessionInputCallback?: SessionInputCallback;
  /** How much of its history a session gives to a run; each setting goes before the session's own. @default no limit */
  sessionSettings?: SessionSettings;
  /** How runs take turns on a session. */
  sessionTurn?: SessionTurnOptions;
  callModelInputFilter?: CallModelInputFilter;
  toolErrorFormatter?: ToolErrorFormatter;
  outputGuardrailBlockedMessage?: OutputGuardrailBlockedMessage;
  /** Whether reasoning items are sent back with their ids. @default 'preserve' */
  reasoningItemIdPolicy?: ReasoningItemIdPolicy;
  /** How long a stopped run waits for tools that ignore their signal, in milliseconds. @default 1000 */
  abortGraceMs?: number;
};

/** Limits of one run, and what happens where a call does not fit. */
export type RunBudgetOptions = RunLimit & BudgetPolicy;

type SharedRunOptions<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = Pick<
  RunConfig,
  | 'sessionInputCallback'
  | 'sessionSettings'
  | 'sessionTurn'
  | 'callModelInputFilter'
  | 'toolErrorFormatter'
  | 'outputGuardrailBlockedMessage'
  | 'prices'
  | 'budgets'
  | 'reasoningItemIdPolicy'
  | 'toolExecution'
  | 'toolNotFoundBehavior'
  | 'toolNameCollisionPolicy'
  | 'abortGraceMs'
  | 'tracing'
> & {
  /** Your object, or a context of an earlier run. Tools, guardrails and hooks get it; it is never sent to a model. */
  context?: TContext | RunContext<TContext>;
  /** How many model calls the run may make. `null`: any number. @default 10 */
  maxTurns?: number | null;
  /** Milliseconds that the run may take, model and tool calls included. @default no limit */
  timeoutMs?: number;
  /** What the run and the runs within it may spend: `{ usd: 0.5 }`. It counts in this process and in the run's log. */
  budget?: RunBudgetOptions;
  /** Aborts the run: model call, tools and sub-agents. */
  signal?: AbortSignal;
  /** Goes on from a response that the provider keeps. */
  previousResponseId?: string;
  /** Adds to a conversation that the provider keeps. */
  conversationId?: string;
  session?: Session;
  /** Keeps the run in a log, so that it survives its process. Pass it again when the run is resumed. */
  durable?: DurableOption;
  errorHandlers?: RunErrorHandlers<TContext, TAgent>;
};

/** The type of an agent's final output. */
export type OutputOfAgent<TAgent extends AnyAgent> = ResolvedAgentOutput<TAgent['outputType']>;

export type NonStreamRunOptions<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = SharedRunOptions<
  TContext,
  TAgent
> & { stream?: false };
export type StreamRunOptions<TContext = unknown, TAgent extends AnyAgent = AnyAgent> = SharedRunOptions<
  TContext,
  TAgent
> & { stream: true };
export type IndividualRunOptions<TContext = unknown, TAgent extends AnyAgent = AnyAgent> =
  | NonStreamRunOptions<TContext, TAgent>
  | StreamRunOptions<TContext, TAgent>;

/** Config and options of one run, merged. */
export type Settings = RunConfig & Omit<SharedRunOptions, 'context'> & { maxTurns: number | null; stream: boolean };

export const DEFAULT_MAX_TURNS = 10;

const OVERRIDES = [
  'sessionInputCallback',
  'sessionTurn',
  'callModelInputFilter',
  'toolErrorFormatter',
  'outputGuardrailBlockedMessage',
  'prices',
  'budgets',
  'reasoningItemIdPolicy',
  'toolExecution',
  'toolNotFoundBehavior',
  'toolNameCollisionPolicy',
  'abortGraceMs',
  'tracing',
] as const;

/**
 * Merges a runner's config and a run's options.
 *
 * @throws UserError that names the option, its value and what it takes.
 */
export function settle(config: RunConfig, options: IndividualRunOptions = {}): Settings {
  const { maxTurns = DEFAULT_MAX_TURNS, stream = false, context: _, ...rest } = options;
  const settings: Settings = { ...config, ...rest, maxTurns, stream };
  for (const key of OVERRIDES)
    if (options[key] === undefined && config[key] !== undefined) assign(settings, config, key);
  settings.sessionSettings = resolveSessionSettings(config.sessionSettings, options.sessionSettings);
  check(settings);
  return settings;
}

function assign<K extends (typeof OVERRIDES)[number]>(settings: Settings, config: RunConfig, key: K): void {
  settings[key] = config[key] as Settings[K];
}

/** What a run asks for later, so that a slip is told before anything is done. */
const MADE = {
  budgets: ['open', 'createBudgets({ limits: { run: { usd: 1 } } })'],
  prices: ['costOf', "createPrices({ models: { 'acme/large': { input: 2, output: 8 } } })"],
  modelProvider: ['getModel', 'new OpenAIProvider()'],
} as const;

function checkMade(settings: Settings): void {
  for (const name of ['budgets', 'prices', 'modelProvider'] as const) {
    const given: unknown = settings[name];
    const [method, example] = MADE[name];
    if (given === undefined || (Object(given) === given && method in Object(given))) continue;
    throw new UserError(`${name} is ${JSON.stringify(given)?.slice(0, 80)}. Give what makes one: ${example}.`);
  }
  const { budget }: { budget?: unknown } = settings;
  if (budget === undefined || Object(budget) === budget) return;
  throw new UserError(`budget is ${JSON.stringify(budget)}. Give an object, such as { usd: 0.5 }.`);
}

function check(settings: Settings): void {
  checkMade(settings);
  const { maxTurns, timeoutMs, abortGraceMs, toolExecution, toolNotFoundBehavior, toolNameCollisionPolicy } = settings;
  if (maxTurns !== null && !(typeof maxTurns === 'number' && maxTurns >= 0)) {
    throw new UserError(
      `maxTurns is ${typeof maxTurns === 'string' ? JSON.stringify(maxTurns) : String(maxTurns)}. Give the number of model calls that the run may make, or null for any.`,
    );
  }
  const session: unknown = settings.session;
  if (session !== undefined && !(typeof session === 'object' && session !== null && 'getItems' in session)) {
    throw new UserError(
      `session is ${typeof session === 'string' ? `"${session}"` : `a ${typeof session}`}. Pass a session: new MemorySession(), new SQLiteSession('user-1', { dbPath }), or one of your own.`,
    );
  }
  const signal: unknown = settings.signal;
  if (signal && !(typeof signal === 'object' && 'addEventListener' in signal)) {
    throw new UserError(
      `signal is ${signal instanceof AbortController ? 'an AbortController. Pass its `signal`' : `a ${typeof signal}. Pass an AbortSignal`}.`,
    );
  }
  positive('timeoutMs', timeoutMs);
  if (settings.durable && typeof settings.durable.store?.keep !== 'function') {
    throw new UserError('`durable` needs the store that keeps the run: { store: new RunStore({ log }), runId }.');
  }
  if (settings.sessionTurn) checkTurnOptions(settings.sessionTurn, settings.durable !== undefined);
  checkTimeout(settings.modelSettings?.timeoutMs);
  if (abortGraceMs !== undefined && !(abortGraceMs >= 0)) {
    throw new UserError(`abortGraceMs is ${abortGraceMs}. Give milliseconds, 0 or more.`);
  }
  const cap = toolExecution?.maxFunctionToolConcurrency;
  if (cap !== undefined && cap !== null && !(Number.isInteger(cap) && cap >= 1)) {
    throw new UserError(
      `toolExecution.maxFunctionToolConcurrency is ${cap}. Give a whole number above 0, or null for no limit.`,
    );
  }
  oneOf('toolNotFoundBehavior', toolNotFoundBehavior, ['raise_error', 'return_error_to_model']);
  oneOf('toolNameCollisionPolicy', toolNameCollisionPolicy, ['warn', 'error']);
}

function positive(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value > 0)) return;
  throw new UserError(`${name} is ${value}. Give milliseconds above 0, or leave it out for no limit.`);
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new UserError(`${name} is ${JSON.stringify(value)}. Use one of: ${allowed.join(', ')}.`);
}

declare module '../agent/as-tool.ts' {
  interface AgentToolRunConfig extends RunConfig {}
  interface AgentToolRunOptions extends Omit<NonStreamRunOptions, 'stream'> {}
}
