/** Where the prompt is cached. At most four marks, those of an hour before those of five minutes. */
import { isObject, type Json } from './json.ts';

export type CacheTtl = '5m' | '1h';

const MAX_MARKS = 4;
/** What cannot carry a mark. */
const UNMARKED = new Set(['thinking', 'redacted_thinking']);

type Body = { tools: Json[]; system: Json[]; messages: { content: Json[] }[] };

/**
 * Marks the end of what stays the same (tools and system text) and the end of the conversation, whose start the next
 * request repeats. Marks that the user set stay, the last ones first.
 */
export function markCache({ tools, system, messages }: Body, ttl: CacheTtl | undefined): void {
  const mark = { type: 'ephemeral', ...(ttl === '1h' && { ttl }) };
  if (ttl !== undefined) {
    const places = [system.at(-1) ?? tools.at(-1), messages.at(-1)?.content.findLast(isMarkable)];
    for (const place of places) if (place && !place['cache_control']) place['cache_control'] = mark;
  }
  const marked = [...tools, ...system, ...messages.flatMap(({ content }) => content)].filter((block) =>
    isObject(block['cache_control']),
  );
  // The system's mark covers the tools; the last ones cover the most.
  const surplus = marked.length - MAX_MARKS;
  const first = system.length > 0 || tools.length > 0 ? 1 : 0;
  if (surplus > 0) for (const block of marked.slice(first, first + surplus)) delete block['cache_control'];
  orderMarks(marked.filter((block) => isObject(block['cache_control'])));
}

const isMarkable = (block: Json): boolean => !UNMARKED.has(String(block['type']));

/** A mark of an hour may not stand behind one of five minutes: those before it are raised. */
function orderMarks(marked: readonly Json[]): void {
  const isLong = ({ cache_control: mark }: Json): boolean => isObject(mark) && mark['ttl'] === '1h';
  const lastLong = marked.findLastIndex(isLong);
  for (const block of marked.slice(0, lastLong + 1)) block['cache_control'] = { type: 'ephemeral', ttl: '1h' };
}
