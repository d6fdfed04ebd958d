/** The conversation without what tools did, for an agent that should not care. */
import type { HandoffInputData, RunItem } from '../agent/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';

/**
 * An input filter of handoffs: the next agent sees what was said, and no calls, results, searches, questions to a
 * person, or the reasoning that led to them. Messages, compactions and items of unknown types stay.
 *
 * @example `handoff(faq, { inputFilter: removeAllTools })`
 */
export function removeAllTools(data: HandoffInputData): HandoffInputData {
  const { inputHistory, preHandoffItems, newItems } = data;
  return {
    ...data,
    inputHistory: typeof inputHistory === 'string' ? inputHistory : inputHistory.filter(isKept),
    preHandoffItems: preHandoffItems.filter(isSaid),
    newItems: newItems.filter(isSaid),
  };
}

const isKept = ({ type }: AgentInputItem): boolean =>
  type === undefined || type === 'message' || type === 'compaction' || type === 'unknown';

const isSaid = ({ type }: RunItem): boolean =>
  type === 'message_output_item' || type === 'compaction_item' || type === 'input_item';
