import type { RunEvent } from '../kernel/index.ts';
import { type EventLog, LogError } from '../log/index.ts';

type TooLarge = { readonly cause: unknown; readonly events: readonly RunEvent[]; readonly fence: number };

/**
 * After a commit that failed. What is too large to be kept would be done again by each worker that takes the run up, and
 * never be kept. So the run fails, by the hand of who takes it up next: in this process its state has gone beyond its log.
 */
export async function stopForGood(log: EventLog, runId: string, { cause, events, fence }: TooLarge): Promise<void> {
  if (!(cause instanceof LogError && cause.code === 'log/too-large')) return;
  const [answer] = events;
  const id = answer && 'id' in answer && answer.id !== undefined ? { id: answer.id } : {};
  const error = { name: 'SystemError', message: `What came of a step could not be kept. ${cause.message}` };
  const event: RunEvent = { type: 'run.stopping', cause: 'uncertain', error, ...id };
  // Where there is no such run yet, nothing was done.
  await log.post(runId, { key: `too-large:${fence}`, event }).catch(() => undefined);
}
