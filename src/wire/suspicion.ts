/**
 * Whether a JSON text could hold anything that a redactor would take out: one look along the text, many times cheaper
 * than taking it apart. It looks where something rare stands (long words, dashes, colons) and from there at what is
 * before or after it.
 *
 * S1: where it says no, the redactor changes nothing; `suspicion.property.test.ts` holds the two together. Where it says
 *     yes, there may still be nothing.
 * S2: the text may hold JSON in JSON: what is escaped there has any number of backslashes before it.
 */
import type { RedactionOptions } from './redaction.ts';

type Suspicion = (json: string) => boolean;

/** Says of a JSON text whether a redactor with these options might change it. */
export function suspicion(options: RedactionOptions = {}): Suspicion {
  const { literals = [], fields = [], patterns = [], emails = false } = options;
  // Of these is not known what they find.
  if (patterns.length > 0 || ![...literals, ...fields].every((text) => PLAIN.test(text))) return () => true;
  const own = fields.map((field) => field.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
  const endings = endingsOf([...NAMES, ...own]);
  const given = literals.length > 0 ? new RegExp(literals.flatMap(formsOf).map(anyEscaped).join('|')) : undefined;
  return (json) =>
    hasLongWord(json) ||
    hasDash(json) ||
    hasName(json, ':', endings) ||
    hasName(json, '=', endings) ||
    SCHEME.test(json) ||
    (json.includes('@') && URL_WITH_USER.test(json)) ||
    HIDDEN_LETTERS.test(json) ||
    json.includes(String.raw`\u`) ||
    given?.test(json) === true ||
    (emails && json.includes('@'));
}

const PLAIN = /^[\x20-\x7E]+$/;
const SCHEME = /bearer[\s\\]|basic[\s\\]/i;
/** A colon within the authority of a URL. */
const URL_WITH_USER = /:\\*\/\\*\/[^\s@]{0,1000}@/;
/** Letters that become those of a name in lower case. */
const HIDDEN_LETTERS = /[\u0130\u212A]/;

const [E, J, K, S, Y] = [101, 106, 107, 115, 121];

// Long words

/** The least that a key has of letters, digits, `_` and `-`: `eyJ` and 8 more. */
const SHORTEST_KEY = 11;
const KEY_BEGINS =
  /(?:gsk|xai|hf|gh[opsur]|github_pat|npm|glpat|aiza|akia|asia)[a-z0-9_-]{16}|xox[abposr]-[a-z0-9-]{10}|(?:sk|rk|pk|whsec)_[a-z0-9_]{12}|eyj[a-z0-9_-]{8}/i;

/** Looks at each eleventh character, and at more only where it is one of a word. */
function hasLongWord(json: string): boolean {
  let begin = 0;
  let last = SHORTEST_KEY - 1;
  while (last < json.length) {
    let at = last;
    while (at >= begin && isOfWord(json.charCodeAt(at))) at -= 1;
    if (at < begin) {
      let end = last + 1;
      while (end < json.length && isOfWord(json.charCodeAt(end))) end += 1;
      const isShort = end - begin < SHORTEST_OTHER;
      if (isShort ? hasToken(json, begin, end) : KEY_BEGINS.test(json.slice(begin, end))) return true;
      at = end;
    }
    begin = at + 1;
    last = at + SHORTEST_KEY;
  }
  return false;
}

/** The least of all but those that begin with `eyJ`: most long words of JSON are names that are shorter. */
const SHORTEST_OTHER = 15;

function hasToken(json: string, begin: number, end: number): boolean {
  for (let at = begin; at + SHORTEST_KEY <= end; at++) {
    const isE = (json.charCodeAt(at) | 32) === E;
    if (isE && (json.charCodeAt(at + 1) | 32) === Y && (json.charCodeAt(at + 2) | 32) === J) return true;
  }
  return false;
}

const WORD = new Uint8Array(128);
for (const letter of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-') WORD[letter.charCodeAt(0)] = 1;
const isOfWord = (code: number): boolean => code < 128 && WORD[code] === 1;

// Dashes

const AFTER_PREFIX = /(?<=(?:^|[^a-z0-9_]|\\[a-z])(?:sk|rk|pk|sess|ek)-)[a-z0-9_*.-]{6}/iy;

function hasDash(json: string): boolean {
  for (let at = json.indexOf('-'); at >= 0; at = json.indexOf('-', at + 1)) {
    const before = json.charCodeAt(at - 1) | 32;
    if (before === K || before === S) {
      AFTER_PREFIX.lastIndex = at + 1;
      if (AFTER_PREFIX.test(json)) return true;
    }
    // The first line of a private key.
    if (before === Y && json.startsWith('-----', at)) return true;
  }
  return false;
}

// Names of members

/** How the names of members end whose value is a secret. */
const NAMES = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'key',
  'token',
  'authorization',
  'credential',
  'credentials',
  'cookie',
  'pwd',
];

type Endings = {
  /** The codes of names from the last to the first, by the last. */
  readonly byLast: readonly (readonly (readonly number[])[] | undefined)[];
  /** Of two letters, whether a name ends with them. */
  readonly pairs: Uint8Array;
};

function endingsOf(names: readonly string[]): Endings {
  const byLast: number[][][] = [];
  const pairs = new Uint8Array(128 * 128);
  for (const name of names) {
    const codes = Array.from(name, (letter) => letter.charCodeAt(0)).toReversed();
    const [last, before] = codes;
    if (last === undefined) continue;
    (byLast[last] ??= []).push(codes);
    // A name of one letter ends any word that does.
    if (before === undefined) for (let code = 0; code < 128; code++) pairs[code * 128 + last] = 1;
    else pairs[before * 128 + last] = 1;
  }
  return { byLast, pairs };
}

/** Whether a name stands before the sign, with whatever there may be between its letters and after it. */
function hasName(json: string, sign: ':' | '=', endings: Endings): boolean {
  let before = -1;
  for (let at = json.indexOf(sign); at >= 0; at = json.indexOf(sign, at + 1)) {
    // Nothing new since the sign before: it was looked at there.
    if (!isOtherWord(json, at, endings) && letterBefore(json, at, before) > before && endsWithName(json, at, endings))
      return true;
    before = at;
  }
  return false;
}

/** Whether right before the sign, or before a quote there, are two letters that no name ends with: so it is mostly. */
function isOtherWord(json: string, sign: number, { pairs }: Endings): boolean {
  const last = json.charCodeAt(sign - 1) === QUOTE ? sign - 2 : sign - 1;
  const [one, two] = [lower(json.charCodeAt(last - 1)), lower(json.charCodeAt(last))];
  // Behind a backslash, the first may be the letter of an escape.
  return one > 0 && two > 0 && json.charCodeAt(last - 2) !== BACKSLASH && pairs[one * 128 + two] === 0;
}

/** Escapes that are passed over at most: with more of them in a row, a text is suspect. */
const MOST_ESCAPES = 64;

function endsWithName(json: string, place: number, endings: Endings): boolean {
  let at = letterBefore(json, place, -1);
  for (let escapes = 0; at >= 0; escapes++) {
    const last = at;
    if (escapes > MOST_ESCAPES) return true;
    if (endings.byLast[lower(json.charCodeAt(at))]?.some((name) => goesOn({ json, name }, last, 1))) return true;
    if (!isEscape(json, at)) return false;
    at = letterBefore(json, at, -1);
  }
  return false;
}

type Sought = { readonly json: string; readonly name: readonly number[] };

/** Whether the rest of a name stands before a place: each letter, or behind it the letter of an escape. */
function goesOn(sought: Sought, place: number, n: number): boolean {
  const { json, name } = sought;
  if (n === name.length) return true;
  let at = letterBefore(json, place, -1);
  for (let escapes = 0; at >= 0; escapes++) {
    if (escapes > MOST_ESCAPES) return true;
    if (lower(json.charCodeAt(at)) === name[n] && goesOn(sought, at, n + 1)) return true;
    if (!isEscape(json, at)) return false;
    at = letterBefore(json, at, -1);
  }
  return false;
}

const ESCAPES = 'bfnrt';
const [QUOTE, BACKSLASH] = [34, 92];
/** The letter of a line end or the like, or of a word behind a backslash. */
const isEscape = (json: string, at: number): boolean =>
  json.charCodeAt(at - 1) === BACKSLASH && ESCAPES.includes(json.charAt(at));

/** Where the letter or digit before a place is, after `least`; else `least`. */
function letterBefore(json: string, place: number, least: number): number {
  let at = place - 1;
  while (at > least && lower(json.charCodeAt(at)) === 0) at -= 1;
  return at;
}

const LOWER = new Uint8Array(128);
for (const letter of 'abcdefghijklmnopqrstuvwxyz0123456789') {
  LOWER[letter.charCodeAt(0)] = letter.charCodeAt(0);
  LOWER[letter.toUpperCase().charCodeAt(0)] = letter.charCodeAt(0);
}
/** The code of the letter in lower case, or of the digit; 0 for everything else. */
const lower = (code: number): number => (code < 128 ? (LOWER[code] ?? 0) : 0);

// Literals

/** As it is, in a URL, and in base64. */
function formsOf(literal: string): string[] {
  const base64 = btoa(literal).replace(/=+$/, '');
  return [literal, encodeURIComponent(literal), base64, base64.replaceAll('+', '-').replaceAll('/', '_')];
}

const anyEscaped = (form: string): string =>
  Array.from(form, (letter) =>
    letter === '\\' ? String.raw`\\+` : String.raw`\\*${letter.replace(/[$^.*+?()[\]{}|/-]/, String.raw`\$&`)}`,
  ).join('');
