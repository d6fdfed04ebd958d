/**
 * What rides with a request's signal through an adapter to the wire: how long silences may last, and who wants to see
 * the answer's headers. A router knows these for each attempt; the adapters between need not know of them.
 */
import type { WireTimeouts } from './http.ts';

export type WireHints = {
  /** Over those of the client. */
  timeouts?: WireTimeouts;
  /** Called when headers arrive, of good answers and of bad ones. Must not throw. */
  onHeaders?: (status: number, headers: Headers) => void;
};

// On the signal itself: a WeakMap with an entry a call costs the collector more than all else that a router does.
const HINTS: unique symbol = Symbol('baton.wire.hints');
type Hinted = AbortSignal & { [HINTS]?: WireHints };

/** Ties hints to a signal. It must be the request's own: one signal, one attempt. */
export function attachHints(signal: AbortSignal, given: WireHints): void {
  (signal as Hinted)[HINTS] = given;
}

export function hintsOf(signal: AbortSignal | undefined): WireHints | undefined {
  return (signal as Hinted | undefined)?.[HINTS];
}
