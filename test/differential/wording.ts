/**
 * Our sentences are our own: what both packages say of one thing must be said in other words (`error-texts`).
 *
 * Words that a scenario gave itself (a tool's error, a guardrail's info) come back from both sides and do not count.
 */
import { globSync, readFileSync } from 'node:fs';

/** Texts that models and tests of users know by heart, and that the published declarations or documentation give. */
export const SHARED: readonly string[] = [
  'An error occurred while running the tool. Please try again.',
  'Tool execution was not approved.',
  'Output withheld by an output guardrail.',
  "Response withheld by the provider's content filter.",
  // Of the language, not of the published package.
  'This operation was aborted',
];

/** Names of classes and what the engine says are nobody's words; a name of the code is one word, a number is one. */
const FOREIGN = /\b\w+(?:Error|Triggered)\b|^It failed:|Unexpected token .* is not valid JSON/g;
const wordsOf = (text: string): string[] =>
  (
    text
      .replace(FOREIGN, '')
      .toLowerCase()
      .match(/[a-z]\w*(?:[.']\w+)*|\d+/g) ?? []
  ).map((word) => (/^\d/.test(word) ? '#' : word));

/** A live value, a hook, JSON, an address: no sentences. */
const isProse = (text: string): boolean => !/:\/\/|^data:|^(?:\w+\(.*\)|.*: agent_\w+|[[{].*[\]}])$/s.test(text);

/** Three words in a row. */
function threes(text: string): Set<string> {
  const words = wordsOf(text);
  return new Set(words.slice(2).map((last, at) => `${String(words[at])} ${String(words[at + 1])} ${last}`));
}

let own: Set<string> | undefined;
/** What scenarios say themselves. */
function given(): Set<string> {
  const files = globSync('scenarios/*.ts', { cwd: import.meta.dirname });
  own ??= threes(files.map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8')).join('\n'));
  return own;
}

function collect(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') {
    if (isProse(value)) into.add(value);
    return;
  }
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) collect(each, into);
}

/** The threes of each sentence in a trace that are neither the scenario's nor shared on purpose. */
function sentencesOf(trace: unknown): Map<string, Set<string>> {
  const texts = new Set<string>();
  collect(trace, texts);
  const found = new Map<string, Set<string>>();
  for (const text of texts) {
    const rest = SHARED.reduce((left, shared) => left.replaceAll(shared, ' '), text);
    const left = new Set([...threes(rest)].filter((each) => !given().has(each)));
    if (left.size > 1) found.set(text, left);
  }
  return found;
}

/** Half of what the shorter one says is in the other one too. */
const isAlike = (one: Set<string>, other: Set<string>): boolean =>
  [...one].filter((each) => other.has(each)).length * 2 >= Math.min(one.size, other.size);

/** Sentences of ours that equal, or nearly equal, one of the published package, each with that one. */
export function borrowed(published: unknown, ours: unknown): string[] {
  const theirs = [...sentencesOf(published)];
  return [...sentencesOf(ours)].flatMap(([text, said]) => {
    const alike = theirs.find(([, other]) => isAlike(said, other));
    return alike ? [`${text}  <>  ${alike[0]}`] : [];
  });
}
