/**
 * What goes to a model and what comes back. Plain data, but for the abort signal.
 */
import type {
  AgentInputItem,
  AgentOutputItem,
  InputFile,
  InputImage,
  InputText,
  Origin,
  ProviderData,
} from './items.ts';
import type { JsonObjectSchema, JsonSchemaDefinition } from './json.ts';
import type { Usage } from './usage.ts';

export type { Origin } from './items.ts';

export type ModelSettingsToolChoice = 'auto' | 'required' | 'none' | (string & {});
export type ModelSettingsReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max' | null;
export type ModelSettingsReasoning = {
  effort?: ModelSettingsReasoningEffort;
  summary?: 'auto' | 'concise' | 'detailed' | null;
  context?: 'auto' | 'current_turn' | 'all_turns' | null;
  mode?: 'standard' | 'pro' | (string & {});
};
export type ModelSettingsText = { verbosity?: 'low' | 'medium' | 'high' | null };
export type ModelSettingsPromptCacheOptions = { mode?: 'implicit' | 'explicit'; ttl?: '30m' };
export type ModelSettingsContextManagement = Array<{
  type: 'compaction' | (string & {});
  compactThreshold?: number;
  compact_threshold?: number;
  [key: string]: unknown;
}>;

/** Sampling, tool choice, limits. What a model does not support is ignored or refused by its adapter. */
export type ModelSettings = {
  /** Milliseconds that one model request may take in all, stream included. @default no limit */
  timeoutMs?: number;
  temperature?: number;
  topP?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  /** `auto`, `required`, `none`, or a tool's name. */
  toolChoice?: ModelSettingsToolChoice;
  parallelToolCalls?: boolean;
  truncation?: 'auto' | 'disabled';
  /** The most tokens that the reply may have. */
  maxTokens?: number;
  /** Whether the provider keeps the response. */
  store?: boolean;
  promptCacheRetention?: 'in-memory' | '24h' | null;
  promptCacheOptions?: ModelSettingsPromptCacheOptions;
  contextManagement?: ModelSettingsContextManagement;
  reasoning?: ModelSettingsReasoning;
  text?: ModelSettingsText;
  /** Sent as is, on top of everything else. */
  providerData?: Record<string, unknown>;
  retry?: ModelRetrySettings;
  /** Keep the provider's usage object as `rawUsage`. @default false */
  preserveRawUsage?: boolean;
};

export type RetryDecision =
  | boolean
  | { retry: boolean; delayMs?: number; reason?: string; approveUnsafeReplay?: boolean };

export type ModelRetryNormalizedError = {
  statusCode?: number;
  retryAfterMs?: number;
  errorCode?: string;
  isNetworkError: boolean;
  isAbort: boolean;
};

/** What a model knows about an error of its own: whether and when it is worth asking again. */
export type ModelRetryAdvice = {
  suggested?: boolean;
  retryAfterMs?: number;
  reason?: string;
  replaySafety?: 'unsafe' | 'safe';
  responseStarted?: boolean;
  normalized?: Partial<ModelRetryNormalizedError>;
};

export type RetryPolicyContext = {
  error: unknown;
  /** The attempt that failed, from 1. */
  attempt: number;
  maxRetries: number;
  stream: boolean;
  providerAdvice?: ModelRetryAdvice;
  normalized: ModelRetryNormalizedError;
  readonly previousResponseId?: string;
  readonly conversationId?: string;
  readonly replaySafety?: 'safe' | 'unsafe' | 'unknown';
  readonly responseStarted?: boolean;
  readonly statefulRequest?: boolean;
};
export type RetryPolicy = (context: RetryPolicyContext) => RetryDecision | Promise<RetryDecision>;
export type ModelRetryBackoffSettings = {
  /** @default 250 */
  initialDelayMs?: number;
  /** @default 2000 */
  maxDelayMs?: number;
  /** @default 2 */
  multiplier?: number;
  /** Spread each wait by ±12.5 %. @default true */
  jitter?: boolean;
};
/** Nothing is retried unless both `maxRetries` and `policy` are given. */
export type ModelRetrySettings = {
  /** @default 0 */
  maxRetries?: number;
  backoff?: ModelRetryBackoffSettings;
  policy?: RetryPolicy;
};

export type ToolAllowedCaller = 'direct' | 'programmatic';

export type SerializedFunctionTool = {
  type: 'function';
  name: string;
  description: string;
  parameters: JsonObjectSchema;
  strict: boolean;
  deferLoading?: boolean;
  providerData?: ProviderData;
  allowedCallers?: ToolAllowedCaller[];
  outputSchema?: JsonObjectSchema;
  namespace?: string;
  namespaceDescription?: string;
};
/** A tool that the provider runs, such as a web search. `providerData` is its wire definition. */
export type SerializedHostedTool = { type: 'hosted_tool'; name: string; providerData?: ProviderData };
export type SerializedTool = SerializedFunctionTool | SerializedHostedTool;
export type SerializedHandoff = {
  toolName: string;
  toolDescription: string;
  inputJsonSchema: JsonObjectSchema;
  strictJsonSchema: boolean;
};
export type SerializedOutputType = 'text' | JsonSchemaDefinition;

/** A prompt kept on the provider's side (OpenAI Responses only). */
export type Prompt = {
  promptId: string;
  version?: string;
  variables?: { [name: string]: string | InputText | InputImage | InputFile };
};

export type ModelTracing = boolean | 'enabled_without_data';

