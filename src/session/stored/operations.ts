/** What makes a command safe to repeat. */
import { node } from '../../protocol/node.ts';
import { SessionError } from '../errors.ts';
import { canonical } from '../sqlite/codec.ts';
import type { Command } from '../sqlite/commands.ts';

/** Whether doing a command twice is doing it once. */
export function isRepeatable(command: Command): boolean {
  // Who takes a turn twice has it, under the newer fence.
  const isSafe = command.do === 'replace' || command.do === 'turn';
  return isSafe || (command.do === 'append' && command.operationId !== undefined);
}

/** The same for the same content, whatever the order of keys. */
export function operationHash(command: Command & { readonly do: 'append' | 'replace' }): string {
  const expected = command.do === 'replace' ? command.expected : [];
  const hash = node.crypto.createHash('sha256').update(`${command.do} ${expected.length}`);
  // A text of JSON holds no line feed.
  for (const text of [...expected, ...command.rows.map((row) => row.text)]) hash.update('\n').update(canonical(text));
  return hash.digest('base64');
}

export function isSameSuffix(stored: readonly string[], expected: readonly string[]): boolean {
  return (
    stored.length === expected.length &&
    stored.every((text, index) => {
      try {
        return canonical(text) === canonical(expected[index] ?? '');
      } catch {
        // Unreadable, so it is not what was expected.
        return false;
      }
    })
  );
}

/** Ids as servers take them: no NUL, no half characters. Different ids stay different. */
export function safeId(id: string): string {
  return id.replace(/[\0\\\p{Surrogate}]/gu, (char) =>
    char === '\\' ? '\\\\' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function cleared(session: string, place: string): SessionError {
  return new SessionError(
    'session/cleared',
    `Session "${session}" in ${place} was cleared since. A retry would bring erased items back, so it was refused. ` +
      'Append what is new under a new operation id.',
  );
}

export function conflict({
  session,
  head,
  expected,
}: {
  session: string;
  head: number;
  expected: number;
}): SessionError {
  return new SessionError(
    'session/conflict',
    `Session "${session}" ends at position ${head}, not at ${expected}: somebody else appended. Nothing was changed. ` +
      'Read what is new and try again.',
  );
}
