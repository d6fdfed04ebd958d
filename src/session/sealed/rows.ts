/** Items as sealed rows and back. */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { SessionError } from '../errors.ts';
import { isItemLike, isSame, isStorable } from '../items.ts';
import { safeStarts } from '../limits.ts';
import { decodeItem, encodeItem } from '../sqlite/codec.ts';
import type { Opened, Scope } from './chain.ts';
import { type Envelope, envelopeOf, seal } from './envelope.ts';
import type { Secret } from './keys.ts';

/** What a row says, and what of its place stays when it is sealed anew. */
export type Entry = { readonly text: string; readonly op: string; readonly at: number };

export const isItem = ({ envelope }: Opened): boolean => envelope.seq > 0;

export function itemOf({ text, envelope }: Pick<Opened, 'text' | 'envelope'>): AgentInputItem {
  const item = decodeItem(text);
  if (item) return item;
  throw new SessionError('session/tampered', `Item ${envelope.seq} was sealed, but is no item. It was kept.`);
}

/** Where what is not too old begins, at a place where a history can begin. */
export function youngFrom(
  entries: readonly { readonly item: AgentInputItem; readonly at: number }[],
  oldest: number,
): number {
  const isSafe = safeStarts(entries.map(({ item }) => item));
  let start = entries.findLastIndex(({ at }) => at < oldest) + 1;
  while (start > 0 && start < entries.length && !isSafe(start)) start++;
  return start;
}

/** @throws UserError for what is no list of items that JSON and bytes can say */
export function textsOf(items: unknown, where: string): string[] {
  if (!Array.isArray(items)) {
    throw new UserError(`EncryptedSession ${where} needs an array of items. Got ${typeof items}.`);
  }
  return items.map((item: unknown, index) => {
    if (isItemLike(item) && isStorable(item)) return encodeItem(item, where).text;
    throw new UserError(`EncryptedSession ${where}, item ${index}, must be an object of JSON and bytes.`);
  });
}

export const isSameText = (a: string, b: string | undefined): boolean =>
  b !== undefined && (a === b || isSame(JSON.parse(a), JSON.parse(b)));

/** Seals entries as a chain behind a row. */
export function sealAll(
  entries: readonly Entry[],
  { scope, secret, after }: { scope: Scope; secret: Secret; after: Envelope },
): AgentInputItem[] {
  let { seq, tag: prev } = after;
  return entries.map(({ text, op, at }) => {
    const row = seal(text, { ...scope, seq: ++seq, prev, op, at }, secret);
    prev = sealedEnvelope(row).tag;
    return row;
  });
}

/** The envelope of a row that was just sealed. */
export function sealedEnvelope(row: AgentInputItem): Envelope {
  const envelope = envelopeOf(row);
  if (envelope) return envelope;
  throw new Error('A row that was just sealed cannot be read. This is a defect; please report it.');
}

/** Whether a store refused, rather than failed. Other packages have a `UserError` of their own. */
export const isRefusal = (error: unknown): boolean => error instanceof Error && error.name === 'UserError';

/** Our stores and the original word it so. Taken for something else, it is thrown: nothing is lost in silence. */
export const saysDone = (error: unknown): boolean =>
  error instanceof Error && /already applied|was used for something else/i.test(error.message);
