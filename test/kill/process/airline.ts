/** What a process that goes through airline conversations and those that judge it know of each other. */
import { join } from 'node:path';

/** A change that was asked of the airline. */
export type Said = {
  readonly key: string;
  readonly callId: string;
  readonly name: string;
  readonly argumentsText: string;
};
/** What a conversation came to: what its tools gave and what the customer was told. */
export type Told = { readonly outputs: string[]; readonly texts: string[] };

/** Tools that change bookings: what they do twice is done twice. */
export const WRITES: ReadonlySet<string> = new Set([
  'book_reservation',
  'cancel_reservation',
  'send_certificate',
  'update_reservation_baggages',
  'update_reservation_flights',
  'update_reservation_passengers',
]);

export const runIdOf = (conversation: number, message: number): string => `c${conversation}-${message}`;
export const sessionIdOf = (conversation: number): string => `conversation ${conversation}`;
/** What was asked of the airline in a conversation, a line each. */
export const deskFile = (folder: string, conversation: number): string => join(folder, `c${conversation}.desk`);
export const outcomeFile = (folder: string, conversation: number): string => join(folder, `c${conversation}.json`);
