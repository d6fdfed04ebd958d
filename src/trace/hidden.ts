/**
 * A run that is not to be traced, within a trace: what its user code says of itself is not traced either.
 */
import { at, currentPlace, type Place } from './context.ts';
import type { RunObserver } from './run-tracer.ts';
import { NoopSpan } from './span.ts';
import { NoopTrace } from './trace.ts';

const nothing = (): void => undefined;
const plainly = <T>(_effectId: string, work: () => T): T => work();

/** Watches nothing, and keeps a run out of the trace around it; undefined where there is none. */
export function hidingObserver(): RunObserver | undefined {
  const place = currentPlace();
  if (!place || place.trace instanceof NoopTrace) return undefined;
  return {
    // Nobody records it.
    segment: { id: '' },
    event: nothing,
    sent: nothing,
    around: (work) => at(nowhere(), work),
    within: plainly,
    inCall: plainly,
    close: nothing,
  };
}

const nowhere = (): Place => ({
  trace: new NoopTrace(),
  span: new NoopSpan({ type: 'custom', name: '', data: {} }),
});
