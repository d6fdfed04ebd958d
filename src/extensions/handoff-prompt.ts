/** What a model should know of handoffs before its own instructions begin. */

/**
 * The text that `promptWithHandoffInstructions` puts before instructions. The words are this package's own: they may
 * become better in a later release.
 */
export const RECOMMENDED_PROMPT_PREFIX = `# How you work
You are one of several agents who serve one user together. Each has instructions and tools of its own. Where another agent suits a request better, hand the conversation over by calling its tool, named transfer_to_<agent>. The other agent sees the conversation and goes on with it. To the user all of you are one assistant: do not speak of agents or of handing over.`;

/**
 * Instructions for an agent with handoffs: what it should know of them, then your own text.
 *
 * @example `new Agent({ name: 'Triage', instructions: promptWithHandoffInstructions('Find out what it is about.') })`
 */
export const promptWithHandoffInstructions = (prompt: string): string => `${RECOMMENDED_PROMPT_PREFIX}\n\n${prompt}`;
