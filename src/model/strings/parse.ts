/**
 * Names of models: `provider/model?setting=value`.
 *
 * N1: a prefix counts only if it is registered; the rest is taken verbatim, `/`, `:` and `@` included. N2: a last `?`
 * is the beginning of settings only where what follows has the form of known ones; a near miss is an error.
 */
import { UserError } from '../../protocol/errors.ts';
import type { ModelSettings } from '../../protocol/model.ts';

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
const VERBOSITIES = ['low', 'medium', 'high'] as const;

type Setting = (value: string, fail: (expected: string) => never) => ModelSettings;

const SETTINGS: { [name: string]: Setting } = {
  effort: (value, fail) => ({ reasoning: { effort: oneOf(EFFORTS, value) ?? fail(EFFORTS.join(', ')) } }),
  verbosity: (value, fail) => ({ text: { verbosity: oneOf(VERBOSITIES, value) ?? fail(VERBOSITIES.join(', ')) } }),
  temperature: (value, fail) => ({ temperature: number(value) ?? fail('a number') }),
  topP: (value, fail) => ({ topP: number(value) ?? fail('a number') }),
  maxTokens: (value, fail) => ({ maxTokens: count(value) ?? fail('a whole number above 0') }),
  timeoutMs: (value, fail) => ({ timeoutMs: count(value) ?? fail('milliseconds above 0') }),
};

const oneOf = <T extends string>(allowed: readonly T[], value: string): T | undefined =>
  allowed.find((each) => each === value);

function number(value: string): number | undefined {
  const parsed = value.trim() === '' ? NaN : Number(value);
  return Number.isFinite(parsed) ? parsed : undefined;
}

function count(value: string): number | undefined {
  const parsed = number(value);
  return parsed !== undefined && Number.isInteger(parsed) && parsed > 0 ? parsed : undefined;
}

/** A name without its settings, and the settings. */
export type NamedModel = { name: string; settings?: ModelSettings };

/** @throws UserError for a setting with a value that it cannot have, or with a name that is nearly a known one */
export function splitSettings(text: string): NamedModel {
  const at = text.lastIndexOf('?');
  if (at < 0) return { name: text };
  const pairs = text.slice(at + 1).split('&');
  if (!pairs.every((pair) => /^[A-Za-z]\w*=[^=]*$/.test(pair))) return { name: text };
  const named = pairs.map((pair) => pair.split('=') as [string, string]);
  const known = named.filter(([name]) => Object.hasOwn(SETTINGS, name));
  const unknown = named.find(([name]) => !Object.hasOwn(SETTINGS, name));
  if (unknown) {
    const near = suggestion(unknown[0], Object.keys(SETTINGS));
    // A server of one's own may have names with a question mark.
    if (known.length === 0 && near === undefined) return { name: text };
    throw new UserError(
      `The model ${JSON.stringify(text)} has an unknown setting "${unknown[0]}".` +
        `${near === undefined ? '' : ` Did you mean "${near}"?`} Known: ${Object.keys(SETTINGS).join(', ')}.`,
    );
  }
  const settings: ModelSettings = {};
  for (const [name, value] of known) {
    const fail = (expected: string): never => {
      throw new UserError(`The model ${JSON.stringify(text)} has ${name}=${value}. It takes: ${expected}.`);
    };
    Object.assign(settings, SETTINGS[name]?.(value, fail));
  }
  return { name: text.slice(0, at), settings };
}

/** The prefix of a name, and what follows it. `undefined` where there is no `/`. */
export function splitPrefix(name: string): { prefix: string; rest: string } | undefined {
  const at = name.indexOf('/');
  return at <= 0 ? undefined : { prefix: name.slice(0, at), rest: name.slice(at + 1) };
}

/** The one of the names that was probably meant. */
export function suggestion(name: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(name.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const each of names) {
    const apart = distance(name.toLowerCase(), each.toLowerCase());
    if (apart <= most && (!best || apart < best.distance)) best = { name: each, distance: apart };
  }
  return best?.name;
}

/** How many letters must be added, taken away, changed, or swapped with the next one. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change, swap));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** @throws UserError for a member that is not known. @param where `createRouter`, for the message */
export function checkKeys(where: string, given: object, known: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = suggestion(key, known);
    const hint = near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean "${near}"?`;
    throw new UserError(`${where} got an unknown option "${key}". ${hint}`);
  }
}
