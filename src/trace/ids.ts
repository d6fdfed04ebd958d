/**
 * Ids of traces and spans. Random ones for what user code makes; those of a run's spans are hashes of what they are
 * of, so that they are the same whenever they are derived.
 */
import type { TracingIdGenerator } from './types.ts';

/** The id of traces and spans that are off. */
export const NOOP_ID = 'no-op';

/** A random id for a trace: `trace_` and 32 hex digits. */
export const generateTraceId = (): string => `trace_${randomHex(32)}`;

/** A random id for a span: `span_` and 24 hex digits. */
export const generateSpanId = (): string => `span_${randomHex(24)}`;

/** A random id that ties traces together: `group_` and 24 hex digits. */
export const generateGroupId = (): string => `group_${randomHex(24)}`;

/** Makes the ids that `generateTraceId` and `generateSpanId` make. */
export const defaultTracingIdGenerator: TracingIdGenerator = { generateTraceId, generateSpanId };

/** 96 random bits for a segment of a run. */
export const newSegmentId = (): string => randomHex(24);

/** What the ids of one segment of a run have in common. */
export type IdScope = { readonly a: number; readonly b: number; readonly c: number };

/** The beginning of the ids of one segment: of a trace, a segment and a run. */
export function idScope(...parts: readonly string[]): IdScope {
  const lanes = { ...SEED };
  for (const part of parts) {
    mixIn(lanes, part);
    mixIn(lanes, '\n');
  }
  return lanes;
}

/** The id of a span of a run: equal for equal parts, however often it is made. */
export function spanIdOf({ a, b, c }: IdScope, id: string, kind: string): string {
  const lanes = { a, b, c };
  mixIn(lanes, id);
  mixIn(lanes, '#');
  mixIn(lanes, kind);
  return `span_${hex(lanes)}`;
}

/** The id of a trace of a run that was not traced when it ran. */
export const traceIdOf = (runId: string): string => `trace_${hex(mixed(runId))}${hex(mixed(`${runId}\n`)).slice(0, 8)}`;

/** Random bytes are dear to ask for, one id at a time; what was used is overwritten with the next lot. */
const POOL = { bytes: /* @__PURE__ */ new Uint8Array(4096), used: 4096 };

function randomHex(digits: number): string {
  const { bytes } = POOL;
  if (POOL.used + digits / 2 > bytes.length) {
    globalThis.crypto.getRandomValues(bytes);
    POOL.used = 0;
  }
  let hex = '';
  for (const end = POOL.used + digits / 2; POOL.used < end; POOL.used++) hex += BYTES[bytes[POOL.used] ?? 0] ?? '';
  return hex;
}

type Lanes = { a: number; b: number; c: number };

const SEED: IdScope = { a: 0x9e3779b9, b: 0x85ebca6b, c: 0xc2b2ae35 };

/**
 * 96 bits in three lanes of multiply and rotate. Not for secrets: it spreads ids, no more. Node's hashes cost 2 µs a
 * call and are not there in every runtime.
 */
function mixIn(lanes: Lanes, text: string): void {
  let { a, b, c } = lanes;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(((a << 5) | (a >>> 27)) ^ code, 0x2c1b3c6d);
    b = Math.imul(((b << 11) | (b >>> 21)) ^ code, 0x297a2d39);
    c = Math.imul(((c << 17) | (c >>> 15)) ^ code, 0x1b873593);
  }
  lanes.a = a;
  lanes.b = b;
  lanes.c = c;
}

function mixed(text: string): IdScope {
  const lanes = { ...SEED };
  mixIn(lanes, text);
  return lanes;
}

/** The lanes as hex, after each has changed each of the others. */
function hex({ a, b, c }: IdScope): string {
  for (let round = 0; round < 2; round++) {
    a = avalanche((a + b) | 0);
    b = avalanche((b + c) | 0);
    c = avalanche((c + a) | 0);
  }
  return (
    triple(a >>> 20) +
    triple(a >>> 8) +
    triple((a << 4) | (b >>> 28)) +
    triple(b >>> 16) +
    triple(b >>> 4) +
    triple((b << 8) | (c >>> 24)) +
    triple(c >>> 12) +
    triple(c)
  );
}

function avalanche(lane: number): number {
  const half = Math.imul(lane ^ (lane >>> 16), 0x7feb352d);
  const whole = Math.imul(half ^ (half >>> 15), 0x846ca68b);
  return whole ^ (whole >>> 16);
}

const BYTES: readonly string[] = /* @__PURE__ */ Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);
/** Twelve bits as three digits: a third of the joining that bytes need. Each is made when it is first asked for. */
const TRIPLES = /* @__PURE__ */ Array.from<string | undefined>({ length: 4096 });
const triple = (bits: number): string => (TRIPLES[bits & 4095] ??= (bits & 4095).toString(16).padStart(3, '0'));
