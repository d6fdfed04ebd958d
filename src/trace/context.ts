/**
 * Where code is: in which trace, in which span. Kept by AsyncLocalStorage, which is made when it is first needed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from './span.ts';
import type { Trace } from './trace.ts';

/** A place in a trace. `span` is the innermost one. */
export type Place = { readonly trace: Trace; span: Span | undefined };

/** Keeps a value for everything that a callback does, awaited work included; as AsyncLocalStorage does. */
export type TracingContextStorage<TStore = unknown> = {
  run<TResult>(store: TStore, callback: () => TResult): TResult;
  getStore(): TStore | undefined;
  enterWith(store: TStore | undefined): void;
};

/** A trace and a span, to be taken up elsewhere by `withTraceContext`. */
export type TraceContextSnapshot = Readonly<{ trace: Trace; span?: Span | null }>;

type Slot = { custom: TracingContextStorage<Place> | undefined; own: AsyncLocalStorage<Place> | undefined };
const slot: Slot = { custom: undefined, own: undefined };

const storage = (): TracingContextStorage<Place> => slot.custom ?? (slot.own ??= new AsyncLocalStorage<Place>());

/**
 * Replaces AsyncLocalStorage, for runtimes that have none. Call it before anything is traced; `undefined` sets it back.
 */
export function setTracingContextStorage(custom?: TracingContextStorage): void {
  // What is kept is ours alone: a storage hands back what it was given.
  slot.custom = custom as TracingContextStorage<Place> | undefined;
}

/** Does `work` at a place; nothing there is in a trace where it is undefined. */
export function at<T>(place: Place | undefined, work: () => T): T {
  return storage().run(place as Place, work);
}

export const currentPlace = (): Place | undefined => storage().getStore();

/** The trace that this code runs in, or null. */
export const getCurrentTrace = (): Trace | null => currentPlace()?.trace ?? null;

/** The innermost span that this code runs in, or null. In a tool, it is the span of the call. */
export const getCurrentSpan = (): Span | null => currentPlace()?.span ?? null;

/** Trace and span that this code runs in, or null where there is no trace. */
export function getCurrentTraceContext(): TraceContextSnapshot | null {
  const place = currentPlace();
  return place ? { trace: place.trace, span: place.span ?? null } : null;
}

/** Runs `fn` in a trace and span that were captured elsewhere, or in none. */
export function withTraceContext<T>(context: TraceContextSnapshot | null | undefined, fn: () => T): T {
  return at(context ? { trace: context.trace, span: context.span ?? undefined } : undefined, fn);
}

/** Makes a span the current one, until `resetCurrentSpan()`. Needs a trace around it. */
export function setCurrentSpan(span: Span): void {
  const place = currentPlace();
  if (!place) return;
  span.previousSpan = place.span;
  place.span = span;
}

/** Undoes the last `setCurrentSpan()`. */
export function resetCurrentSpan(): void {
  const place = currentPlace();
  if (place?.span) place.span = place.span.previousSpan;
}
