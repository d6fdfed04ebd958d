/**
 * Keeps keys and what else must not be shared out of a cassette. What is written went through here, and so did what is
 * compared with it.
 *
 * R1: a secret that a stream brings in pieces is found as well. R2: redacting twice is redacting once.
 */
import type { Json } from '../protocol/json.ts';
import { redact } from '../wire/index.ts';

export const REDACTED = '[redacted]';

export type RedactionOptions = {
  /**
   * Texts that must not be in the file: as they are, or by a pattern. Keys of the usual shapes, and the values of
   * environment variables whose names end in KEY, TOKEN, SECRET or PASSWORD, are always left out.
   */
  redact?: readonly (string | RegExp)[];
  /** Members whose values must not be in the file, by name, at any depth and in JSON texts too: `['email']`. */
  redactFields?: readonly string[];
};

/** Members that hold secrets by their names. Compared without case, `-` and `_`. */
const SECRET_FIELDS = [
  'authorization',
  'proxyauthorization',
  'apikey',
  'xapikey',
  'xgoogapikey',
  'cookie',
  'setcookie',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'clientsecret',
  'secretaccesskey',
  'privatekey',
  'password',
];

/** Shapes of secrets that errors never show, but conversations may. */
const SECRET_SHAPES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  /\b(?:gh[opsu]|github_pat|glpat|npm|xox[abprs])[_-][A-Za-z0-9_-]{16,}/g,
  /(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@[\]]{1,256}(?=@)/g,
];

const SECRET_VARIABLE = /(?:KEY|TOKEN|SECRET|PASSWORD)$/i;
/** A shorter value of a variable could be a word. */
const SHORTEST = 12;

export type Redactor = {
  text(text: string): string;
  /** A JSON value: texts by content, members by name. */
  json(value: Json): Json;
  /** A JSON value whose members are no data, such as a schema: texts only. */
  texts(value: Json): Json;
  /** Values that came one after the other, and may hold a secret in pieces. */
  sequence(values: readonly Json[]): Json[];
};

export function createRedactor({ redact: given = [], redactFields = [] }: RedactionOptions): Redactor {
  const literals = [...given.filter((each) => typeof each === 'string'), ...variables()]
    .filter((each) => each !== '')
    .toSorted((a, b) => b.length - a.length);
  const shapes = [...given.filter((each) => each instanceof RegExp).map(global), ...SECRET_SHAPES];
  const secretFields = new Set(SECRET_FIELDS);
  const chosenFields = new Set(redactFields.map(plain));

  const text = (value: string): string => {
    let clean = value;
    for (const literal of literals) clean = clean.replaceAll(literal, REDACTED);
    for (const shape of shapes) clean = clean.replace(shape, REDACTED);
    return redact(clean);
  };
  const isSecret = (key: string, value: Json): boolean => {
    const name = plain(key);
    if (chosenFields.has(name)) return true;
    // A schema may have a property "password"; only a value of that name is a secret.
    return secretFields.has(name) && (typeof value === 'string' || typeof value === 'number') && value !== '';
  };
  const walk = (value: Json, byName: boolean): Json => {
    if (typeof value === 'string') return (byName ? inJsonText(value) : undefined) ?? text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => walk(each, byName));
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        text(key),
        byName && isSecret(key, each) ? REDACTED : walk(each, byName),
      ]),
    );
  };
  /** Arguments and outputs of tools are often JSON in a text. `undefined` where nothing in it goes by its name. */
  const inJsonText = (value: string): string | undefined => {
    if (!/^\s*[[{]/.test(value)) return undefined;
    try {
      const parsed = JSON.parse(value) as Json;
      const clean = JSON.stringify(walk(parsed, true));
      return clean === JSON.stringify(walk(parsed, false)) ? undefined : clean;
    } catch {
      // It only began like JSON.
      return undefined;
    }
  };
  const json = (value: Json): Json => walk(value, true);
  const whole = (value: string): string => inJsonText(value) ?? text(value);
  return { text, json, texts: (value) => walk(value, false), sequence: (values) => inPieces(values.map(json), whole) };
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '');
const global = ({ source, flags }: RegExp): RegExp => new RegExp(source, `${flags.replaceAll(/[gy]/g, '')}g`);

function variables(): string[] {
  return Object.entries(globalThis.process?.env ?? {}).flatMap(([name, value]) =>
    value !== undefined && value.length >= SHORTEST && SECRET_VARIABLE.test(name) ? [value] : [],
  );
}

/**
 * Texts that stand in the same place of several values may be pieces of one. Where a secret shows only when they are
 * put together, the first piece becomes the whole clean text, and the others are emptied.
 */
function inPieces(values: readonly Json[], clean: (text: string) => string): Json[] {
  const pieces = new Map<string, string[]>();
  for (const value of values) collect(value, '', pieces);
  const rewritten = new Map<string, string>();
  for (const [path, texts] of pieces) {
    if (texts.length < 2) continue;
    const whole = texts.join('');
    const redacted = clean(whole);
    if (redacted !== whole) rewritten.set(path, redacted);
  }
  if (rewritten.size === 0) return [...values];
  return values.map((value) => rewrite(value, '', rewritten));
}

function collect(value: Json, path: string, into: Map<string, string[]>): void {
  if (typeof value === 'string') {
    const known = into.get(path);
    if (known) known.push(value);
    else into.set(path, [value]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) if (key !== 'type') collect(each, `${path}/${key}`, into);
  }
}

function rewrite(value: Json, path: string, texts: Map<string, string>): Json {
  if (typeof value === 'string') {
    const whole = texts.get(path);
    if (whole === undefined) return value;
    texts.set(path, '');
    return whole;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each, n) => rewrite(each, `${path}/${n}`, texts));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rewrite(each, `${path}/${key}`, texts)]));
}
