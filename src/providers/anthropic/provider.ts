/** Finds Anthropic's models by name. */
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelProvider } from '../../protocol/model.ts';
import { createAnthropicClient, type AnthropicClient, type AnthropicClientOptions } from './client.ts';
import { AnthropicModel } from './anthropic-model.ts';
import type { AnthropicModelOptions } from './model.ts';

export type AnthropicProviderOptions = AnthropicClientOptions &
  AnthropicModelOptions & {
    /** A client to use instead: `new Anthropic()`. Excludes `apiKey`, `baseURL`, `fetch` and `timeouts`. */
    client?: AnthropicClient;
  };

/** The model of agents that name none. */
const DEFAULT_MODEL_VARIABLE = 'ANTHROPIC_DEFAULT_MODEL';

/** Anthropic, or any server that speaks its Messages API. */
export class AnthropicProvider implements ModelProvider {
  readonly #client: AnthropicClient;
  readonly #options: AnthropicModelOptions;

  /** @throws UserError when a client and options for making one are both given */
  constructor({ client, apiKey, baseURL, fetch, timeouts, ...options }: AnthropicProviderOptions = {}) {
    const own = { apiKey, baseURL, fetch, timeouts };
    const given = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    if (client && given.length > 0) {
      throw new UserError(`Give either client or ${given.join(', ')}: a client brings its own.`);
    }
    this.#client = client ?? createAnthropicClient(own);
    this.#options = options;
  }

  /**
   * @param modelName @default the environment variable ANTHROPIC_DEFAULT_MODEL
   * @throws UserError where neither names a model
   */
  getModel(modelName?: string): Model {
    const name = modelName || globalThis.process?.env[DEFAULT_MODEL_VARIABLE]?.trim();
    if (name) return new AnthropicModel(this.#client, name, this.#options);
    throw new UserError(
      `No model was named, and ${DEFAULT_MODEL_VARIABLE} is not set. Give the agent a model, such as 'claude-opus-4-7'.`,
    );
  }
}
