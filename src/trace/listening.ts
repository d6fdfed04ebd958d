/**
 * The one thing that runs know of tracing: whether anybody listens, and through whom. While the slot is empty a run
 * builds nothing. It is filled when a processor is set, so that a program without one does not load the rest.
 */
import type { RunTracer } from './run-tracer.ts';

let current: RunTracer | undefined;

/** Who traces runs; undefined where nobody listens. */
export const runTracer = (): RunTracer | undefined => current;

/** Sets who traces the runs that begin from now on. */
export function setRunTracer(tracer: RunTracer | undefined): void {
  current = tracer;
}
