/**
 * Takes secrets out of values that are about to be written down or sent: spans, errors, metadata, stored events.
 *
 * Three ways, all of them on at once: texts that look like a key (`redact.ts` has the shapes), members with a name such
 * as `password`, and literals that are configured. Inside of a text, JSON and `name: value` are looked through as well,
 * as arguments and outputs of tools are texts.
 *
 * R1: what comes back is JSON (cycles and binary data become a note), and nothing of the input is changed.
 */
import { UserError } from '../protocol/errors.ts';
import { redact } from './redact.ts';

/** What is taken out. Shapes of keys and tokens, and members with the usual names, always are. */
export type RedactionOptions = {
  /** Further names of members whose value is a secret, in any case: `ssn` means `SSN` and `ss_n` too. */
  fields?: readonly string[];
  /** Secrets by value, of at least 4 characters: found in plain, JSON-escaped, URL-encoded and base64 form. */
  literals?: readonly string[];
  /** Further texts to take out. */
  patterns?: readonly RegExp[];
  /** E-mail addresses too. @default false */
  emails?: boolean;
};

/** Returns the value without its secrets, as JSON. */
export type Redactor = (value: unknown) => unknown;

const HIDDEN = '[redacted]';
const MAX_DEPTH = 64;
/** Longer texts are not parsed as JSON, but searched as text. */
const MAX_JSON = 1_000_000;
const SHORTEST_LITERAL = 4;
const SHORTEST_NUMBER = 8;
/** Times, amounts and counts, in numbers that programs go on with. */
const MEASURES = /(?:^at|At|Ms|Usd|[tT]okens)$/;

/** The end of a member's name, by its words: `dbPassword` and `OPENAI_API_KEY` are meant too. */
const ENDINGS = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'api key',
  'access key',
  'secret key',
  'private key',
  'access token',
  'refresh token',
  'auth token',
  'id token',
  'bearer token',
  'session token',
  'authorization',
  'credential',
  'credentials',
];
/** Names that mean a secret only when they are the whole name: `tokens` and `cookieCount` are not. */
const NAMES = ['token', 'cookie', 'set cookie', 'pwd'];
/** One of these is in each of the names above. */
const HINTS = ['pass', 'pwd', 'secret', 'key', 'token', 'auth', 'credential', 'cookie'];

/** Short texts that were found clean are not searched again: names and ids come with every span. */
const MAX_REMEMBERED = 4096;
const LONGEST_REMEMBERED = 128;

