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
export type { OpenSocket, ResponsesWebSocketOptions, SocketLike } from './socket/connection.ts';
export { OpenAIResponsesWSModel } from './socket/model.ts';
export type { OpenAIResponsesWSModelOptions } from './socket/model.ts';
export { codeInterpreterTool, fileSearchTool, imageGenerationTool, webSearchTool } from './tools.ts';
export type {
  CodeInterpreterToolOptions,
  FileSearchToolOptions,
  ImageGenerationToolOptions,
  WebSearchToolOptions,
} from './tools.ts';
export { AzureOpenAIProvider } from './presets/azure.ts';
export type { AzureDeployment, AzureOpenAIProviderOptions } from './presets/azure.ts';
export { LiteLLMModel } from './presets/litellm.ts';
export type { LiteLLMModelOptions } from './presets/litellm.ts';
export { LlamaCppModel, LMStudioModel, OllamaModel, VLLMModel } from './presets/local.ts';
export type { LlamaCppModelOptions } from './presets/local.ts';
export { OpenRouterModel } from './presets/openrouter.ts';
export type { OpenRouterModelOptions } from './presets/openrouter.ts';
export type { PresetConnection, PresetModelOptions, PresetSettings } from './presets/preset.ts';
export { createPresetProvider } from './presets/provider.ts';
export type { PresetOptions } from './presets/provider.ts';
export type { ApiKey, ApiKeyContext } from '../../model/vendor-http.ts';
export type { OpenAIModelIdentity } from './history.ts';
export type { ChatDialect, Answered as ChatAnswered } from './chat/dialect.ts';
