/**
 * What a request can come to at most, at the prices of the one target that it goes to.
 *
 * B1 A token has at least one byte, so a text has no more tokens than bytes. B2 Of all prices that an answer of such a
 * size could be billed at (cache writes, reasoning, long-context tiers), the highest counts. B3 What nobody can bound
 * from here is refused, never guessed.
 */
import type { AgentInputItem } from '../../protocol/items.ts';
import type { ModelRequest, Origin } from '../../protocol/model.ts';
import type { ModelPrice, Prices, TokenPrices } from '../prices/index.ts';
import type { BudgetAmount } from './types.ts';

/** Counts the input tokens of a request, or says a number that is surely not lower; `undefined`: cannot. */
export type CountTokens = (request: ModelRequest, model: Origin | undefined) => number | undefined;

export type Bounding = {
  readonly origin: Origin | undefined;
  readonly prices: Prices;
  readonly countTokens: CountTokens | undefined;
  /** Whether a limit in money holds. */
  readonly money: boolean;
};

/** The bound as a function of the output tokens that the request is allowed. */
export type Bound = {
  readonly inputTokens: number;
  amount(outputTokens: number, inputTokens?: number): BudgetAmount;
  /** How many output tokens fit into what is left. */
  fitting(left: Partial<BudgetAmount>): number;
};

const UNITS_PER_PRICE = 1e6;
/** What vendors put around a request, and the words that they add where there are tools. */
const FRAME_TOKENS = 64;
const TOOL_FRAME_TOKENS = 1024;

/** Settings of the wire that change neither what is sent, nor how much is answered, nor what a token costs. */
const HARMLESS = new Set([
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'seed',
  'stop',
  'stop_sequences',
  'top_k',
  'min_p',
  'logit_bias',
  'verbosity',
  'stream_options',
]);

/** @returns the bound, or why there is none */
export function boundOf(request: ModelRequest, bounding: Bounding): Bound | string {
  const reason = unbounded(request);
  if (reason !== undefined) return reason;
  const { origin, prices, countTokens, money } = bounding;
  const inputTokens = countTokens?.(request, origin) ?? byteBound(request);
  if (typeof inputTokens === 'string') return inputTokens;
  if (!Number.isSafeInteger(inputTokens) || inputTokens < 0) return `countTokens gave ${inputTokens}`;
  if (!money) return boundAt(inputTokens, undefined, false);
  const found = origin && prices.find(origin);
  if (!origin || !found) {
    const name = origin ? `${origin.provider}/${origin.model}` : 'a model without a name';
    return `the price of ${name} is not known: give it with createPrices({ models })`;
  }
  if (found.fuzzy) {
    return (
      `${origin.provider}/${origin.model} has no price of its own, only that of a similar name (${found.id}): ` +
      'give it with createPrices({ models })'
    );
  }
  return boundAt(inputTokens, found.price, typeof request.input !== 'string' && request.input.some(hasMedia));
}

/** @param sounds whether some of the input may be billed as sound */
function boundAt(inputTokens: number, known: ModelPrice | undefined, sounds: boolean): Bound {
  const price = known && sounds ? asSound(known) : known;
  const amount = (output: number, input = inputTokens): BudgetAmount => ({
    nanoUsd: price ? nanoOf(price, input, output) : 0,
    tokens: input + output,
  });
  return {
    inputTokens,
    amount,
    fitting(left) {
      const byTokens = left.tokens === undefined ? Infinity : left.tokens - inputTokens;
      if (!price || left.nanoUsd === undefined) return byTokens;
      const each = (dearest(price, inputTokens).output * 1e9) / UNITS_PER_PRICE;
      // One nano-dollar less: the sum is rounded up.
      const room = left.nanoUsd - nanoOf(price, inputTokens, 0) - 1;
      const byMoney = each > 0 ? Math.floor(room / each) : room >= -1 ? Infinity : -1;
      return Math.min(byTokens, byMoney);
    },
  };
}