const EMAIL = /\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b/g;
/** Headers whose value goes to the end of the line. */
const HEADER = /\b((?:(?:proxy-)?authorization|(?:set-)?cookie)["']?\s*[:=]\s*["']?)(?!\[redacted\])[^\r\n"']+/gi;

/** @throws UserError where a literal is too short or a field has no letter. */
export function createRedactor(options: RedactionOptions = {}): Redactor {
  const fields = (options.fields ?? []).map(fieldName);
  const rules: Rules = { ofText: textSearch(options, fields), isSecretName: nameCheck(fields) };
  return (value) => walk(value, rules, new Set());
}

type Rules = Readonly<{ ofText: (text: string) => string; isSecretName: (key: string) => boolean }>;

function walk(value: unknown, rules: Rules, seen: Set<object>): unknown {
  if (typeof value === 'string') return ofString(value, rules, seen);
  if (typeof value === 'object' && value !== null) return ofObject(value, rules, seen);
  if (typeof value === 'number' || typeof value === 'bigint') return ofNumber(value, rules);
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value;
}

/** A number may be what is configured: that of a card, an account, a customer. Short ones are counts. */
function ofNumber(value: number | bigint, { ofText }: Rules): unknown {
  const text = String(value);
  const found = text.length < SHORTEST_NUMBER ? text : ofText(text);
  if (found !== text) return found;
  return typeof value === 'bigint' ? text : value;
}

function ofString(text: string, rules: Rules, seen: Set<object>): string {
  const inner = jsonIn(text);
  if (inner === undefined) return rules.ofText(text);
  const after = JSON.stringify(walk(inner, rules, seen));
  // Unchanged JSON keeps its own layout.
  return rules.ofText(JSON.stringify(inner) === after ? text : after);
}

function ofObject(value: object, rules: Rules, seen: Set<object>): unknown {
  if (seen.has(value)) return '[circular]';
  if (seen.size > MAX_DEPTH) return '[too deep]';
  const plain = plainOf(value);
  if (typeof plain !== 'object' || plain === null) return walk(plain, rules, seen);
  seen.add(value);
  const copy = Array.isArray(plain)
    ? plain.map((item: unknown) => walk(item, rules, seen))
    : Object.fromEntries(
        Object.entries(plain).map(([key, item]) => [
          rules.ofText(key),
          rules.isSecretName(key) && isSet(item) ? HIDDEN : isMeasure(key, item) ? item : walk(item, rules, seen),
        ]),
      );
  seen.delete(value);
  return copy;
}

const isMeasure = (key: string, value: unknown): boolean => typeof value === 'number' && MEASURES.test(key);

function nameCheck(fields: readonly string[]): Rules['isSecretName'] {
  const names = new Set([...NAMES.map(normal), ...fields]);
  const endings = ENDINGS.map(normal);
  const others = new Set<string>();
  return (key) => {
    if (others.has(key)) return false;
    const plain = normal(key);
    // Attributes have paths for names: `metadata.token`.
    const last = normal(key.slice(key.lastIndexOf('.') + 1));
    const isSecret = names.has(plain) || names.has(last) || endings.some((ending) => plain.endsWith(ending));
    if (!isSecret) remember(others, key);
    return isSecret;
  };
}

function textSearch(options: RedactionOptions, fields: readonly string[]): Rules['ofText'] {
  const shapes = shapesOf(options);
  // Names of the usual fields are parted between words only, configured ones anywhere.
  const usual = namedValues([...ENDINGS, ...NAMES].map((name) => name.split(' ')));
  const configured = fields.length > 0 ? namedValues(fields.map((field) => Array.from(field))) : [];
  const hide = (_all: string, head: string): string => `${head}${HIDDEN}`;
  const search = (text: string): string => {
    let found = redact(text);
    for (const shape of shapes) found = found.replace(shape, HIDDEN);
    if (!found.includes(':') && !found.includes('=')) return found;
    const lower = found.toLowerCase();
    if (HINTS.some((hint) => lower.includes(hint))) {
      found = found.replace(HEADER, hide);
      for (const pattern of usual) found = found.replace(pattern, hide);
    }
    for (const pattern of configured) found = found.replace(pattern, hide);
    return found;
  };
  const clean = new Set<string>();
  return (text) => {
    if (clean.has(text)) return text;
    const found = search(text);
    if (found === text) remember(clean, text);
    return found;
  };
}

function remember(set: Set<string>, text: string): void {
  if (text.length > LONGEST_REMEMBERED) return;
  if (set.size >= MAX_REMEMBERED) set.clear();
  set.add(text);
}

const normal = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');

function fieldName(field: string): string {
  const name = normal(field);
  if (name === '') throw new UserError(`fields has ${JSON.stringify(field)}, which is no name of a member.`);
  return name;
}

/** A flag or nothing is no secret, and tells a reader something. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && typeof value !== 'boolean';
}

/** An object, a list or a text that is JSON in the text. */
function jsonIn(text: string): object | string | undefined {
  const start = /^\s*[[{"]/.test(text);
  if (!start || text.length > MAX_JSON) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return (typeof value === 'object' && value !== null) || typeof value === 'string' ? value : undefined;
  } catch {
    // A text that only looks like JSON, or that was cut: it is searched as text.
    return undefined;
  }
}

/** What JSON would make of a value; errors and binary data, of which it makes nothing useful, are said in words. */
function plainOf(value: object): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as unknown) : value;
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);

function shapesOf({ literals = [], patterns = [], emails = false }: RedactionOptions): RegExp[] {
  const shapes = patterns.map((pattern) => new RegExp(pattern.source, withGlobal(pattern.flags)));
  if (emails) shapes.push(EMAIL);
  const forms = new Set(literals.flatMap(formsOf));
  if (forms.size > 0) {
    const longestFirst = [...forms].toSorted((a, b) => b.length - a.length);
    shapes.unshift(new RegExp(longestFirst.map(escaped).join('|'), 'g'));
  }
  return shapes;
}

const withGlobal = (flags: string): string => (flags.includes('g') ? flags : `${flags}g`).replace('y', '');

/** How a literal looks in the texts that it can be part of. */
function formsOf(literal: string): string[] {
  if (literal.length < SHORTEST_LITERAL) {
    throw new UserError(
      `A literal to redact has ${literal.length} characters; it needs at least ${SHORTEST_LITERAL}. ` +
        'Shorter ones are part of ordinary words: use `patterns` or `fields`.',
    );
  }
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  const base64 = bytesToBase64(new TextEncoder().encode(literal)).replace(/=+$/, '');
  return [
    literal,
    inJson(literal),
    inJson(inJson(literal)),
    encodeURIComponent(literal.replaceAll(/\p{Surrogate}/gu, '\uFFFD')),
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
  ];
}

function bytesToBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** `name: value` inside of a text: with quotes around the value, and without. Names come in their parts. */
function namedValues(names: readonly (readonly string[])[]): RegExp[] {
  const loose = names.map((parts) => parts.map(escaped).join('[-_ .]?'));
  const head = String.raw`\b\w{0,40}(?:${loose.join('|')})\\*["']?\s{0,8}[:=]\s{0,8}`;
  return [
    new RegExp(String.raw`(${head}\\*(["']))(?!\[redacted\])(?:\\[\s\S]|(?!\2)[^\\])+`, 'giu'),
    new RegExp(String.raw`(${head})(?!\[redacted\])[^\s,;&}"'\\\[\]{]+`, 'giu'),
  ];
}
