/** The settings of runs that hold for the whole process, as the published API has them. */
import { type Prices, splitSettings } from '../model/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { Model, ModelProvider } from '../protocol/model.ts';
import { type OpenAIClient, OpenAIProvider } from '../providers/openai/index.ts';

type Defaults = {
  provider: ModelProvider | undefined;
  providerWasSet: boolean;
  model: string | Model | undefined;
  prices: Prices | undefined;
  openAI: { apiKey?: string; client?: OpenAIClient; useResponses?: boolean; useWebSocket?: boolean };
};

const defaults: Defaults = {
  provider: undefined,
  providerWasSet: false,
  model: undefined,
  prices: undefined,
  openAI: {},
};

/** The provider that finds models by name where a runner has none of its own. */
export function defaultProvider(): ModelProvider {
  if (defaults.provider) return defaults.provider;
  const { apiKey, client, useResponses, useWebSocket } = defaults.openAI;
  return (defaults.provider = new OpenAIProvider({
    ...(apiKey !== undefined && { apiKey }),
    ...(client && { openAIClient: client }),
    ...(useResponses !== undefined && { useResponses }),
    ...(useWebSocket !== undefined && { useResponsesWebSocket: useWebSocket }),
  }));
}

/**
 * Whether a provider is the one that is there without being set: `openai` at the vendor's own address, else `custom`.
 * What a program set itself gets names of models as they are.
 */
export function isOwnProvider(provider: ModelProvider): 'openai' | 'custom' | undefined {
  if (defaults.providerWasSet || provider !== defaults.provider) return undefined;
  const { client } = defaults.openAI;
  const baseURL = client ? client.baseURL : process.env['OPENAI_BASE_URL']?.trim() || OPENAI_URL;
  return baseURL?.startsWith(OPENAI_URL) === true ? 'openai' : 'custom';
}

const OPENAI_URL = 'https://api.openai.com/';

/** What `setDefaultModel` was given. */
export const defaultModel = (): string | Model | undefined => defaults.model;

/** Sets the provider that finds models by name. @example `setDefaultModelProvider(new OpenAIProvider({ baseURL }))` */
export function setDefaultModelProvider(provider: ModelProvider): void {
  defaults.provider = provider;
  defaults.providerWasSet = true;
}

/**
 * Sets the model of agents that name none, before OPENAI_DEFAULT_MODEL: a name, a `Model`, or a route of a router.
 * `undefined` sets it back.
 *
 * @throws UserError for a blank name, one with a wrong setting, or one that the default provider does not have.
 */
export function setDefaultModel(model: string | Model | undefined): void {
  const isModel = typeof model === 'object' && model !== null;
  if (model !== undefined && !isModel && (typeof model !== 'string' || model.trim() === '')) {
    throw new UserError(`setDefaultModel got ${JSON.stringify(model)}. Give the name of a model, or a Model.`);
  }
  if (typeof model === 'string') {
    const { provider } = defaults;
    // A provider that is set later may know the prefix: that is looked at when a run begins.
    if (provider?.checkModel) provider.checkModel(model);
    else if (!provider || isOwnProvider(provider)) splitSettings(model);
  }
  defaults.model = model;
}

/** What `setDefaultPrices` was given. */
export const defaultPrices = (): Prices | undefined => defaults.prices;

/** Sets the prices of runs that are given none. `undefined` sets it back: then nothing is priced. */
export function setDefaultPrices(prices: Prices | undefined): void {
  defaults.prices = prices;
}

/** Sets the key for OpenAI in place of OPENAI_API_KEY. */
export function setDefaultOpenAIKey(apiKey: string): void {
  changeOpenAI({ apiKey });
}

/** Sets the client for OpenAI: anything with the shape of the official one. */
export function setDefaultOpenAIClient(client: OpenAIClient): void {
  changeOpenAI({ client });
}

/** The client that `setDefaultOpenAIClient` set. */
export const getDefaultOpenAIClient = (): OpenAIClient | undefined => defaults.openAI.client;

/** Chooses which of OpenAI's wires is used. @default 'responses' */
export function setOpenAIAPI(api: 'responses' | 'chat_completions'): void {
  if (api !== 'responses' && api !== 'chat_completions') {
    throw new UserError(`setOpenAIAPI got ${JSON.stringify(api)}. Use 'responses' or 'chat_completions'.`);
  }
  changeOpenAI({ useResponses: api === 'responses' });
}

/** Chooses how the Responses API is asked. An open WebSocket keeps the process alive for a minute. @default 'http' */
export function setOpenAIResponsesTransport(transport: 'http' | 'websocket'): void {
  if (transport !== 'http' && transport !== 'websocket') {
    throw new UserError(`setOpenAIResponsesTransport got ${JSON.stringify(transport)}. Use 'http' or 'websocket'.`);
  }
  changeOpenAI({ useWebSocket: transport === 'websocket' });
}

function changeOpenAI(change: Defaults['openAI']): void {
  defaults.openAI = { ...defaults.openAI, ...change };
  if (defaults.provider && !(defaults.provider instanceof OpenAIProvider)) return;
  defaults.provider = undefined;
  defaults.providerWasSet = false;
}
