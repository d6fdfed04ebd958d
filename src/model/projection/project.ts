/**
 * Makes any conversation valid for any target.
 *
 * Not responsible for the wire's own spelling: adapters write the bodies. Pure.
 *
 * Invariants: P1 the input is never changed; items that need no change are the same objects, and a history that needs
 * none is the same array. P2 projecting twice for one target is projecting once. P3 every vendor's validator takes
 * what comes out. P4 what the target itself said is kept verbatim.
 */
import type { AgentInputItem } from '../../protocol/items.ts';
import { arrange, frame } from './arrange.ts';
import { pair, rename } from './calls.ts';
import { settleContent } from './content.ts';
import { translate } from './foreign.ts';
import { settleReasoning } from './openai.ts';
import { withSentinels } from './gemini.ts';
import {
  contextOf,
  type Entry,
  type HistoryTarget,
  type OwnershipOf,
  type HistoryWarning,
  type ProjectedHistory,
} from './target.ts';

/** Projects a history; `ownershipOf` says whose its items are. */
export function project(
  items: string | readonly AgentInputItem[],
  target: HistoryTarget,
  ownershipOf: OwnershipOf,
): ProjectedHistory {
  const warnings: HistoryWarning[] = [];
  const context = contextOf(target, { warnings, ownershipOf });
  const given: readonly AgentInputItem[] =
    typeof items === 'string' ? [{ type: 'message', role: 'user', content: items }] : items;
  const all = given.map((item, index): Entry => ({ item, index }));
  const translated = translate(all, context);
  const fitted = settleContent(translated, context);
  const pairs = pair(fitted);
  const renamed = rename(fitted, pairs, context);
  const arranged = arrange({ entries: renamed, pairs, context });
  const settled = settleReasoning(arranged, context, reasoningGone(given, translated));
  const final = withSentinels(frame(settled, context), context).map(({ item }) => item);
  const same = final.length === given.length && final.every((item, at) => item === given[at]);
  return { items: same && typeof items !== 'string' ? (items as AgentInputItem[]) : final, warnings };
}

function reasoningGone(given: readonly AgentInputItem[], kept: readonly Entry[]): Set<number> {
  const left = new Set(kept.map(({ index }) => index));
  return new Set(given.flatMap((item, at) => (item.type === 'reasoning' && !left.has(at) ? [at] : [])));
}
