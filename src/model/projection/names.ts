/**
 * Names that a target accepts: ids of calls, names of tools. A name that fits is left alone; another one gets a name
 * made from it, the same every time, so that a prompt cache still knows the history.
 */

/** A hash in base 36, the same everywhere. Not for secrets. */
export function hash(text: string): string {
  // Two rounds of FNV-1a with different seeds: 32 bits alone would collide in large histories.
  let a = 0x811c9dc5;
  let b = 0x01000193;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193) >>> 0;
    b = Math.imul(b ^ code, 0x85ebca6b) >>> 0;
  }
  return a.toString(36).padStart(7, '0') + b.toString(36).padStart(7, '0');
}

export type IdRule = { max: number; exact: boolean };

/** Gives every call an id of its own that the target takes. */
export class CallIds {
  readonly #rule: IdRule;
  /** Ids that stand in the history as they are: no other call may get one of them. */
  readonly #reserved: ReadonlySet<string>;
  readonly #taken = new Set<string>();

  constructor(rule: IdRule, given: Iterable<string>) {
    this.#rule = rule;
    this.#reserved = new Set([...given].filter((id) => fits(id, rule)));
  }

  /** The id for the next call that was made under this one. The first bearer of a fitting id keeps it. */
  assign(id: string): string {
    if (fits(id, this.#rule) && !this.#taken.has(id)) {
      this.#taken.add(id);
      return id;
    }
    for (let round = 0; ; round++) {
      const alias = makeId(id, round, this.#rule);
      if (this.#taken.has(alias) || this.#reserved.has(alias)) continue;
      this.#taken.add(alias);
      return alias;
    }
  }
}

function fits(id: string, { max, exact }: IdRule): boolean {
  return exact ? id.length === max && /^[A-Za-z0-9]+$/.test(id) : id.length <= max && /^[A-Za-z0-9_-]+$/.test(id);
}

function makeId(id: string, round: number, { max, exact }: IdRule): string {
  const mark = hash(round === 0 ? id : `${id}#${round}`);
  if (exact) return mark.padEnd(max, '0').slice(-max);
  const readable = id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, Math.max(0, max - mark.length - 1));
  return `${readable === '' ? 'call' : readable}_${mark}`.slice(-max);
}

/** Which names of tools a wire takes: letters, digits, `_` and `-`; some demand a letter or `_` first. */
export type NameRule = { max: number; letterFirst?: boolean };

/** A tool's name that a wire takes. The same name where it fits. */
export function toolNameFor(name: string, { max, letterFirst = false }: NameRule): string {
  const clean = name === '' ? 'unknown_tool' : name.replace(/[^A-Za-z0-9_-]/g, '_');
  const safe = letterFirst && !/^[A-Za-z_]/.test(clean) ? `_${clean}` : clean;
  return safe.length <= max ? safe : `${safe.slice(0, max - 15)}_${hash(name)}`;
}
