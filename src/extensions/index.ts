/**
 * Small additions around handoffs that no run needs: an input filter, and words for instructions.
 */
export { RECOMMENDED_PROMPT_PREFIX, promptWithHandoffInstructions } from './handoff-prompt.ts';
export { removeAllTools } from './remove-all-tools.ts';
