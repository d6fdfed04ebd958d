/** Sends what is queued, at the end of a request or a program. */
import { UserError } from '../../protocol/errors.ts';
import { timerMs } from '../../protocol/timers.ts';
import { getGlobalTraceProvider } from '../provider.ts';

export type FlushTracesOptions = {
  /** How long to wait, in milliseconds. @default 10_000 */
  timeoutMs?: number;
  /** Given the wait, so that a serverless platform keeps the function alive while the answer is already on its way. */
  waitUntil?: (promise: Promise<unknown>) => void;
};

/**
 * Flushes all trace processors. Resolves when each has sent what it had or has given up, or after `timeoutMs`; it never
 * rejects. Whether everything arrived is told by an exporter's `stats()`.
 *
 * @throws UserError where `timeoutMs` is not a number of at least zero
 */
export async function flushTraces({ timeoutMs = 10_000, waitUntil }: FlushTracesOptions = {}): Promise<void> {
  if (!(timeoutMs >= 0)) throw new UserError(`timeoutMs is ${timeoutMs}. Set it to milliseconds of at least zero.`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timerMs(timeoutMs));
  });
  const flushed = getGlobalTraceProvider().forceFlush();
  const done = Promise.race([flushed, timeout]).finally(() => clearTimeout(timer));
  waitUntil?.(done);
  await done;
}
