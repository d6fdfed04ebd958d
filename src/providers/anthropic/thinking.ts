/** How much a model is asked to think. */
import type { ModelSettings } from '../../protocol/model.ts';
import type { AnthropicCapabilities } from './capabilities.ts';
import { compact, type Json } from './json.ts';

type Effort = NonNullable<NonNullable<ModelSettings['reasoning']>['effort']>;
type Thinks = Exclude<Effort, 'none'>;

/** Tokens, for models that think by a budget. */
const BUDGETS: Record<Thinks, number> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 32_000,
};
const EFFORTS: Record<Thinks, string> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};
const MIN_BUDGET = 1024;

type Asked = {
  settings: ModelSettings;
  messages: readonly { role: string; content: readonly Json[] }[];
  maxTokens: number;
};

/** The `thinking` and the effort of a request. Without `modelSettings.reasoning.effort` the model decides. */
export function toThinking(
  { settings, messages, maxTokens }: Asked,
  { can, warn }: { can: AnthropicCapabilities; warn: (message: string) => void },
): { thinking?: Json; effort?: string } {
  const { effort, summary } = settings.reasoning ?? {};
  if (!effort || effort === 'none') return {};
  if (can.thinking === 'none') {
    warn(`reasoning.effort "${effort}" is left out: this model does not think.`);
    return {};
  }
  if (can.thinking === 'adaptive') {
    // Newer models keep their thoughts to themselves unless they are asked.
    const thinking = compact({ type: 'adaptive', display: summary ? 'summarized' : undefined });
    return { thinking, effort: EFFORTS[effort] };
  }
  const budget = Math.min(BUDGETS[effort], maxTokens - MIN_BUDGET);
  if (budget < MIN_BUDGET) {
    warn(`The model does not think: maxTokens (${maxTokens}) leaves no room for it. Give 2,048 or more.`);
    return {};
  }
  if (loopWithoutThoughts(messages)) {
    warn('The model does not think in this step: the calls that it goes on from were made without thinking.');
    return {};
  }
  return { thinking: { type: 'enabled', budget_tokens: budget } };
}

/** In the middle of a tool loop that another model began, or that began without thinking. */
function loopWithoutThoughts(messages: Asked['messages']): boolean {
  if (messages.at(-1)?.content[0]?.['type'] !== 'tool_result') return false;
  const first = messages.at(-2)?.content[0]?.['type'];
  return first !== 'thinking' && first !== 'redacted_thinking';
}
