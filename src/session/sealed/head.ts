/** The newest row, remembered elsewhere, so that a cut end is noticed. */
import { SessionError } from '../errors.ts';
import type { Opened, Scope } from './chain.ts';
import type { Envelope } from './envelope.ts';

/**
 * Where the newest item of one session is remembered: a file, a row of another database, that those who can write to
 * the session's store cannot write. One writer at a time. After a crash it may lag behind; that is no error.
 */
export type SealedHead = {
  read(): string | undefined | Promise<string | undefined>;
  /** `undefined`: nothing is known, as after `clearSession`. */
  write(head: string | undefined): void | Promise<void>;
};

/** The first row is no news: it changes with the key. */
export function headOf(envelope: Envelope | undefined): string {
  return envelope && envelope.seq > 0 ? `${envelope.seq}:${envelope.tag}` : '0';
}

/** @throws SessionError `session/truncated` when the remembered row is not among the rows, or before them */
export async function checkHead(
  head: SealedHead,
  { opened, scope, more }: { opened: readonly Opened[]; scope: Scope; more: (count: number) => Promise<Opened[]> },
): Promise<void> {
  const known = await head.read();
  if (known === undefined || known === '0') return;
  const [digits = '', tag] = known.split(':');
  const seq = Number(digits);
  const newest = (opened.at(-1) ?? (await more(1))[0])?.envelope.seq ?? -1;
  const isAt = ({ envelope }: Opened): boolean => envelope.seq === seq;
  const found = newest < seq ? undefined : (opened.find(isAt) ?? (await more(newest - seq + 1)).find(isAt));
  if (found?.envelope.tag === tag) return;
  throw new SessionError(
    'session/truncated',
    `Session "${scope.session}" of tenant "${scope.tenant}" ends before the newest item that \`head\` remembers ` +
      `(item ${seq}). Nothing was used and nothing was changed. Restore the rows, or clear the session.`,
  );
}
