/**
 * The recording repeats some call ids within one conversation, which the real service never does. Here every call
 * gets an id of its own.
 */
import { createHash } from 'node:crypto';
import type { Conversation, Message } from './data.ts';

/** The conversation with call ids that do not repeat. The same beginning gives the same ids. */
export function withUniqueCallIds(conversation: Conversation): Conversation {
  const history = createHash('sha256');
  let renamed = new Map<string, string>();
  const messages = conversation.messages.map((message): Message => {
    history.update(JSON.stringify(message));
    switch (message.role) {
      case 'user':
        return message;
      case 'tool':
        return { ...message, callId: renamed.get(message.callId) ?? message.callId };
      case 'assistant': {
        // An answer belongs to the message right before it, so older names are forgotten.
        renamed = new Map(message.calls.map(({ id }, index) => [id, freshId(history.copy().update(`${index}`))]));
        return { ...message, calls: message.calls.map((call) => ({ ...call, id: renamed.get(call.id) ?? call.id })) };
      }
    }
  });
  return { ...conversation, messages };
}

const freshId = (hash: ReturnType<typeof createHash>): string =>
  `call_${hash
    .digest('base64')
    .replaceAll(/[^a-zA-Z0-9]/g, '')
    .slice(0, 24)}`;
