/** Models behind OpenRouter: openrouter.ai/docs/api-reference and /docs/use-cases/usage-accounting. */
import type { Answered, ChatDialect } from '../chat/dialect.ts';
import { OpenAIChatCompletionsModel } from '../chat/model.ts';
import { compact, isObject, type Json } from '../json.ts';
import { numberIn } from './dialects.ts';
import { presetArguments, type Preset, type PresetModelOptions } from './preset.ts';

export type OpenRouterModelOptions = PresetModelOptions & {
  /** Your application, for OpenRouter's rankings: `HTTP-Referer` and `X-Title`. */
  app?: { url?: string; title?: string };
};

const DIALECT: ChatDialect = {
  name: 'OpenRouter',
  // Without it, answers do not say what they cost.
  request: (body) => ({ usage: { include: true }, ...body }),
  facts: ({ usage }: Answered): Json | undefined => {
    const costUsd = isObject(usage) ? numberIn(usage['cost']) : undefined;
    return costUsd === undefined ? undefined : { costUsd };
  },
};

export const OPENROUTER: Preset = {
  provider: 'openrouter',
  dialect: DIALECT,
  baseURL: { variable: 'OPENROUTER_BASE_URL', otherwise: 'https://openrouter.ai/api/v1' },
  key: { variable: 'OPENROUTER_API_KEY', required: true },
};

/**
 * A model behind OpenRouter, by its name there: `anthropic/claude-opus-4-7`. What an answer cost is in
 * `response.providerData.openrouter.costUsd`, also for streams. `providerData: { provider: { … } }` among the settings
 * chooses who serves it.
 *
 * @throws UserError without a model; at the first call without `apiKey` and OPENROUTER_API_KEY
 */
export class OpenRouterModel extends OpenAIChatCompletionsModel {
  constructor({ app, ...options }: OpenRouterModelOptions) {
    const own = compact({ 'http-referer': app?.url, 'x-title': app?.title }) as Record<string, string>;
    super(...presetArguments(OPENROUTER, { ...options, headers: { ...own, ...options.headers } }));
  }
}
