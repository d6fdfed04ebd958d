/**
 * Turns whatever a scenario observed into plain JSON that two SDKs can be compared by.
 *
 * N1 Live objects become their names: agents, tools, contexts and sessions are identities, not data.
 * N2 `undefined` and absent are the same; `null` is kept.
 * N3 Random ids are numbered by first appearance, so a trace says *which* ids are equal, never their text.
 */

/** Plain JSON, the only thing a trace holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Fields of errors that are part of the public contract. `stack`, `state` and codes of our own are not compared. */
const ERROR_FIELDS = ['refusal', 'timeoutMs', 'toolName', 'error', 'result'] as const;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** The name of the class that made `value`; anonymous and plain objects have none. */
function className(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!isRecord(prototype) || prototype === Object.prototype) return undefined;
  const maker = prototype['constructor'];
  return typeof maker === 'function' && maker.name !== 'Object' ? maker.name : undefined;
}

/** Class, message and public fields of whatever was thrown. */
export function describeError(error: unknown): Json {
  if (!(error instanceof Error)) return { thrown: plain(error) };
  const out: Record<string, Json> = { class: className(error) ?? 'Error', name: error.name, message: error.message };
  const fields = new Map(Object.entries(error));
  for (const field of ERROR_FIELDS) if (fields.get(field) !== undefined) out[field] = plain(fields.get(field));
  return out;
}

const LIVE: Record<string, (value: Record<string, unknown>) => string> = {
  Agent: (agent) => `Agent(${String(agent['name'])})`,
  Handoff: (handoff) => `Handoff(${String(handoff['toolName'])})`,
  RunContext: () => 'RunContext',
  RunState: () => 'RunState',
  RunResult: () => 'RunResult',
  StreamedRunResult: () => 'StreamedRunResult',
  AbortSignal: (signal) => `AbortSignal(${signal['aborted'] === true ? 'aborted' : 'open'})`,
  Runner: () => 'Runner',
};

function live(value: Record<string, unknown>): string | undefined {
  for (let at: unknown = Object.getPrototypeOf(value); isRecord(at); at = Object.getPrototypeOf(at)) {
    const maker = at['constructor'];
    const describe = typeof maker === 'function' ? LIVE[maker.name.replace(/^_+/, '')] : undefined;
    if (describe !== undefined) return describe(value);
  }
  return undefined;
}

function plainObject(value: Record<string, unknown>, path: object[]): Json {
  const name = live(value);
  if (name !== undefined) return name;
  if (value instanceof Error) return describeError(value);
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Map) return { $map: plain([...value], path) };
  if (value instanceof Set) return { $set: plain([...value], path) };
  if (value instanceof Uint8Array) return { $bytes: [...value] };
  const entries = Object.entries(value)
    .filter(([key, entry]) => entry !== undefined && !key.startsWith('_'))
    .map(([key, entry]): [string, Json] => [key, plain(entry, path)]);
  return Object.fromEntries(entries);
}

/** Deep copy into JSON; cycles and functions are named, not followed. */
export function plain(value: unknown, path: object[] = []): Json {
  if (value === undefined) return '$undefined';
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : `$number:${String(value)}`;
  if (typeof value === 'bigint') return `$bigint:${value}`;
  if (typeof value === 'function') return '$function';
  if (typeof value === 'symbol') return String(value);
  if (path.includes(value)) return '$cycle';
  const deeper = [...path, value];
  if (Array.isArray(value)) return value.map((entry) => plain(entry, deeper));
  return isRecord(value) ? plainObject(value, deeper) : '$unknown';
}

const RANDOM: [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'uuid'],
  [/\b(?:trace|span|group)_[0-9a-zA-Z]{20,}/g, 'trace'],
  [/\b(?:msg|fc|fcr|rs|resp|call|item|run)_[0-9a-zA-Z]{16,}/g, 'id'],
];

/** Numbers random ids by first appearance, over the whole trace. */
export function numberIds(trace: Json): Json {
  const seen = new Map<string, string>();
  const label = (id: string, kind: string): string => {
    const known = seen.get(id) ?? `<${kind} ${seen.size + 1}>`;
    seen.set(id, known);
    return known;
  };
  const visit = (value: Json): Json => {
    if (typeof value === 'string') {
      return RANDOM.reduce((text, [pattern, kind]) => text.replace(pattern, (id) => label(id, kind)), value);
    }
    if (Array.isArray(value)) return value.map(visit);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, visit(entry)]));
  };
  return visit(trace);
}

/** The first path at which two traces differ, or undefined when they are equal. Key order does not count. */
export function firstDifference(left: unknown, right: unknown, path = '$'): string | undefined {
  if (Object.is(left, right)) return undefined;
  if (!isRecord(left) || !isRecord(right) || Array.isArray(left) !== Array.isArray(right)) return path;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const deeper = Array.isArray(left) ? `${path}[${key}]` : `${path}.${key}`;
    const found = firstDifference(left[key], right[key], deeper);
    if (found !== undefined) return found;
  }
  return undefined;
}
