export type { AnthropicCapabilities } from './capabilities.ts';
export { createAnthropicClient } from './client.ts';
export type {
  AnthropicClient,
  AnthropicClientOptions,
  AnthropicEventStream,
  AnthropicRequestOptions,
} from './client.ts';
export { ANTHROPIC_RAW_MODEL_EVENT_SOURCE, AnthropicModel } from './model.ts';
export type { AnthropicModelOptions } from './model.ts';
export { AnthropicProvider } from './provider.ts';
export type { AnthropicProviderOptions } from './provider.ts';
