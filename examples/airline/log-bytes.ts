/**
 * How large the logs of a replay are beside the transcripts that they stand for.
 *
 * What a run read from its session is not counted: the session holds it, and the log only says what was read. A log
 * store keeps it by reference; here one number takes its place.
 */
import type { AirlineData } from './data.ts';
import type { ConversationResult } from './replay.ts';

type Event = { readonly type: string; readonly items?: readonly unknown[] };
type WithEvents = { readonly events: readonly Event[] };

export type LogBytes = {
  readonly logBytes: number;
  readonly transcriptBytes: number;
};

export function logBytes(results: readonly ConversationResult[], { conversations }: AirlineData): LogBytes {
  const states = results.flatMap((result) => result.states as readonly WithEvents[]);
  const events = states.flatMap((state) => state.events);
  return {
    logBytes: events.reduce((sum, event) => sum + bytes(byReference(event)) + 1, 0),
    transcriptBytes: conversations.reduce((sum, { messages }) => sum + bytes(messages), 0),
  };
}

const byReference = (event: Event): object =>
  event.type === 'session.loaded' ? { ...event, items: event.items?.length ?? 0 } : event;

const bytes = (value: object): number => Buffer.byteLength(JSON.stringify(value));
