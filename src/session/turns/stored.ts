/** Lines that a server keeps: replaced by comparing and setting, and looked at now and then by those who wait. */
import type { SessionError } from '../errors.ts';
import { decodeLine, encodeLine } from './codec.ts';
import { decideTurn, type Line, livingHolder, type TurnAnswer, type TurnCommand } from './line.ts';
import { fenced, taken } from './refusals.ts';

export type StoredLine = { readonly text: string | undefined; readonly now: number };

export type LineIo = {
  readonly sessionId: string;
  /** The line and the time, both the server's. */
  readonly read: () => Promise<StoredLine>;
  /** Puts a line in the place of another, where that is still there. Gives whether it was. */
  readonly swap: (before: string | undefined, after: string) => Promise<boolean>;
  /** What stands for a line that was never stored. */
  readonly empty: Line;
};

/** Somebody else's change between the two steps makes it decide again: whoever loses, another has won. */
export async function changeLine({ sessionId, read, swap, empty }: LineIo, command: TurnCommand): Promise<TurnAnswer> {
  for (;;) {
    const { text, now } = await read();
    const before = text === undefined ? empty : decodeLine(text, sessionId);
    const { line, answer } = decideTurn(before, command, now);
    if (line === before || (await swap(text, encodeLine(line)))) return answer;
  }
}

/** What a server's own check of a turn refused, as the error that it is. `line` is what the server saw. */
export function refusal(kind: 'fenced' | 'taken', text: string | undefined, sessionId: string): SessionError {
  const line = decodeLine(text, sessionId);
  if (kind === 'fenced') return fenced(line, sessionId);
  return taken(livingHolder(line, 0)?.runId ?? 'unknown', sessionId);
}

/** Those in this process who wait for a change of a line, by session. */
const waiting = new Map<string, Set<() => void>>();

/** Tells them that it has changed. */
export function tell(session: string): void {
  for (const wake of waiting.get(session) ?? []) wake();
}

/** Whoever is next looks most often, by chance to spread them; those behind cannot have the turn yet. */
const LOOK_MS = 40;
const pauseOf = (place: number): number => LOOK_MS * (0.5 + Math.random()) * (1 + Math.min(place, 9));

/**
 * Resolves after a change in this process, or when it is time to look again.
 *
 * @param place how many wait before this one
 */
export async function changeOf(
  session: string,
  { signal, place }: { signal: AbortSignal; place: number },
): Promise<void> {
  if (signal.aborted) return;
  const here = waiting.get(session) ?? new Set();
  waiting.set(session, here);
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      here.delete(wake);
      if (here.size === 0 && waiting.get(session) === here) waiting.delete(session);
      resolve();
    };
    const timer = setTimeout(wake, pauseOf(place));
    signal.addEventListener('abort', wake);
    here.add(wake);
  });
}