function nanoOf(price: ModelPrice, input: number, output: number): number {
  const most = dearest(price, input);
  const usdPerMillion = input * most.input + output * most.output;
  return Math.ceil((usdPerMillion * 1e9) / UNITS_PER_PRICE + (price.perRequest ?? 0) * 1e9);
}

/** The price where each token of the input could be one of sound. */
function asSound(price: ModelPrice): ModelPrice {
  const { input, inputAudio = input, tiers = [] } = price;
  return {
    ...price,
    input: Math.max(input, inputAudio),
    tiers: tiers.map((tier) => ({ ...tier, input: Math.max(tier.input ?? input, tier.inputAudio ?? inputAudio) })),
  };
}

/** The highest prices that a request with no more input than this can meet. */
function dearest(price: ModelPrice, input: number): Pick<TokenPrices, 'input' | 'output'> {
  const most = { input: 0, output: 0 };
  for (const tier of [price, ...(price.tiers ?? []).filter(({ above }) => input > above)]) {
    const at: TokenPrices = { ...price, ...tier };
    const write1h = at.cacheWrite1h ?? (at.cacheWrite === undefined ? 0 : 2 * at.input);
    most.input = Math.max(most.input, at.input, at.cachedInput ?? 0, at.cacheWrite ?? 0, write1h);
    most.output = Math.max(most.output, at.output, at.reasoning ?? 0);
  }
  return most;
}

/** Why nobody can say from here what the request comes to. */
function unbounded(request: ModelRequest): string | undefined {
  const { previousResponseId, conversationId, prompt, tools, modelSettings, input } = request;
  if (previousResponseId !== undefined || conversationId !== undefined) return 'the provider holds its history';
  if (prompt) return 'the provider holds its prompt';
  const hosted = tools.find(({ type }) => type === 'hosted_tool');
  if (hosted) return `the provider runs its tool "${hosted.name}"`;
  if (modelSettings.contextManagement) return 'modelSettings.contextManagement has the provider do work of its own';
  const mode = modelSettings.reasoning?.mode;
  if (mode !== undefined && mode !== 'standard') return `reasoning.mode "${mode}" may think more than once`;
  const setting = Object.keys(modelSettings.providerData ?? {}).find((key) => !HARMLESS.has(key));
  if (setting !== undefined) return `nobody knows what modelSettings.providerData.${setting} does to its cost`;
  if (typeof input === 'string') return undefined;
  const opaque = input.find(({ type }) => type !== undefined && OPAQUE.has(type));
  return opaque && `an item of type "${opaque.type}" stands for more than it says`;
}

/** What only the provider can read, or look up. */
const OPAQUE = new Set(['unknown', 'compaction', 'hosted_tool_call', 'tool_search_call', 'tool_search_output']);

function byteBound(request: ModelRequest): number | string {
  const { systemInstructions = '', input, tools, handoffs, outputType } = request;
  if (typeof input !== 'string' && input.some(hasMedia)) {
    return 'its images, files or sounds have no known number of tokens: give countTokens';
  }
  const parts = [systemInstructions, input, tools, handoffs, outputType === 'text' ? '' : outputType];
  const bytes = parts.reduce<number>((sum, part) => sum + Buffer.byteLength(JSON.stringify(part)), 0);
  return bytes + FRAME_TOKENS + (tools.length + handoffs.length > 0 ? TOOL_FRAME_TOKENS : 0);
}

const MEDIA = new Set(['input_image', 'input_file', 'audio', 'input_audio', 'image', 'file']);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function hasMedia(item: AgentInputItem): boolean {
  const parts: unknown[] = [];
  if ('content' in item && Array.isArray(item.content)) parts.push(...item.content);
  if ('output' in item) parts.push(...(Array.isArray(item.output) ? item.output : [item.output]));
  if (item.type === 'computer_call_result') return true;
  return parts.some((part) => isObject(part) && typeof part['type'] === 'string' && MEDIA.has(part['type']));
}
