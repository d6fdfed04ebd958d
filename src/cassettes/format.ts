/**
 * A cassette as text and back.
 *
 * T1: reading what was written gives equal data. T2: a request is written as what is new since an earlier entry
 * (`like`, `keeps`), so that a conversation of n turns stands in the file once and not n times.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../protocol/json.ts';
import { CassetteError } from './errors.ts';
import {
  type CassetteData,
  type CassetteEntry,
  FORMAT,
  isMembers,
  type Members,
  REQUEST_PARTS,
  type RequestParts,
  VERSION,
} from './types.ts';

const WIDTH = 110;
/** How far back a request looks for one that it resembles. */
const LOOK_BACK = 50;

export function encode({ entries, ...head }: CassetteData): string {
  const texts = entries.map((entry, n) => `    ${entryText(entry, n, entries)}`);
  const list = texts.length === 0 ? '[]' : `[\n${texts.join(',\n')}\n  ]`;
  const opening = pretty(head as unknown as Json).slice(0, -2);
  return `${opening},\n  "entries": ${list}\n}\n`;
}

type Written = { n: number; like: number; base: CassetteEntry | undefined; text: string };

/** Entries do not change: a recording writes its file after each answer, and makes the text of each entry once. */
const written = new WeakMap<CassetteEntry, Written>();

function entryText(entry: CassetteEntry, n: number, entries: readonly CassetteEntry[]): string {
  const known = written.get(entry);
  if (known?.n === n && entries[known.like - 1] === known.base) return known.text;
  const { like, request } = entry.kind === 'model' ? shorten(entry.request, entries.slice(0, n)) : whole(entry.request);
  const text = pretty({ ...(entry as unknown as Members), request }, INDENT);
  written.set(entry, { n, like, base: entries[like - 1], text });
  return text;
}

const INDENT = '    ';

/** What is written of a request, and of which entry (counted from 1) the rest is; 0 for none. */
type Shortened = { like: number; request: Json };

const whole = (request: object): Shortened => ({ like: 0, request: request as Members });

/** The request without what entry `like` has as well; `keeps` counts the items that they share. */
function shorten(request: RequestParts, earlier: readonly CassetteEntry[]): Shortened {
  let best: { at: number; request: RequestParts; keeps: number; equal: number } | undefined;
  for (const [i, entry] of earlier.slice(-LOOK_BACK).entries()) {
    if (entry.kind !== 'model') continue;
    const keeps = sharedItems(entry.request.input, request.input);
    if (best && keeps < best.keeps) continue;
    const equal = REQUEST_PARTS.filter((part) => part !== 'input' && same(entry.request[part], request[part])).length;
    const at = Math.max(0, earlier.length - LOOK_BACK) + i + 1;
    if (!best || keeps > best.keeps || equal >= best.equal) best = { at, request: entry.request, keeps, equal };
  }
  if (!best || (best.keeps === 0 && best.equal < 3)) return whole(request);
  // What is not known here and known there cannot be told by leaving it out.
  const base = best.request;
  if (REQUEST_PARTS.some((part) => base[part] !== undefined && request[part] === undefined)) return whole(request);
  const changed = REQUEST_PARTS.flatMap((part): [string, Json][] => {
    const value = request[part];
    if (value === undefined || part === 'input' || same(base[part], value)) return [];
    return [[part, value]];
  });
  const { at: like, keeps } = best;
  const items = Array.isArray(request.input) && { keeps, input: request.input.slice(keeps) };
  return { like, request: { like, ...Object.fromEntries(changed), ...items } };
}

const same = (a: Json | undefined, b: Json | undefined): boolean => isDeepStrictEqual(a, b);

function sharedItems(a: Json | undefined, b: Json | undefined): number {
  if (!Array.isArray(a) || !Array.isArray(b)) return 0;
  let n = 0;
  while (n < a.length && n < b.length && same(a[n], b[n])) n++;
  return n;
}

