/** Finds models of a preset by name. */
import { UserError } from '../../../protocol/errors.ts';
import type { ModelProvider } from '../../../protocol/model.ts';
import { LiteLLMModel, type LiteLLMModelOptions } from './litellm.ts';
import { LlamaCppModel, LMStudioModel, OllamaModel, VLLMModel, type LlamaCppModelOptions } from './local.ts';
import { OpenRouterModel, type OpenRouterModelOptions } from './openrouter.ts';
import type { PresetModelOptions } from './preset.ts';

/** The options of each preset's models. */
export type PresetOptions = {
  litellm: LiteLLMModelOptions;
  openrouter: OpenRouterModelOptions;
  ollama: PresetModelOptions;
  vllm: PresetModelOptions;
  lmstudio: PresetModelOptions;
  'llama.cpp': LlamaCppModelOptions;
};

const MODELS: { [P in keyof PresetOptions]: new (options: PresetOptions[P]) => LiteLLMModel } = {
  litellm: LiteLLMModel,
  openrouter: OpenRouterModel,
  ollama: OllamaModel,
  vllm: VLLMModel,
  lmstudio: LMStudioModel,
  'llama.cpp': LlamaCppModel,
};

/**
 * A model provider for a preset, for a runner or a router.
 *
 * @throws UserError for an unknown preset; from `getModel` where neither the call nor the options name a model
 * @example
 * ```ts no-run
 * import { createPresetProvider, Runner } from '@baton/agents';
 *
 * const runner = new Runner({ modelProvider: createPresetProvider('ollama') });
 * ```
 */
export function createPresetProvider<P extends keyof PresetOptions>(
  preset: P,
  options: Partial<PresetOptions[P]> = {},
): ModelProvider {
  const Made = Object.hasOwn(MODELS, preset) ? MODELS[preset] : undefined;
  if (!Made) {
    throw new UserError(`There is no preset "${preset}". There are ${Object.keys(MODELS).join(', ')}.`);
  }
  return {
    getModel: (name) => new Made({ ...options, model: name || (options.model ?? '') } as unknown as PresetOptions[P]),
  };
}
