/**
 * Everything that agents need; test helpers are in `@baton/agents/testing`.
 *
 * Each name is public for good, so each is listed. What is not of `@openai/agents` stands under "Own additions".
 */

// Agents
export {
  Agent,
  AgentHooks,
  defineOutputGuardrail,
  getHandoff,
  getTransferMessage,
  Handoff,
  handoff,
  InputGuardrailTripwireTriggered,
  OutputGuardrailTripwireTriggered,
  RuntimeEventEmitter,
} from './agent/index.ts';
export type {
  AgentConfiguration,
  AgentConfigWithHandoffs,
  AgentHookEvents,
  AgentOptions,
  AgentOutputType,
  AgentTool,
  AgentToolInvocation,
  AgentToolOptions,
  AgentToolOptionsWithDefault,
  AgentToolOptionsWithParameters,
  FunctionToolResult,
  GuardrailFunctionOutput,
  HandoffCloneOptions,
  HandoffEnabledFunction,
  HandoffInputData,
  InputGuardrail,
  InputGuardrailFunction,
  InputGuardrailFunctionArgs,
  InputGuardrailMetadata,
  InputGuardrailResult,
  OutputGuardrail,
  OutputGuardrailDefinition,
  OutputGuardrailFunction,
  OutputGuardrailFunctionArgs,
  OutputGuardrailMetadata,
  OutputGuardrailResult,
  RunHookEvents,
  TextOutput,
  Tool,
  ToolsToFinalOutputResult,
  ToolToFinalOutputFunction,
  ToolUseBehavior,
  ToolUseBehaviorFlags,
  UnknownContext,
} from './agent/index.ts';

// Runs
export {
  getDefaultOpenAIClient,
  run,
  Runner,
  RunResult,
  RunState,
  setDefaultModelProvider,
  setDefaultOpenAIClient,
  setDefaultOpenAIKey,
  setOpenAIAPI,
  setOpenAIResponsesTransport,
  StreamedRunResult,
  withResponsesWebSocketSession,
} from './run/index.ts';
export type { ResponsesWebSocketSession, ResponsesWebSocketSessionOptions } from './run/index.ts';
export type {
  CallModelInputFilter,
  CallModelInputFilterArgs,
  IndividualRunOptions,
  ModelInputData,
  NonStreamRunOptions,
  CompletedAgentToolInvocationRunResult,
  OutputGuardrailBlockedMessageArgs,
  OutputGuardrailBlockedMessageFormatter,
  ReasoningItemIdPolicy,
  RunConfig,
  TraceConfig,
  RunErrorData,
  RunErrorHandler,
  RunErrorHandlerInput,
  RunErrorHandlerResult,
  RunErrorHandlers,
  RunErrorKind,
  StreamRunOptions,
  ToolErrorFormatter,
  ToolErrorFormatterArgs,
  ToolErrorKind,
  ToolExecutionConfig,
  ToolNameCollisionPolicy,
  ToolNotFoundBehavior,
} from './run/index.ts';

// Traces: each name is listed there, those of our own under "Own additions"
export * from './trace/index.ts';

// Metrics and alerts
export * from './trace/metrics/index.ts';

// Items and stream events
export {
  extractAllTextOutput,
  RunAgentUpdatedStreamEvent,
  RunCompactionItem,
  RunHandoffCallItem,
  RunHandoffOutputItem,
  RunInputItem,
  RunItemStreamEvent,
  RunMessageOutputItem,
  RunRawModelStreamEvent,
  RunReasoningItem,
  RunToolApprovalItem,
  RunToolCallItem,
  RunToolCallOutputItem,
  RunToolSearchCallItem,
  RunToolSearchOutputItem,
} from './agent/index.ts';
export type { RunItem, RunItemStreamEventName, RunStreamEvent } from './agent/index.ts';
export { assistant, system, user } from './protocol/items.ts';
export type * as protocol from './protocol/index.ts';
export type {
  AgentInputItem,
  AgentOutputItem,
  ApplyPatchCallItem,
  ApplyPatchCallResultItem,
  ApplyPatchOperation,
  AssistantMessageItem,
  CompactionItem,
  ComputerCallResultItem,
  ComputerUseCallItem,
  FunctionCallItem,
  FunctionCallResultItem,
  HostedToolCallItem,
  ProgramCallItem,
  ProgramCallResultItem,
  ReasoningItem,
  ShellAction,
  ShellCallItem,
  ShellCallResultItem,
  SystemMessageItem,
  ToolCaller,
  ToolCallOutputContent,
  ToolCallStructuredOutput,
  ToolOutputFileContent,
  ToolOutputImage,
  ToolOutputText,
  ToolSearchCallItem,
  ToolSearchOutputItem,
  UnknownItem,
  UserMessageItem,
} from './protocol/items.ts';

