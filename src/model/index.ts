/** What other rooms may use. `public.ts` has the names that src/index.ts passes on as a whole. */
export * from './public.ts';
export {
  getDefaultModel,
  getDefaultModelSettings,
  gpt5ReasoningSettingsRequired,
  isGpt5Default,
  OPENAI_DEFAULT_MODEL_ENV_VARIABLE_NAME,
} from './default-model.ts';
export { normalizeError } from './retry-error.ts';
export { retryPolicies } from './retry-policies.ts';
export { callModel, checkTimeout, streamModel } from './retry.ts';
export type { ModelAttempt, RetryHooks } from '../wire/index.ts';
export { mergeModelSettings } from './settings.ts';
export { splitPrefix, splitSettings, unregistered, withSettings } from './strings/index.ts';
export { attemptUsage, usageData } from './usage-data.ts';
export type { RunBudget } from './budgets/index.ts';
