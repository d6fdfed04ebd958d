export { OpenAIChatCompletionsModel } from './chat/model.ts';
export type { OpenAIChatCompletionsModelOptions } from './chat/model.ts';
export { createOpenAIClient } from './client.ts';
export type { OpenAIClient, OpenAIClientOptions, OpenAIEventStream, OpenAIRequestOptions } from './client.ts';
export { OpenAIProvider } from './provider.ts';
export type { OpenAIProviderOptions } from './provider.ts';
export {
  isOpenAIChatCompletionsRawModelStreamEvent,
  isOpenAIResponsesRawModelStreamEvent,
  OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE,
  OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE,
} from './raw-events.ts';
export type {
  OpenAIChatCompletionsRawModelStreamEvent,
  OpenAIRawModelEventSource,
  OpenAIResponsesRawModelStreamEvent,
} from './raw-events.ts';
export { OpenAIResponsesModel } from './responses/model.ts';
export { codeInterpreterTool, fileSearchTool, imageGenerationTool, webSearchTool } from './tools.ts';
export type {
  CodeInterpreterToolOptions,
  FileSearchToolOptions,
  ImageGenerationToolOptions,
  WebSearchToolOptions,
} from './tools.ts';
export { OpenAIResponsesCompactionSession } from './sessions/compaction-session.ts';
export type {
  OpenAIResponsesCompactionDecisionContext,
  OpenAIResponsesCompactionMode,
  OpenAIResponsesCompactionSessionOptions,
} from './sessions/compaction-session.ts';
export type { OpenAIConversationsClient } from './sessions/conversations-client.ts';
export { OpenAIConversationsSession, startOpenAIConversationsSession } from './sessions/conversations-session.ts';
export type { OpenAIConversationsSessionOptions } from './sessions/conversations-session.ts';
export { OPENAI_SESSION_API } from './sessions/history.ts';
export type { OpenAISessionAPI } from './sessions/history.ts';
