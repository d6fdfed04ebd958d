/** Trying again until a time is up: what a store on a network needs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { timerMs } from '../protocol/timers.ts';

/** By `performance.now()`. `ms` is what the caller was ready to wait in all. */
export type Deadline = { readonly at: number; readonly ms: number };

/** What an error means: what the user gets, and whether the same may be tried again without harm. */
export type Verdict = { readonly error: Error & { readonly code: string }; readonly again: boolean };

/** Between two tries, at random up to this much; doubled with each. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

/** Nothing answered within the time. It may have happened or not. */
export class Silence extends Error {}

/** An error before anything was sent: nothing has happened. */
export class NotConnected extends Error {}

/** Tries until it is done, until the verdict says that another try is no use, or until the time is up. */
export async function persist<T>(
  deadline: Deadline,
  attempt: () => Promise<T>,
  judge: (error: unknown) => Verdict,
): Promise<T> {
  let doubt: Verdict['error'] | undefined;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    try {
      return await attempt();
    } catch (thrown) {
      const { error, again } = judge(thrown);
      if (!again) throw error;
      // Once an answer was lost, no later failure may say that nothing was changed.
      if (error.code.endsWith('/lost')) doubt = error;
      const wait = Math.random() * pause;
      if (performance.now() + wait >= deadline.at) throw doubt ?? error;
      await sleep(wait);
    }
  }
}

/** Rejects with `Silence` when the time is up first. */
export async function within<T>(deadline: Deadline, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const left = Math.max(0, deadline.at - performance.now());
    timer = setTimeout(() => reject(new Silence(`no answer for ${Math.round(left)} ms`)), timerMs(left));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The cause of an error without what a server may have put beside its message, such as rows. */
export function causeOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return Object.assign(new Error(error.message), code !== undefined && { code });
}
