/** Adds up model settings: what the model suggests, what the run says, what the agent says. */
import type { ModelSettings } from '../protocol/model.ts';

/**
 * Lays settings over settings; the later one wins. `reasoning`, `text`, `promptCacheOptions`, `retry` and
 * `retry.backoff` are merged member by member; anything else, `providerData` included, is replaced whole.
 * A member that is present but `undefined` erases what was there: that is how an agent takes a setting back.
 */
export function mergeModelSettings(base: ModelSettings | undefined, over: ModelSettings | undefined): ModelSettings {
  if (!over) return { ...base };
  if (!base) return { ...over };
  const merged: ModelSettings = { ...base, ...over };
  if (base.reasoning && over.reasoning) merged.reasoning = { ...base.reasoning, ...over.reasoning };
  if (base.text && over.text) merged.text = { ...base.text, ...over.text };
  if (base.promptCacheOptions && over.promptCacheOptions) {
    merged.promptCacheOptions = { ...base.promptCacheOptions, ...over.promptCacheOptions };
  }
  if (base.retry && over.retry) {
    merged.retry = { ...base.retry, ...over.retry };
    if (base.retry.backoff && over.retry.backoff) {
      merged.retry.backoff = { ...base.retry.backoff, ...over.retry.backoff };
    }
  }
  return merged;
}
