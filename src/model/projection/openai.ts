/** What OpenAI's wires mind: reasoning without what it led to, and ids of items that belong together. */
import type { AgentInputItem } from '../../protocol/items.ts';
import { withoutId } from './scrub.ts';
import { isModelSide, type Context, type Entry } from './target.ts';

const PREFIX: Partial<Record<NonNullable<AgentInputItem['type']>, string>> = {
  message: 'msg',
  function_call: 'fc',
  reasoning: 'rs',
};

/**
 * Reasoning stays only before what it led to. On Responses, what was said after reasoning that is gone loses its id:
 * the server knows that the two belong together, and refuses one without the other. Ids that it cannot have made go too.
 */
export function settleReasoning(
  entries: readonly Entry[],
  context: Context,
  reasoningGone: ReadonlySet<number>,
): Entry[] {
  const { wire } = context.target;
  if (wire !== 'openai-responses' && wire !== 'openai-chat') return [...entries];
  const kept: Entry[] = [];
  const lost = new Set(reasoningGone);
  let follower = false;
  for (const entry of [...entries].toReversed()) {
    if (entry.item.type === 'reasoning' && !follower) {
      context.warn('reasoning_dropped', entry.index, 'Reasoning that leads to nothing was left out.');
      lost.add(entry.index);
      continue;
    }
    // Made-up items stand between what belongs together.
    follower = isModelSide(entry.item);
    kept.push(entry);
  }
  return dropIds(
    kept.toReversed(),
    [...lost].toSorted((a, b) => a - b),
  );
}

function dropIds(entries: readonly Entry[], lost: readonly number[]): Entry[] {
  const seen = new Set<string>();
  let next = 0;
  let orphaned = false;
  return entries.map(({ item, index }) => {
    while (next < lost.length && (lost[next] ?? 0) < index) {
      orphaned = true;
      next++;
    }
    if (!isModelSide(item)) orphaned = false;
    const { id } = item;
    if (id === undefined) return { item, index };
    const prefix = PREFIX[item.type ?? 'message'];
    const usable = id.length <= 64 && (prefix === undefined || id.startsWith(prefix)) && !seen.has(id) && !orphaned;
    seen.add(id);
    return { item: usable ? item : withoutId(item), index };
  });
}
