/**
 * Names of models, where the SDK's own provider finds them. Every other provider gets names as they are.
 */
import { agentToolSpec, type AnyAgent, Handoff } from '../agent/index.ts';
import { splitPrefix, splitSettings, unregistered } from '../model/index.ts';
import type { Model, ModelProvider, ModelSettings } from '../protocol/model.ts';
import { defaultModel, defaultProvider, isOwnProvider } from './defaults.ts';
import type { Settings } from './options.ts';

type Named = { name: string; settings?: ModelSettings };

/**
 * The name that a provider is asked for, and settings in it.
 *
 * @throws UserError for a provider that is not registered, or a setting that is not known
 */
export function nameFor(provider: ModelProvider, text: string): Named {
  if (!isOwnProvider(provider)) return { name: text };
  const named = splitSettings(text);
  // A server of one's own may call its models anything.
  const split = isOwnProvider(provider) === 'openai' ? splitPrefix(named.name) : undefined;
  if (!split) return named;
  if (split.prefix !== 'openai') throw unregistered(text, split.prefix, ['openai']);
  return { ...named, name: split.rest };
}

/** Looks at the names of models before anything is done. @throws UserError that names the model */
export function checkModelNames(root: AnyAgent, settings: Settings): void {
  const provider = settings.modelProvider ?? defaultProvider();
  const check = (model: string | Model | undefined): void => {
    if (typeof model !== 'string' || model === '') return;
    if (provider.checkModel) provider.checkModel(model);
    else if (/[/?]/.test(model)) nameFor(provider, model);
  };
  check(settings.model ?? defaultModel());
  check(root.model);
  if (root.handoffs.length === 0 && root.tools.length === 0) return;
  const seen = new Set<AnyAgent>([root]);
  for (const { handoffs, tools } of seen) {
    for (const target of handoffs) seen.add(target instanceof Handoff ? target.agent : target);
    for (const tool of tools) {
      const { agent, options } = agentToolSpec(tool) ?? {};
      // One with a configuration of its own may find its models elsewhere.
      if (agent && !options?.runConfig) seen.add(agent);
    }
  }
  for (const agent of seen) check(agent.model);
}
