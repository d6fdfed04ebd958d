/**
 * Finds a place in the recorded conversations by the messages of a request.
 *
 * R1 What counts is what was said and called, in order; how it is cut into messages does not (one assistant message
 * with text and a call is the same as two). R2 What a tool answered does not count, only that it did: a wrong answer
 * is for the comparison to find, and should not end the conversation.
 */
import { createHash } from 'node:crypto';
import type { Conversation, Message } from './data.ts';

export type AssistantMessage = Extract<Message, { role: 'assistant' }>;

/** One thing that was said, called or answered. */
export type Step =
  | { readonly is: 'user' | 'assistant'; readonly text: string }
  | { readonly is: 'call'; readonly id: string; readonly name: string; readonly arguments: string }
  | { readonly is: 'answer'; readonly id: string };

/** A place where the assistant speaks, and what it says there; `null` at the end of what was recorded. */
export type Place = {
  readonly conversation: number;
  readonly position: number;
  readonly next: AssistantMessage | null;
};

/** A beginning that is recorded. `speaks` is false where it is not the assistant's turn. */
type Beginning = Place & { readonly speaks: boolean };

/** Where the steps of a request lead. `misses` has the number of steps that do match some conversation. */
export type Finding =
  | { readonly kind: 'found'; readonly place: Place }
  | { readonly kind: 'ambiguous'; readonly places: readonly Place[] }
  | { readonly kind: 'unknown'; readonly matched: number; readonly like: number | undefined };

export type Recording = {
  /** `hint` is the index of the conversation that is meant where several begin the same way and go on differently. */
  find(steps: readonly Step[], hint?: number): Finding;
};

/** Indexes the conversations by every beginning of theirs. */
export function openRecording(conversations: readonly Conversation[]): Recording {
  const beginnings = new Map<string, Beginning[]>();
  conversations.forEach((conversation, index) => {
    let key = '';
    const { messages } = conversation;
    for (let position = 0; position <= messages.length; position += 1) {
      const next = messages[position];
      const says = next?.role === 'assistant' ? next : null;
      const place = { conversation: index, position, next: says, speaks: next === undefined || says !== null };
      beginnings.set(key, [...(beginnings.get(key) ?? []), place]);
      if (next !== undefined) key = stepsOf(next).reduce(extend, key);
    }
  });

  return {
    find(steps, hint) {
      const keys = [''];
      for (const step of steps) keys.push(extend(keys.at(-1) ?? '', step));
      const places = beginnings.get(keys.at(-1) ?? '')?.filter(({ speaks }) => speaks) ?? [];
      if (places.length === 0 || steps.length === 0) return farthest(beginnings, keys);
      const meant = places.find((place) => place.conversation === hint) ?? places[0];
      const said = new Set(places.map(({ next }) => JSON.stringify(next)));
      if (meant === undefined || (said.size > 1 && meant.conversation !== hint)) return { kind: 'ambiguous', places };
      return { kind: 'found', place: meant };
    },
  };
}

/** A recorded message as steps. */
export function stepsOf(message: Message): Step[] {
  switch (message.role) {
    case 'user':
      return [{ is: 'user', text: message.text }];
    case 'tool':
      return [{ is: 'answer', id: message.callId }];
    case 'assistant':
      return [
        ...(message.text === null ? [] : [{ is: 'assistant' as const, text: message.text }]),
        ...message.calls.map((call) => ({ is: 'call' as const, ...call })),
      ];
  }
}

function extend(key: string, step: Step): string {
  const { is } = step;
  const parts =
    is === 'call' ? [is, step.id, step.name, step.arguments] : is === 'answer' ? [is, step.id] : [is, step.text];
  return createHash('sha256').update(key).update(JSON.stringify(parts)).digest('base64');
}

function farthest(beginnings: ReadonlyMap<string, readonly Beginning[]>, keys: readonly string[]): Finding {
  const matched = keys.findLastIndex((key) => beginnings.has(key));
  const like = matched > 0 ? beginnings.get(keys[matched] ?? '')?.[0]?.conversation : undefined;
  return { kind: 'unknown', matched: Math.max(matched, 0), like };
}
