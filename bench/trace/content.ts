/** What is said in the measured run. */
export const QUESTION = 'question '.repeat(40);
export const FOUND = 'found '.repeat(120);
export const ANSWER = 'answer '.repeat(60);
export const INSTRUCTIONS = 'You are brief. '.repeat(20);
export const ARGUMENTS = JSON.stringify({ what: 'w'.repeat(100) });
