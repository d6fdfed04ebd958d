/** What models cost, and who knows it. */
import type { ModelResponse, Origin, UsageData } from '../../protocol/model.ts';

/** Prices in US dollars for a million tokens. */
export type TokenPrices = {
  input: number;
  output: number;
  /** Input read from a cache. @default the price of input */
  cachedInput?: number;
  /** Input written to a cache for 5 minutes, or for the provider's only time. @default the price of input */
  cacheWrite?: number;
  /** Input written to a cache for an hour. @default unknown where `cacheWrite` is given, else the price of input */
  cacheWrite1h?: number;
  /** The part of the output that is reasoning. @default the price of output */
  reasoning?: number;
  /** Sound in the input, and in the output. @default unknown: such a call is not priced */
  inputAudio?: number;
  outputAudio?: number;
};

/** A tier holds for the whole request, once its input has more than `above` tokens. */
export type PriceTier = Partial<TokenPrices> & { above: number };

/** The price of a model. */
export type ModelPrice = TokenPrices & {
  /** For long contexts. */
  tiers?: readonly PriceTier[];
  /** US dollars for each request, on top. @default 0 */
  perRequest?: number;
};

/** Which model is to be priced: the parts of an origin that a price depends on. */
export type PricedModel = Pick<Origin, 'provider' | 'model'>;

/** A price, and where it comes from. `fuzzy`: it is that of a model with a similar name; `id` says of which. */
export type FoundPrice = { id: string; price: ModelPrice; fuzzy?: true };

/** What a call cost, in integers of 10^-9 US dollars, and which price that rests on. */
export type CallCost = { nanoUsd: number; price: { id: string; fuzzy?: true } };

/** What is known about a call when it is to be priced. */
export type PricedCall = {
  origin: PricedModel | undefined;
  usage: UsageData | undefined;
  /** What was answered, and with which headers: some providers say what it cost, and that beats every price. */
  response?: Pick<ModelResponse, 'rawUsage' | 'providerData'>;
  headers?: unknown;
};

/** Prices of models. Made by `createPrices`. */
export interface Prices {
  /** Loads the catalog. Must have resolved before the other two are used; resolves at once where it has. */
  load(): Promise<void>;
  /** The price of a model; `undefined` where it is not known. Prices of some models depend on the time. */
  find(model: PricedModel, at?: Date): FoundPrice | undefined;
  /** What a call cost; `undefined` where that is not known. Never 0 for want of a price. */
  costOf(call: PricedCall): CallCost | undefined;
}
