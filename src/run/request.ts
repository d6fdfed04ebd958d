/**
 * What of a conversation is sent with the next model call.
 */
import { type State, toArray } from '../kernel/index.ts';
import type { AgentInputItem, ModelItem } from '../protocol/items.ts';
import type { ModelRequest } from '../protocol/model.ts';
import { withoutReasoningId } from './view.ts';

export function inputOf(state: State): AgentInputItem[] {
  const managed = isManaged(state);
  const items = toArray(state.request, managed ? state.sentTo : 0);
  if (managed) items.push(...state.dropped.map(unanswered));
  return state.omitsReasoningIds ? items.map(withoutReasoningId) : items;
}

/** A provider that keeps the conversation wants an answer to each call, also to those that were ignored. */
const unanswered = ({ callId, tool }: { callId: string; tool: string }): ModelItem => ({
  type: 'function_call_result',
  name: tool,
  callId,
  status: 'completed',
  output: { type: 'text', text: 'Not done: of several handoffs in one answer, the first counts.' },
});

const isManaged = (state: State): boolean =>
  state.conversationId !== undefined || state.previousResponseId !== undefined;

/** The provider's conversation that the request belongs to. */
export function conversation(state: State): Pick<ModelRequest, 'conversationId' | 'previousResponseId'> {
  const { conversationId, previousResponseId, lastResponseId } = state;
  if (conversationId !== undefined)
    return { conversationId, ...(previousResponseId !== undefined && { previousResponseId }) };
  return previousResponseId === undefined ? {} : { previousResponseId: lastResponseId ?? previousResponseId };
}