/** One request to a model. `input` must not be changed: it shares its items with the run. */
export type ModelRequest = {
  systemInstructions?: string;
  input: string | AgentInputItem[];
  previousResponseId?: string;
  conversationId?: string;
  modelSettings: ModelSettings;
  tools: SerializedTool[];
  /** Whether the agent was given a tools list, be it empty; with a prompt, it then replaces the prompt's tools. */
  toolsExplicitlyProvided?: boolean;
  outputType: SerializedOutputType;
  handoffs: SerializedHandoff[];
  tracing: ModelTracing;
  signal?: AbortSignal;
  prompt?: Prompt;
  overridePromptModel?: boolean;
  /** Whose call it is. Only models that declare `ownsRetry` are told. */
  call?: ModelCall;
  /** Whose words these are. Only models that declare `keepsRequests` are told. */
  keptFor?: KeptFor;
};

/** What a run tells a model that keeps what is said, so that it can be erased with the run. */
export type KeptFor = {
  /** Of a durable run. */
  runId?: string;
  sessionId?: string;
};

/** What a run tells a model that looks after its own retries. */
export type ModelCall = {
  /** `<run>/<effect>`: a repeat after a crash has the same one. */
  id: string;
  runId: string;
  agent: string;
  sessionId?: string;
  /** Whose budgets the run has. */
  tenant?: string;
  /** How often the call was begun again after a crash. 0 for most. */
  recoveries: number;
  /** Takes each attempt when it is over, in order. */
  onAttempt: (attempt: ModelCallAttempt) => void;
  /** Wraps each model before it is asked: a budget that must be able to pay for it. */
  guard?: (model: Model, origin: Origin | undefined) => Model;
};

/** One attempt of a model call, as a model that owns its retries reports it. Times in milliseconds. */
export type ModelCallAttempt = {
  /** Since the first one began. */
  at: number;
  ms: number;
  firstTokenMs?: number;
  error?: unknown;
  /** How long was waited after it. */
  delayMs?: number;
  target: string;
  origin?: Origin;
  usage?: UsageData;
  /** In integers of 10^-9 US dollars. Absent: not known. */
  nanoUsd?: number;
  /** `fuzzy`: the price of a similar name, or an estimate for what was aborted. */
  price?: { id: string; fuzzy?: true };
  /** The answer came from a cache; the attempt was begun beside another one that was slow. */
  cached?: true;
  hedged?: true;
};

/** What a model answered. */
export type ModelResponse = {
  usage: Usage;
  output: AgentOutputItem[];
  responseId?: string;
  requestId?: string;
  providerData?: Record<string, unknown>;
  rawUsage?: Record<string, unknown>;
};

export type StreamEventResponseStarted = { type: 'response_started'; providerData?: ProviderData };
export type StreamEventTextStream = {
  type: 'output_text_delta';
  delta: string;
  /** The message that the text belongs to, where the provider says it. */
  itemId?: string;
  providerData?: ProviderData;
};
export type StreamEventResponseCompleted = {
  type: 'response_done';
  response: {
    id: string;
    requestId?: string;
    usage: UsageData;
    output: AgentOutputItem[];
    providerData?: ProviderData;
    rawUsage?: Record<string, unknown>;
  };
  providerData?: ProviderData;
};
/** A provider's own event, passed on as it came. */
export type StreamEventGenericItem = { type: 'model'; event: unknown; providerData?: ProviderData };
/** What a model streams. The last event of a good stream is `response_done`. */
export type StreamEvent =
  | StreamEventResponseStarted
  | StreamEventTextStream
  | StreamEventResponseCompleted
  | StreamEventGenericItem;
export type ResponseStreamEvent = StreamEvent;

/** Usage as plain data, as `response_done` carries it. */
export type UsageData = {
  requests?: number;
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  inputTokensDetails?: Record<string, number> | Record<string, number>[];
  outputTokensDetails?: Record<string, number> | Record<string, number>[];
  requestUsageEntries?: Array<{
    inputTokens: number;
    outputTokens: number;
    totalTokens: number;
    inputTokensDetails?: Record<string, number>;
    outputTokensDetails?: Record<string, number>;
    endpoint?: string;
  }>;
};

export type ModelRetryAdviceRequest = { request: ModelRequest; error: unknown; stream: boolean; attempt: number };

/** A model: anything that answers a request, at once or as a stream. */
export interface Model {
  /** Whether the model takes its name from the prompt when the agent names none. */
  readonly supportsPromptModelSelection?: boolean;
  /** Who answers. Where it is set, what the model says can be marked with it. */
  readonly origin?: Origin;
  /**
   * The model retries by itself, keeps `modelSettings.timeoutMs` over all of its attempts, and reports them to
   * `request.call`: nobody else retries its calls. It wraps each model that it asks with `request.call.guard`, where there
   * is one: a budget sees nothing else of it.
   */
  readonly ownsRetry?: true;
  /** The model keeps what it is asked and answers, such as a recording: `request.keptFor` says whose it is. */
  readonly keepsRequests?: true;
  /** What the model lays under the settings of each request: a budget counts with it. */
  readonly ownSettings?: ModelSettings;
  getResponse(request: ModelRequest): Promise<ModelResponse>;
  getStreamedResponse(request: ModelRequest): AsyncIterable<StreamEvent>;
  getRetryAdvice?(args: ModelRetryAdviceRequest): Promise<ModelRetryAdvice | undefined> | ModelRetryAdvice | undefined;
}

/** Finds a model by its name. */
export interface ModelProvider {
  getModel(modelName?: string): Promise<Model> | Model;
  /** Throws for a name that it will not find. Asked before a run begins. */
  checkModel?(modelName: string): void;
  /** Its models retry by themselves, and report what their attempts cost: see `Model`. */
  readonly ownsRetry?: true;
}
