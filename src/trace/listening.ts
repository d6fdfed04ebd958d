/**
 * The one thing that runs know of tracing and metrics: whether anybody listens, and through whom. While the slots are
 * empty a run builds nothing. They are filled when a processor is set, by the local store when the first run begins, and
 * when metrics are enabled; so `run` does not load the rest.
 */
import { warn } from '../protocol/warn.ts';
import type { RunMeter, RunTracer } from './run-tracer.ts';

type Slot = {
  meter: RunMeter | undefined;
  tracer: RunTracer | undefined;
  store: Promise<void> | 'untouched' | 'settled';
};
const slot: Slot = { meter: undefined, tracer: undefined, store: 'untouched' };

/** Who traces runs; undefined where nobody listens. */
export const runTracer = (): RunTracer | undefined => slot.tracer;

/** Sets who traces the runs that begin from now on. */
export function setRunTracer(tracer: RunTracer | undefined): void {
  slot.tracer = tracer;
}

/** Somebody has said where traces go, or that there are to be none: the local store is not started. */
export function settleStore(): void {
  slot.store = 'settled';
}

/** What the first run of a process has to wait for: the local store, where nobody has said where traces go. */
export function startingStore(): Promise<void> | undefined {
  if (slot.store === 'settled') return undefined;
  if (slot.store !== 'untouched') return slot.store;
  if (!isWanted()) {
    slot.store = 'settled';
    return undefined;
  }
  slot.store = import('./store/start.ts').then(
    ({ start }) => {
      // Meanwhile somebody may have said something else.
      if (slot.store !== 'settled') start();
      slot.store = 'settled';
    },
    (error: unknown) => {
      slot.store = 'settled';
      warn(`Runs are not kept in the local trace store, which could not be loaded: ${String(error)}`);
    },
  );
  return slot.store;
}

/** Off by variable, in tests, and where there is no Node. */
function isWanted(): boolean {
  const { env, versions } = globalThis.process ?? {};
  return versions?.node !== undefined && !isOffByEnvironment() && env?.['BATON_TRACE_STORE'] !== 'off';
}

/** `OPENAI_AGENTS_DISABLE_TRACING`, and tests. */
export function isOffByEnvironment(): boolean {
  const { env } = globalThis.process ?? {};
  const flag = env?.['OPENAI_AGENTS_DISABLE_TRACING'] ?? '';
  return flag === '1' || flag.toLowerCase() === 'true' || env?.['NODE_ENV'] === 'test';
}

/** Who counts runs; undefined where nobody does. */
export const runMeter = (): RunMeter | undefined => slot.meter;

/** Sets who counts the runs that begin from now on. */
export function setRunMeter(next: RunMeter | undefined): void {
  slot.meter = next;
}
