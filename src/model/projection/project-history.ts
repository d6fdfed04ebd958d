/** The projection, whole: see project.ts for how it is done and what holds. */
import type { AgentInputItem } from '../../protocol/items.ts';
import { ownershipOf } from './ownership.ts';
import { project } from './project.ts';
import type { HistoryTarget, ProjectedHistory } from './target.ts';

/**
 * Makes a conversation valid for a model: call ids and tool names that its wire takes, each call with one result and
 * in the right place, no reasoning or signature of another model, system text where it may stand, no empty part, and
 * text in place of images and files that it does not take. What had to change is listed in `warnings`.
 *
 * @example
 * ```ts
 * import { projectHistory, user } from '@baton/agents';
 *
 * const target = { wire: 'anthropic', provider: 'anthropic', model: 'claude-opus-4-7' } as const;
 * const { items, warnings } = projectHistory([user('Hello'), user('')], target);
 * console.log(items.length, warnings[0]?.code); // 1 empty_dropped
 * ```
 */
export function projectHistory(items: string | readonly AgentInputItem[], target: HistoryTarget): ProjectedHistory {
  return project(items, target, ownershipOf);
}