/** @throws CassetteError `cassette/format` that says what is wrong and where */
export function decode(text: string, name: string): CassetteData {
  const wrong = (why: string): CassetteError =>
    new CassetteError('cassette/format', `${name} is not a cassette, or it is damaged: ${why}.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CassetteError('cassette/format', `${name} is not JSON: ${why}`, { cause });
  }
  return check(value, name, wrong);
}

function check(value: unknown, name: string, wrong: (why: string) => CassetteError): CassetteData {
  if (!isMembers(value) || value.format !== FORMAT) throw wrong(`its "format" is not "${FORMAT}"`);
  if (value.version !== VERSION) {
    const version = JSON.stringify(value.version) ?? 'none';
    throw new CassetteError(
      'cassette/format',
      `${name} has version ${version}; this SDK reads version ${VERSION}. Use the SDK that wrote it, or record again.`,
    );
  }
  if (!Array.isArray(value.entries)) throw wrong('it has no list of entries');
  const entries: CassetteEntry[] = [];
  value.entries.forEach((entry, n) => {
    const problem = problemOf(entry);
    if (problem !== undefined) throw wrong(`entry ${n + 1} ${problem}`);
    // Checked just now, as far as a reader relies on it.
    const read = entry as unknown as CassetteEntry;
    entries.push(read.kind === 'model' ? { ...read, request: restore(read.request, entries, wrong) } : read);
  });
  return { ...(value as unknown as CassetteData), entries };
}

function problemOf(entry: Json): string | undefined {
  if (!isMembers(entry) || !isMembers(entry.request)) return 'has no request';
  if (entry.kind === 'fetch') {
    const { response } = entry;
    const whole = isMembers(response) && typeof response.status === 'number' && Array.isArray(response.chunks);
    return whole ? undefined : 'has no response with a status and chunks';
  }
  if (entry.kind !== 'model') return `is of the unknown kind ${JSON.stringify(entry.kind) ?? 'none'}`;
  if (isMembers(entry.error)) return undefined;
  if (entry.aborted === true || Array.isArray(entry.events)) return undefined;
  if (isMembers(entry.response) && Array.isArray(entry.response.output)) return undefined;
  return 'has neither a response with an output, nor events, nor an error';
}

function restore(
  request: Members & RequestParts,
  earlier: readonly CassetteEntry[],
  wrong: (why: string) => CassetteError,
): RequestParts {
  const { like, keeps = 0, ...own } = request;
  if (like === undefined) return own;
  const base = typeof like === 'number' ? earlier[like - 1] : undefined;
  if (base?.kind !== 'model') throw wrong(`an entry is like entry ${JSON.stringify(like)}, which is not before it`);
  const { input: shared, ...parts } = base.request;
  if (!Array.isArray(own.input)) return { ...parts, ...own };
  const kept = Array.isArray(shared) ? shared.slice(0, Number(keeps)) : [];
  return { ...parts, ...own, input: [...kept, ...own.input] };
}

/** JSON that people read and diff: what fits on a line stands on one, lists of numbers always do. */
function pretty(value: Json, indent = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // The compact form is never longer, and much cheaper.
  const isShort = indent.length + JSON.stringify(value).length <= WIDTH;
  if (indent.length > 0 && (isShort || isNumbers(value))) {
    const flat = inline(value);
    if (indent.length + flat.length <= WIDTH || isNumbers(value)) return flat;
  }
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const lines = value.map((each) => `${deeper}${pretty(each, deeper)}`);
    return lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n${indent}]`;
  }
  const lines = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => `${deeper}${JSON.stringify(key)}: ${pretty(each, deeper)}`);
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`;
}

const isNumbers = (value: Json): boolean => Array.isArray(value) && value.every((each) => typeof each === 'number');

function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  if (members.length === 0) return '{}';
  return `{ ${members.map(([key, each]) => `${JSON.stringify(key)}: ${inline(each)}`).join(', ')} }`;
}