// Tools
export {
  defineToolInputGuardrail,
  defineToolOutputGuardrail,
  invokeFunctionTool,
  resolveToolInputGuardrails,
  resolveToolOutputGuardrails,
  RunContext,
  runToolInputGuardrails,
  runToolOutputGuardrails,
  tool,
  ToolGuardrailFunctionOutputFactory,
  ToolInputGuardrailTripwireTriggered,
  toolNamespace,
  ToolOutputGuardrailTripwireTriggered,
} from './tools/index.ts';
export type {
  FunctionTool,
  FunctionToolCustomDataContext,
  FunctionToolCustomDataExtractor,
  FunctionToolTimeoutBehavior,
  HostedTool,
  ToolAllowedCallers,
  ToolEnabledFunction,
  ToolExecuteArgument,
  ToolGuardrailBehavior,
  ToolGuardrailFunctionOutput,
  ToolGuardrailMetadata,
  ToolInputGuardrailData,
  ToolInputGuardrailDefinition,
  ToolInputGuardrailFunction,
  ToolInputGuardrailResult,
  ToolInputParameters,
  ToolNamespaceOptions,
  ToolOptions,
  ToolOptionsWithGuardrails,
  ToolOutputCustomData,
  ToolOutputGuardrailData,
  ToolOutputGuardrailDefinition,
  ToolOutputGuardrailFunction,
  ToolOutputGuardrailResult,
  ToolOutputSchema,
  ToolTimeoutErrorFunction,
} from './tools/index.ts';
export type { StandardSchemaWithJSON } from './schema/index.ts';
export type { JsonSchemaDefinition } from './protocol/json.ts';

// Models
export {
  getDefaultModel,
  getDefaultModelSettings,
  gpt5ReasoningSettingsRequired,
  isGpt5Default,
  OPENAI_DEFAULT_MODEL_ENV_VARIABLE_NAME,
  retryPolicies,
} from './model/index.ts';
export { RequestUsage, Usage } from './protocol/usage.ts';
export type { RequestUsageInput, UsageInput } from './protocol/usage.ts';
export type {
  Model,
  ModelProvider,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  ModelRetryBackoffSettings,
  ModelRetryNormalizedError,
  ModelRetrySettings,
  ModelSettings,
  ModelSettingsContextManagement,
  ModelSettingsToolChoice,
  ResponseStreamEvent,
  RetryDecision,
  RetryPolicy,
  RetryPolicyContext,
  SerializedHandoff,
  SerializedOutputType,
  SerializedTool,
  StreamEvent,
  StreamEventGenericItem,
  StreamEventResponseCompleted,
  StreamEventResponseStarted,
  StreamEventTextStream,
  ToolAllowedCaller,
} from './protocol/model.ts';
export {
  codeInterpreterTool,
  fileSearchTool,
  imageGenerationTool,
  isOpenAIChatCompletionsRawModelStreamEvent,
  isOpenAIResponsesRawModelStreamEvent,
  OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE,
  OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE,
  OpenAIChatCompletionsModel,
  OpenAIProvider,
  OpenAIResponsesModel,
  OpenAIResponsesWSModel,
  webSearchTool,
} from './providers/openai/index.ts';
export type {
  OpenAIChatCompletionsModelOptions,
  OpenAIChatCompletionsRawModelStreamEvent,
  OpenAIProviderOptions,
  OpenAIRawModelEventSource,
  OpenAIResponsesRawModelStreamEvent,
  OpenAIResponsesWSModelOptions,
  OpenSocket,
  ResponsesWebSocketOptions,
  SocketLike,
} from './providers/openai/index.ts';

// Sessions
export {
  applySessionHistoryMutations,
  isOpenAIResponsesCompactionAwareSession,
  isRunContextAwareSession,
  isSessionHistoryRewriteAwareSession,
  isSessionHistoryTransactionAwareSession,
  MemorySession,
} from './session/index.ts';
export type {
  MemorySessionOptions,
  OpenAIResponsesCompactionArgs,
  OpenAIResponsesCompactionAwareSession,
  OpenAIResponsesCompactionResult,
  RunContextAwareSession,
  Session,
  SessionHistoryAppendItemsTransaction,
  SessionHistoryMutation,
  SessionHistoryReplaceSuffixTransaction,
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransaction,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
  SessionInputCallback,
} from './session/index.ts';

