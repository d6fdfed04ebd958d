/** Opens rows as they were read, and proves that they are the session's, whole and in order. */
import type { AgentInputItem } from '../../protocol/items.ts';
import { SessionError } from '../errors.ts';
import { type Envelope, envelopeOf, isSealed, open, type Place } from './envelope.ts';
import type { Secret } from './keys.ts';

export type Scope = Pick<Place, 'tenant' | 'session'>;

/** A row, and what it says. `text` is empty in a session's first row. */
export type Opened = { readonly row: AgentInputItem; readonly envelope: Envelope; readonly text: string };

/**
 * Opens rows that stand next to each other, oldest first.
 *
 * @param isAll whether the rows are the whole session; then the first must be its first row
 * @throws SessionError `session/plaintext`, `session/wrong-key`, `session/tampered`, `session/reordered`
 */
export function openRows(
  rows: readonly AgentInputItem[],
  { scope, secrets, isAll }: { scope: Scope; secrets: readonly Secret[]; isAll: boolean },
): Opened[] {
  const opened = rows.map((row, index) => openRow(row, { scope, secrets, index }));
  const [first] = opened;
  if (isAll && first && first.envelope.seq !== 0) throw reordered(scope, 0);
  for (const [index, { envelope }] of opened.entries()) {
    const before = index === 0 ? undefined : opened[index - 1]?.envelope;
    if (before && (envelope.prev !== before.tag || envelope.seq !== before.seq + 1)) throw reordered(scope, index);
  }
  return opened;
}

function openRow(
  row: AgentInputItem,
  { scope, secrets, index }: { scope: Scope; secrets: readonly Secret[]; index: number },
): Opened {
  const { session } = scope;
  if (!isSealed(row)) {
    throw new SessionError(
      'session/plaintext',
      `Session "${session}" holds an item that is not sealed (index ${index} of what was read). It was not used and was
 kept. If it is yours, from before the session was encrypted, call reseal({ plaintext: true }).`.replace(/\n/g, ''),
      { positions: [index] },
    );
  }
  const envelope = envelopeOf(row);
  if (!envelope) throw tampered(scope, index);
  const secret = secrets.find(({ id }) => id === envelope.keyId);
  if (secret?.check !== envelope.check) {
    const why = secret ? `another key than the one given under that id` : `which is not among the given keys`;
    throw new SessionError(
      'session/wrong-key',
      `Session "${session}" holds an item sealed with key "${envelope.keyId}" (index ${index} of what was read), ${why}
 (${secrets.map(({ id }) => id).join(', ')}). Nothing was changed. Give the old key too, after the new one.`.replace(
        /\n/g,
        '',
      ),
      { positions: [index] },
    );
  }
  const text = open(envelope, scope, secret);
  if (text === undefined) throw tampered(scope, index);
  return { row, envelope, text };
}

function tampered({ tenant, session }: Scope, index: number): SessionError {
  return new SessionError(
    'session/tampered',
    `Session "${session}" of tenant "${tenant}" holds an item that was changed, or that belongs to another session ` +
      `(index ${index} of what was read). It was not used and was kept. Restore the row, or clear the session.`,
    { positions: [index] },
  );
}

function reordered({ tenant, session }: Scope, index: number): SessionError {
  return new SessionError(
    'session/reordered',
    `Session "${session}" of tenant "${tenant}": items before index ${index} of what was read are missing, repeated ` +
      'or in another order. Nothing was used and nothing was changed. Restore the rows, or clear the session.',
    { positions: [index] },
  );
}
