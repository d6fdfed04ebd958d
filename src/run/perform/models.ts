/**
 * Which model an agent uses, and with which settings.
 */
import type { AnyAgent } from '../../agent/index.ts';
import { getDefaultModelSettings, mergeModelSettings } from '../../model/index.ts';
import type { Model, ModelSettings } from '../../protocol/model.ts';
import { defaultProvider, defaultModel } from '../defaults.ts';
import type { LiveRun } from '../live-run.ts';

/** The agent's own model, else the runner's, else the default. `explicit`: somebody named it. */
export async function resolveModel(run: LiveRun, agent: AnyAgent): Promise<{ model: Model; explicit: boolean }> {
  const named = agent.model === '' ? run.settings.model : agent.model;
  // A provider that is asked for no name knows its default.
  const chosen = named === undefined || named === '' ? (defaultModel() ?? '') : named;
  const explicit = named !== undefined && named !== '';
  if (typeof chosen !== 'string') return { model: chosen, explicit };
  const provider = run.settings.modelProvider ?? defaultProvider();
  return { model: await provider.getModel(chosen), explicit };
}

/** Under the run's settings those that the model needs, over them those of the agent. */
export function settingsFor(run: LiveRun, agent: AnyAgent): ModelSettings {
  const { model, modelSettings } = run.settings;
  if (agent.hasExplicitModelSettings()) {
    return modelSettings ? mergeModelSettings(modelSettings, agent.modelSettings) : agent.modelSettings;
  }
  const implicit = agent.model === '' ? impliedBy(model ?? defaultModel(), agent.modelSettings) : agent.modelSettings;
  return modelSettings ? mergeModelSettings(implicit, modelSettings) : implicit;
}

/** Settings that come with a model which the agent did not name itself. */
function impliedBy(model: string | Model | undefined, own: ModelSettings): ModelSettings {
  if (model === undefined) return own;
  return typeof model === 'string' ? getDefaultModelSettings(model) : {};
}