// Errors
export {
  AgentsError,
  GuardrailExecutionError,
  InvalidToolOutputError,
  MaxTurnsExceededError,
  ModelBehaviorError,
  ModelRefusalError,
  ModelTimeoutError,
  SystemError,
  ToolCallError,
  ToolTimeoutError,
  UserError,
} from './protocol/errors.ts';

// Traces to other systems
export {
  OpenAITracingExporter,
  setDefaultOpenAITracingExporter,
  setTracingExportApiKey,
} from './trace/export/index.ts';
export type { OpenAITracingExporterOptions } from './trace/export/index.ts';

// Own additions
export { flushTraces, OTLPTraceExporter, traceFromHeaders, traceHeaders } from './trace/export/index.ts';
export type {
  DropReason,
  ExportProblem,
  ExportStats,
  FlushTracesOptions,
  OTLPHeaders,
  OTLPTraceExporterOptions,
} from './trace/export/index.ts';
// Into an application's OpenTelemetry, Sentry, diagnostics channels
export { channelProcessor, openTelemetryProcessor, sentryProcessor } from './trace/bridges/index.ts';
export type {
  ChannelMessage,
  ChannelProcessorOptions,
  OpenTelemetryApi,
  OpenTelemetryProcessorOptions,
  OpenTelemetryTracerProvider,
  SentryNamespace,
  SentryProcessorOptions,
} from './trace/bridges/index.ts';
export { createRedactor } from './wire/index.ts';
export type { RedactionOptions, Redactor } from './wire/index.ts';
export { RunAgentToolStreamEvent, RunHooks, RunItemBase } from './agent/index.ts';
export type {
  AgentToolEventHandler,
  AgentToolEventName,
  AgentToolParameters,
  AgentToolResult,
  AgentToolRunConfig,
  AgentToolRunOptions,
  AgentToolStreamEvent,
  AnyAgent,
  HandoffConfig,
  HandoffInput,
  HandoffInputFilter,
  HandoffsOutputUnion,
  ResolvedAgentOutput,
  StructuredToolInputBuilder,
  StructuredToolInputBuilderOptions,
  UsableTool,
} from './agent/index.ts';
export type { RunEvent, Status as RunStatus } from './kernel/index.ts';
/** What a run's log holds, as types: the parts of `RunEvent`. */
export type * as events from './kernel/events.ts';
export { InvalidToolInputError, RunTimeoutError } from './protocol/errors.ts';
export type { ErrorState } from './protocol/errors.ts';
export type {
  AssistantContent,
  ItemStatus,
  MessageItem,
  ModelItem,
  ProviderData,
  ToolCallItem,
  ToolCallResultItem,
  UserContent,
} from './protocol/items.ts';
export type { Json, JsonObjectSchema, JsonSchema } from './protocol/json.ts';
export type {
  ModelTracing,
  Prompt,
  SerializedFunctionTool,
  SerializedHostedTool,
  UsageData,
} from './protocol/model.ts';
/** These two rooms list their public names themselves. */
export * from './providers/ai-sdk/index.ts';
export * from './providers/anthropic/index.ts';
// Presets of the OpenAI adapters
export {
  AzureOpenAIProvider,
  createPresetProvider,
  LiteLLMModel,
  LlamaCppModel,
  LMStudioModel,
  OllamaModel,
  OpenRouterModel,
  VLLMModel,
} from './providers/openai/index.ts';
export type {
  ApiKey,
  ApiKeyContext,
  AzureDeployment,
  AzureOpenAIProviderOptions,
  ChatAnswered,
  ChatDialect,
  LiteLLMModelOptions,
  OpenAIModelIdentity,
  OpenRouterModelOptions,
  PresetConnection,
  LlamaCppModelOptions,
  PresetModelOptions,
  PresetOptions,
  PresetSettings,
} from './providers/openai/index.ts';
export { createOpenAIClient } from './providers/openai/index.ts';
export type {
  CodeInterpreterToolOptions,
  FileSearchToolOptions,
  ImageGenerationToolOptions,
  OpenAIClient,
  OpenAIClientOptions,
  OpenAIEventStream,
  OpenAIRequestOptions,
  WebSearchToolOptions,
} from './providers/openai/index.ts';
export { setDefaultModel, stateOfError } from './run/index.ts';
export type {
  ContextStrategy,
  Envelope as RunStateEnvelope,
  OutputGuardrailBlockedMessage,
  OutputOfAgent,
  RunInput,
  SaveOptions as RunStateSaveOptions,
} from './run/index.ts';
export type { InferOutput, JsonSchemaInput, SchemaLike, StandardSchema } from './schema/index.ts';
export { SessionError, SQLiteSession } from './session/index.ts';
export type {
  SessionAppendOptions,
  SessionErrorCode,
  SessionErrorDetails,
  SessionHistoryReplaceFunctionCallMutation,
  SessionPosition,
  SessionRunContext,
  SQLiteSessionOptions,
} from './session/index.ts';
export type {
  ApprovalItem,
  Callback,
  ToolAgent,
  ToolApprovalFunction,
  ToolCallDetails,
  ToolErrorFunction,
  ToolExecuteFunction,
  ToolInputGuardrailInit,
  ToolOutputGuardrailInit,
  ToolResult,
} from './tools/index.ts';
export { isModelError, ModelError, ModelResponseError } from './wire/index.ts';
export type { Fetch, ModelErrorFacts, ModelErrorKind, WireTimeouts } from './wire/index.ts';
// Each of these names its own; there are no lines left here to repeat them.
export * from './providers/openai/sessions/index.ts';
export * from './session/sealed/index.ts';
export * from './session/branches/index.ts';
export { SummarizingSession, type SummarizingSessionOptions } from './run/index.ts';
export { estimateTokens, resolveSessionSettings, type SessionSettings, type TokenCounter } from './session/index.ts';

