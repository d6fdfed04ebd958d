/** Several providers as one, told apart by the prefix of a model's name. */
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelProvider } from '../../protocol/model.ts';
import { splitPrefix, splitSettings, suggestion } from './parse.ts';
import { withSettings } from './with-settings.ts';

/** Providers by the prefix that their models' names have. */
export type ProviderMap = { readonly [prefix: string]: ModelProvider | ((model: string) => Model | Promise<Model>) };

export type ModelRegistryOptions = {
  /** The prefix of the provider that gets names without a registered one, as they are. @default none: an error */
  fallback?: string;
};

/**
 * Makes one provider of several: `anthropic/claude-opus-4-7` goes to the one that is registered as `anthropic`, which
 * gets `claude-opus-4-7`. What follows the prefix is taken verbatim. A last `?` holds settings of the model:
 * `openai/gpt-5.4?effort=high&maxTokens=4000` (`effort`, `verbosity`, `temperature`, `topP`, `maxTokens`, `timeoutMs`).
 *
 * @example
 * ```ts
 * import { AnthropicProvider, createModelRegistry, OpenAIProvider, Runner } from '@baton/agents';
 *
 * const modelProvider = createModelRegistry({ openai: new OpenAIProvider(), anthropic: new AnthropicProvider() });
 * const runner = new Runner({ modelProvider, model: 'anthropic/claude-opus-4-7' });
 * ```
 * @throws UserError for a fallback that is not registered
 */
export function createModelRegistry(providers: ProviderMap, { fallback }: ModelRegistryOptions = {}): ModelRegistry {
  const prefixes = Object.keys(providers);
  if (fallback !== undefined && !Object.hasOwn(providers, fallback)) {
    throw new UserError(`createModelRegistry got fallback: "${fallback}", which is none of ${listed(prefixes)}.`);
  }
  for (const [prefix, provider] of Object.entries<unknown>(providers)) {
    if (isProvider(provider) || typeof provider === 'function') continue;
    const shown = typeof provider === 'object' ? 'an object without getModel()' : JSON.stringify(provider);
    throw new UserError(
      `The provider "${prefix}" is ${shown ?? 'undefined'}. Give one, such as new OpenAIProvider(), or a function that makes models.`,
    );
  }
  const resolve = (text: string): Resolved => {
    const { name, settings } = splitSettings(text);
    const split = splitPrefix(name);
    if (split && Object.hasOwn(providers, split.prefix)) return { prefix: split.prefix, model: split.rest, settings };
    if (fallback !== undefined) return { prefix: fallback, model: name, settings };
    throw unregistered(text, split?.prefix, prefixes);
  };
  return {
    checkModel: (text) => void resolve(text),
    resolve,
    async getModel(text = '') {
      const { prefix, model, settings } = resolve(text);
      const provider = providers[prefix];
      const found = await ask(provider, model);
      if (found) return withSettings(found, settings);
      throw new UserError(
        `The provider "${prefix}" gave no model for ${JSON.stringify(model)}. Let it give one, or throw.`,
      );
    },
  };
}

/** A function, or a provider, which may be callable itself as routers are. */
function ask(provider: ProviderMap[string] | undefined, model: string): Model | Promise<Model> | undefined {
  if (isProvider(provider)) return provider.getModel(model);
  return provider?.(model);
}

type Resolved = { prefix: string; model: string; settings: ReturnType<typeof splitSettings>['settings'] };

export type ModelRegistry = ModelProvider & {
  /** @throws UserError for a name that no provider is registered for, or with a setting that it cannot have */
  checkModel(name: string): void;
  /** What a name means. */
  resolve(name: string): Resolved;
};

const isProvider = (value: unknown): value is ModelProvider =>
  (typeof value === 'object' || typeof value === 'function') && value !== null && 'getModel' in value;

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));

export function unregistered(text: string, prefix: string | undefined, prefixes: readonly string[]): UserError {
  const near = prefix === undefined ? undefined : suggestion(prefix, prefixes);
  const why =
    prefix === undefined
      ? 'it has no prefix that says whose model it is'
      : `no provider is registered as "${prefix}"${near === undefined ? '' : `; did you mean "${near}"?`}`;
  return new UserError(`The model ${JSON.stringify(text)} cannot be found: ${why}. Registered: ${listed(prefixes)}.`);
}
