/** Finds OpenAI's models by name. */
import type { Model, ModelProvider } from '../../protocol/model.ts';
import { getDefaultModel } from '../../model/default-model.ts';
import type { ApiKey } from '../../model/vendor-http.ts';
import type { Fetch, WireTimeouts } from '../../wire/index.ts';
import { OpenAIChatCompletionsModel } from './chat/model.ts';
import { createOpenAIClient, type OpenAIClient } from './client.ts';
import { OpenAIResponsesModel } from './responses/model.ts';
import type { ResponsesWebSocketOptions } from './socket/connection.ts';
import type { OpenAIResponsesWSModel } from './socket/model.ts';
import { UserError } from '../../protocol/errors.ts';

export type OpenAIProviderOptions = {
  /** A key, or a function that is asked for one before each attempt. @default OPENAI_API_KEY, read at each call */
  apiKey?: ApiKey;
  /** @default OPENAI_BASE_URL, else https://api.openai.com/v1 */
  baseURL?: string;
  /** @default OPENAI_ORG_ID */
  organization?: string;
  /** @default OPENAI_PROJECT_ID */
  project?: string;
  /** Which API: `true` for Responses, `false` for Chat Completions, which most other servers speak. @default true */
  useResponses?: boolean;
  /** Ask the Responses API over WebSockets that stay open between calls. @default false */
  useResponsesWebSocket?: boolean;
  /** Where WebSockets lead. @default OPENAI_WEBSOCKET_BASE_URL, else `baseURL` with `wss:` */
  websocketBaseURL?: string;
  /** One model, and so one set of connections, a name. @default true */
  cacheResponsesWebSocketModels?: boolean;
  responsesWebSocketOptions?: ResponsesWebSocketOptions;
  /** Refuse what Chat Completions cannot do (stored prompts, conversations), else leave it out. @default false */
  strictFeatureValidation?: boolean;
  /** Who answers, where it is not OpenAI: histories of other providers are made to fit it. @default 'openai' */
  provider?: string;
  /** A client to use instead: `new OpenAI()`, `new AzureOpenAI()`. Excludes the options that make one. */
  openAIClient?: OpenAIClient;
  /** For proxies, tests and recordings. @default globalThis.fetch */
  fetch?: Fetch;
  /** How long the server may be silent, in milliseconds. @default 300_000 for headers and between chunks */
  timeouts?: WireTimeouts;
};

/** OpenAI, or any server that speaks one of its APIs. */
export class OpenAIProvider implements ModelProvider {
  readonly #options: OpenAIProviderOptions;
  readonly #client: OpenAIClient;
  readonly #onSockets = new Map<string, Promise<OpenAIResponsesWSModel>>();

  /** @throws UserError when a client and options for making one are both given */
  constructor(options: OpenAIProviderOptions = {}) {
    const { openAIClient, apiKey, baseURL, organization, project, fetch, timeouts } = options;
    const own = { apiKey, baseURL, organization, project, fetch, timeouts };
    const given = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    if (openAIClient && given.length > 0) {
      throw new UserError(`Give either openAIClient or ${given.join(', ')}: a client brings its own.`);
    }
    this.#options = options;
    this.#client = openAIClient ?? createOpenAIClient(own);
  }

  /** @param modelName @default the environment variable OPENAI_DEFAULT_MODEL, else gpt-5.4-mini */
  getModel(modelName?: string): Promise<Model> {
    if (this.#options.useResponsesWebSocket && this.#options.useResponses !== false) {
      return this.#onSocket(modelName || getDefaultModel());
    }
    const { useResponses = true, strictFeatureValidation = false, provider, project } = this.#options;
    const identity = { ...(provider !== undefined && { provider }), ...(project !== undefined && { project }) };
    const name = modelName || getDefaultModel();
    return Promise.resolve(
      useResponses
        ? new OpenAIResponsesModel(this.#client, name, identity)
        : new OpenAIChatCompletionsModel(this.#client, name, { ...identity, strictFeatureValidation }),
    );
  }

  /** Closes the WebSockets of its models, where there are any. */
  async close(): Promise<void> {
    const models = [...this.#onSockets.values()];
    this.#onSockets.clear();
    await Promise.all(models.map(async (model) => (await model).close()));
  }

  #onSocket(name: string): Promise<Model> {
    const { websocketBaseURL, cacheResponsesWebSocketModels = true, provider, project } = this.#options;
    const { responsesWebSocketOptions: websocketOptions } = this.#options;
    const known = this.#onSockets.get(name);
    if (known) return known;
    // Loaded where it is asked for: most programs speak HTTP.
    const made = import('./socket/late.ts').then(
      ({ OpenAIResponsesWSModel: OnSocket }) =>
        new OnSocket(this.#client, name, {
          ...(provider !== undefined && { provider }),
          ...(project !== undefined && { project }),
          ...(websocketBaseURL !== undefined && { websocketBaseURL }),
          // A model that nobody keeps must keep no connection.
          reuseConnection: cacheResponsesWebSocketModels,
          ...(websocketOptions && { websocketOptions }),
        }),
    );
    if (cacheResponsesWebSocketModels) this.#onSockets.set(name, made);
    return made;
  }
}