// History as a request, prices, routing, budgets
export * from './model/public.ts';
export { setDefaultPrices } from './run/index.ts';
export type { Cost, RunBudgetOptions, RunCost } from './run/index.ts';
export type { ModelCall, ModelCallAttempt } from './protocol/model.ts';

// Sessions in PostgreSQL and Redis
export { PostgresSession, RedisSession } from './session/index.ts';
export type {
  PostgresClient,
  PostgresPool,
  PostgresPoolClient,
  PostgresSessionOptions,
  RedisClient,
  RedisSessionOptions,
  StoredSessionOptions,
} from './session/index.ts';

// Durable runs; what a log of one's own must do is in `@baton/agents/log`
export { AlreadyDecided, DurableError, RunStore, runWorker } from './durable/index.ts';
export type * from './durable/index.ts';
export { LogError, memoryLog, postgresLog, sqliteLog, StoreBlocked } from './log/index.ts';
export type {
  EventLog,
  LogErrorCode,
  LogLimits,
  MemoryLogOptions,
  RunInfo,
  RunPage,
  PostgresLogOptions,
  RunQuery,
  SqliteLogOptions,
} from './log/index.ts';

// Places that can forget what was said, for `RunStore.erase` and `prune`
export { postgresSessions, redisSessions, sqliteSessions } from './session/index.ts';
export type {
  ErasablePlace,
  Erasure,
  PostgresSessionsOptions,
  RedisSessionsOptions,
  SessionPlace,
  SqliteSessionsOptions,
} from './session/index.ts';
export { storedTraces } from './trace/store/index.ts';
export type { StoredTracesOptions } from './trace/store/index.ts';

// Turns of runs on a session
export { isTurnAwareSession, SessionBusy } from './session/index.ts';
export type { HeldSessionTurn, SessionTurnChange, SessionTurnRequest, TurnAwareSession } from './session/index.ts';
export type { SessionTurnOptions } from './run/index.ts';

// A model in this process; loads node-llama-cpp on first use
export { downloadModel, LlamaModel, LocalModelError } from './providers/llama/index.ts';
export type {
  DownloadModelOptions,
  LlamaLibrary,
  LlamaModelOptions,
  LocalModelErrorCode,
} from './providers/llama/index.ts';
// The local trace store
export { openTraceStore, TraceStoreError, TraceStoreProcessor } from './trace/store/index.ts';
export type {
  OpenTraceStoreOptions,
  RunsFilter,
  StoredRun,
  StoredSpan,
  StoredTrace,
  TraceRetention,
  TraceStore,
  TraceStoreErrorCode,
  TraceStoreOptions,
  UsageRow,
} from './trace/store/index.ts';
