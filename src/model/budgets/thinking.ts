/** A model that may say less thinks less: else its thoughts use up what its answer needs. */
import type { ModelSettings } from '../../protocol/model.ts';

/** What all models that think know, from the least. */
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/**
 * Settings with the imposed limit. The effort sinks by one for each time that the limit is half of what was wanted, down
 * to `low`. Models that think by a count of tokens are given a lower one by their adapter, by `maxTokens`.
 */
export function limited(settings: ModelSettings, maxTokens: number, wanted: number): ModelSettings {
  const { reasoning } = settings;
  const at = EFFORTS.findIndex((each) => each === reasoning?.effort);
  const steps = Math.floor(Math.log2(wanted / maxTokens));
  if (at < 1 || steps < 1) return { ...settings, maxTokens };
  const effort = EFFORTS[Math.max(0, at - steps)];
  return { ...settings, maxTokens, reasoning: { ...reasoning, ...(effort && { effort }) } };
}
