/**
 * Which model an agent uses, and with which settings.
 */
import type { AnyAgent } from '../../agent/index.ts';
import { getDefaultModelSettings, mergeModelSettings, withSettings } from '../../model/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Model, ModelProvider, ModelSettings } from '../../protocol/model.ts';
import { defaultProvider, defaultModel } from '../defaults.ts';
import type { LiveRun } from '../live-run.ts';
import { nameFor } from '../model-names.ts';

export type Resolved = { model: Model; explicit: boolean };

/**
 * The agent's own model, else the runner's, else the default. `explicit`: somebody named it. A promise only where a
 * provider is asked: a model that is there costs no await in each turn.
 */
export function resolveModel(run: LiveRun, agent: AnyAgent): Resolved | Promise<Resolved> {
  const named = agent.model === '' ? run.settings.model : agent.model;
  // A provider that is asked for no name knows its default.
  const chosen = named === undefined || named === '' ? (defaultModel() ?? '') : named;
  const explicit = named !== undefined && named !== '';
  if (typeof chosen !== 'string') return { model: asModel(chosen, `agent "${agent.name}"`), explicit };
  return namedModel(run.settings.modelProvider ?? defaultProvider(), { chosen, explicit });
}

type Chosen = { chosen: string; explicit: boolean };

async function namedModel(provider: ModelProvider, { chosen, explicit }: Chosen): Promise<Resolved> {
  const { name, settings } = hasMore(chosen) ? nameFor(provider, chosen) : { name: chosen, settings: undefined };
  const model = asModel(await provider.getModel(name), `"${name}" from the model provider`);
  return { model: settings ? withSettings(model, settings) : model, explicit };
}

/** @throws UserError for what cannot answer. Users of plain JavaScript hear it here first. */
function asModel(model: Model | undefined, whose: string): Model {
  if (typeof model?.getResponse === 'function' || typeof model?.getStreamedResponse === 'function') return model;
  throw new UserError(
    `The model of ${whose} is ${typeof model === 'object' && model ? 'an object without getResponse()' : String(model)}. Give the name of a model, such as 'gpt-5.4-mini', or a Model object.`,
  );
}

/** Under the run's settings those that the model needs, over them those of the agent. */
export function settingsFor(run: LiveRun, agent: AnyAgent): ModelSettings {
  const { modelSettings } = run.settings;
  if (agent.hasExplicitModelSettings()) {
    return modelSettings ? mergeModelSettings(modelSettings, agent.modelSettings) : agent.modelSettings;
  }
  const implicit = impliedBy(run, agent);
  return modelSettings ? mergeModelSettings(implicit, modelSettings) : implicit;
}

/** Settings that come with a model which the agent did not name itself, or named with a prefix. */
function impliedBy({ settings }: LiveRun, agent: AnyAgent): ModelSettings {
  const model = agent.model === '' ? (settings.model ?? defaultModel()) : agent.model;
  if (model === undefined || (model === agent.model && !hasMore(model))) return agent.modelSettings;
  if (typeof model !== 'string') return {};
  const provider = settings.modelProvider ?? defaultProvider();
  return getDefaultModelSettings(hasMore(model) ? nameFor(provider, model).name : model);
}

/** Whether a name may have a prefix or settings. */
const hasMore = (model: string | Model): boolean => typeof model === 'string' && /[/?]/.test(model);
