/** A vendor that bills: the oracle of the tests of budgets. It knows nothing of ledgers. */
import type { Model, ModelRequest, ModelResponse, Origin, StreamEvent } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { assistantMessage } from '../../testing/index.ts';
import { costOfUsage } from '../prices/compute.ts';
import type { ModelPrice } from '../prices/index.ts';

export type Order = { request: ModelRequest; call: number };
export type VendorOptions = {
  origin?: Origin;
  price: ModelPrice;
  /** Tokens that a call uses. @default as many as it could: a token a byte, and all output tokens that it is allowed */
  usage?: (order: Order) => { inputTokens: number; outputTokens: number };
  /** What happens beside the answer: a wait, an error before it, an error after it was billed. */
  before?: (order: Order) => Promise<void> | void;
  after?: (order: Order) => Promise<void> | void;
  midStream?: () => Promise<void>;
  output?: (order: Order) => ModelResponse['output'];
};

export const ACME: Origin = { provider: 'acme', api: 'acme', model: 'large-1' };

export class Vendor implements Model {
  readonly origin: Origin;
  readonly requests: ModelRequest[] = [];
  /** In nano-dollars. */
  bill = 0;
  tokens = 0;
  readonly #options: VendorOptions;

  constructor(options: VendorOptions) {
    this.#options = options;
    this.origin = options.origin ?? ACME;
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const { price, usage = worst, before, after, output } = this.#options;
    const order: Order = { request, call: this.requests.push(request) };
    await before?.(order);
    const { inputTokens, outputTokens } = usage(order);
    const used = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
    this.bill += costOfUsage(used, price) ?? 0;
    this.tokens += used.totalTokens;
    await after?.(order);
    return { usage: new Usage({ requests: 1, ...used }), output: output?.(order) ?? [assistantMessage('done')] };
  }

  async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent> {
    const { output, usage } = await this.getResponse(request);
    yield { type: 'response_started' };
    yield { type: 'output_text_delta', delta: 'done' };
    await this.#options.midStream?.();
    const { inputTokens, outputTokens, totalTokens } = usage;
    yield {
      type: 'response_done',
      response: { id: 'resp_1', output, usage: { inputTokens, outputTokens, totalTokens } },
    };
  }
}

/** Every byte a token, every token of output used. */
export function worst({ request }: Order): { inputTokens: number; outputTokens: number } {
  const { systemInstructions = '', input, tools, modelSettings } = request;
  const texts = [systemInstructions, JSON.stringify(input), ...tools.map((each) => JSON.stringify(each))];
  return {
    inputTokens: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    // A vendor's own limit, where none is imposed.
    outputTokens: modelSettings.maxTokens ?? 128_000,
  };
}
