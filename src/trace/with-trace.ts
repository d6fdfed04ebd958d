/**
 * Traces around work of any kind, with or without a run in it.
 */
import { at, getCurrentTrace } from './context.ts';
import { startingStore } from './listening.ts';
import { getGlobalTraceProvider } from './provider.ts';
import { DEFAULT_NAME, Trace } from './trace.ts';
import type { TraceOptions } from './types.ts';

/**
 * Runs `fn` in a new trace, given by its name or made before, and ends it when `fn` is done or failed. Runs in it
 * become part of the trace, under the span that is current.
 *
 * @example
 * await withTrace('Refund', async () => {
 *   await run(triage, 'I want my money back.');
 *   await run(survey, 'Ask how it went.');
 * });
 */
export async function withTrace<T>(
  trace: string | Trace,
  fn: (trace: Trace) => Promise<T>,
  options: TraceOptions = {},
): Promise<T> {
  const starting = startingStore();
  if (starting) await starting;
  const opened =
    trace instanceof Trace ? trace : getGlobalTraceProvider().createTrace({ ...options, name: trace || DEFAULT_NAME });
  await opened.start();
  try {
    return await at({ trace: opened, span: undefined }, () => fn(opened));
  } finally {
    await opened.end();
  }
}

/** Runs `fn` in the current trace; where there is none, in a new one. */
export function getOrCreateTrace<T>(fn: () => Promise<T>, options: TraceOptions = {}): Promise<T> {
  return getCurrentTrace() ? fn() : withTrace(options.name ?? DEFAULT_NAME, fn, options);
}
