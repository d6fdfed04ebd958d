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

/** The id of a span of a run: equal for equal parts, however often it is made. */
export const spanIdOf = (...parts: readonly string[]): string => `span_${hashOf(parts.join('\n'))}`;

/** The id of a trace of a run that was not traced when it ran. */
export const traceIdOf = (runId: string): string => `trace_${hashOf(runId)}${hashOf(`${runId}\n`).slice(0, 8)}`;

function randomHex(digits: number): string {
  let hex = '';
  for (const byte of globalThis.crypto.getRandomValues(new Uint8Array(digits / 2))) hex += BYTES[byte];
  return hex;
}

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * 96 bits as hex: three lanes of multiply and rotate, mixed at the end. Not for secrets: it spreads ids, no more. Node's
 * hashes cost 2 µs a call and are not there in every runtime.
 */
function hashOf(text: string): string {
  let [a, b, c] = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(rotate(a, 5) ^ code, 0x2c1b3c6d);
    b = Math.imul(rotate(b, 11) ^ code, 0x297a2d39);
    c = Math.imul(rotate(c, 17) ^ code, 0x1b873593);
  }
  a ^= text.length;
  for (let round = 0; round < 2; round++) {
    a = avalanche((a + b) | 0);
    b = avalanche((b + c) | 0);
    c = avalanche((c + a) | 0);
  }
  return [a, b, c].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}

const rotate = (lane: number, bits: number): number => (lane << bits) | (lane >>> (32 - bits));

function avalanche(lane: number): number {
  const half = Math.imul(lane ^ (lane >>> 16), 0x7feb352d);
  const whole = Math.imul(half ^ (half >>> 15), 0x846ca68b);
  return whole ^ (whole >>> 16);
}
