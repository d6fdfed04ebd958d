/** Which model is asked when nobody names one, and the settings that suit it. */
import type { ModelSettings, ModelSettingsReasoningEffort } from '../protocol/model.ts';

/** The environment variable that names the default model. */
export const OPENAI_DEFAULT_MODEL_ENV_VARIABLE_NAME = 'OPENAI_DEFAULT_MODEL';

const DEFAULT_MODEL = 'gpt-5.4-mini';

type Effort = Exclude<ModelSettingsReasoningEffort, null>;

/** The lowest effort that each model is good at. A dated name of the first group counts as the model itself. */
const EFFORT_DATED: Record<string, Effort> = {
  'gpt-5': 'low',
  'gpt-5.1': 'none',
  'gpt-5.2': 'none',
  'gpt-5.2-pro': 'medium',
  'gpt-5.4': 'none',
  'gpt-5.4-mini': 'none',
  'gpt-5.4-nano': 'none',
  'gpt-5.4-pro': 'medium',
  'gpt-5.5': 'none',
  'gpt-5.6-luna': 'none',
  'gpt-5.6-sol': 'none',
  'gpt-5.6-terra': 'none',
};
const EFFORT: Record<string, Effort> = { 'gpt-5.2-codex': 'low', 'gpt-5.3-codex': 'none', 'gpt-5.6': 'none' };
const CHAT_ALIASES = new Set([
  'gpt-5-chat-latest',
  'gpt-5.1-chat-latest',
  'gpt-5.2-chat-latest',
  'gpt-5.3-chat-latest',
]);

/** Whether a model is of the GPT-5 family, which takes reasoning settings and refuses some sampling settings. */
export function gpt5ReasoningSettingsRequired(modelName: string): boolean {
  return modelName.startsWith('gpt-5') && !CHAT_ALIASES.has(modelName);
}

/** Whether the default model is of the GPT-5 family. */
export function isGpt5Default(): boolean {
  return gpt5ReasoningSettingsRequired(getDefaultModel());
}

/** The default model: `OPENAI_DEFAULT_MODEL` in lower case where it is set and not empty, else `gpt-5.4-mini`. */
export function getDefaultModel(): string {
  const named = process.env[OPENAI_DEFAULT_MODEL_ENV_VARIABLE_NAME];
  return named === undefined || named === '' ? DEFAULT_MODEL : named.toLowerCase();
}

/**
 * Settings that suit a model: low verbosity and the lowest good reasoning effort for GPT-5 and newer, nothing for
 * others. A new object each time.
 * @param model the model's name. @default the default model
 */
export function getDefaultModelSettings(model: string = getDefaultModel()): ModelSettings {
  if (!isGpt5OrNewer(model)) return {};
  const effort = EFFORT[model] ?? EFFORT_DATED[model.replace(/-\d{4}-\d{2}-\d{2}$/, '')];
  return { ...(effort !== undefined && { reasoning: { effort } }), text: { verbosity: 'low' } };
}

function isGpt5OrNewer(model: string): boolean {
  if (CHAT_ALIASES.has(model)) return false;
  const version = /^gpt-(\d+)(?:\.\d+)?(?:-|$)/.exec(model);
  return version !== null && Number(version[1]) >= 5;
}
