/** A line as stores keep it: JSON. */
import { SessionError } from '../errors.ts';
import { type Line, NOBODY } from './line.ts';

export const encodeLine = (line: Line): string => JSON.stringify(line);

/** @throws SessionError `session/store` for a text that is none */
export function decodeLine(text: string | undefined | null, sessionId: string): Line {
  if (text === undefined || text === null) return NOBODY;
  try {
    const line: unknown = JSON.parse(text);
    // Who wrote it was this package; what a hand changed is refused where it is no line.
    if (typeof line === 'object' && line !== null && 'fence' in line && 'waiting' in line) return line as Line;
  } catch {
    // Told below, with what to do.
  }
  throw new SessionError(
    'session/store',
    `The stored turn of session "${sessionId}" is unreadable. Delete its row or key (baton_session_turns, …:turn) when no run uses it.`,
  );
}
