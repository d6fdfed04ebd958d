/**
 * The one thing that runs know of tracing and metrics: whether anybody listens, and through whom. While the slots are
 * empty a run builds nothing. They are filled when a processor is set and when metrics are enabled, so that a program
 * without does not load the rest.
 */
import type { RunMeter, RunTracer } from './run-tracer.ts';

let current: RunTracer | undefined;

/** Who traces runs; undefined where nobody listens. */
export const runTracer = (): RunTracer | undefined => current;

/** Sets who traces the runs that begin from now on. */
export function setRunTracer(tracer: RunTracer | undefined): void {
  current = tracer;
}

let meter: RunMeter | undefined;

/** Who counts runs; undefined where nobody does. */
export const runMeter = (): RunMeter | undefined => meter;

/** Sets who counts the runs that begin from now on. */
export function setRunMeter(next: RunMeter | undefined): void {
  meter = next;
}
