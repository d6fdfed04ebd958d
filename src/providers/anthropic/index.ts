export type { AnthropicCapabilities } from './capabilities.ts';
export { AnthropicModel } from './anthropic-model.ts';
export { ANTHROPIC_RAW_MODEL_EVENT_SOURCE, createAnthropicClient } from './client.ts';
export type {
  AnthropicClient,
  AnthropicClientOptions,
  AnthropicEventStream,
  AnthropicRequestOptions,
} from './client.ts';
export type { AnthropicModelOptions } from './model.ts';
export { AnthropicProvider } from './provider.ts';
export type { AnthropicProviderOptions } from './provider.ts';
