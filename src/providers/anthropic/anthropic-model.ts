/** Claude, and other models behind the Messages API: what is made at once. What asks them is model.ts. */
import { LateModel, type LateAdvice } from '../../model/late-model.ts';
import type { Origin } from '../../protocol/items.ts';
import type { Model, ModelRequest, ModelResponse, ModelRetryAdviceRequest, StreamEvent } from '../../protocol/model.ts';
import { createAnthropicClient, type AnthropicClient, type AnthropicClientOptions } from './client.ts';
import type { AnthropicModelOptions, MessagesModel } from './model.ts';

/**
 * Asks a model through Anthropic's Messages API.
 *
 * @param client options for a client of ours, or a client with the shape of the official one: `new Anthropic()`
 * @param model the model's name, such as `claude-opus-4-7`
 */
export class AnthropicModel implements Model {
  readonly origin: Origin;
  readonly #late: LateModel<MessagesModel>;

  constructor(client: AnthropicClient | AnthropicClientOptions, model: string, options: AnthropicModelOptions = {}) {
    const { provider = 'anthropic', project } = options;
    const own = 'messages' in client ? client : createAnthropicClient(client);
    const origin = { provider, api: 'anthropic', model, ...(project !== undefined && { project }) };
    this.origin = Object.freeze(origin);
    this.#late = new LateModel(async () => new (await import('./model.ts')).MessagesModel(own, this.origin, options));
  }

  /** @throws ModelError the request failed. @throws ModelResponseError the token limit left no room for an answer. */
  getResponse(request: ModelRequest): Promise<ModelResponse> {
    return this.#late.getResponse(request);
  }

  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    return this.#late.getStreamedResponse(request);
  }

  getRetryAdvice(args: ModelRetryAdviceRequest): LateAdvice {
    return this.#late.getRetryAdvice(args);
  }
}
