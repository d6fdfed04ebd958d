/** Rules of a grammar in GBNF, llama.cpp's notation: github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. */

/** Text as a literal of GBNF. */
export function literal(text: string): string {
  const escaped = text.replace(/["\\\n\r\t]/g, (char) => ESCAPES[char] ?? char);
  return `"${escaped}"`;
}

const ESCAPES: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that JSON writes for a value, as a literal of GBNF. */
export const jsonLiteral = (value: unknown): string => literal(JSON.stringify(value));

export const oneOf = (choices: readonly string[]): string =>
  choices.length === 1 ? (choices[0] ?? '') : `(${choices.join(' | ')})`;

/**
 * JSON as models write it: one space after `:` and `,`, no other blank between tokens, so that no model can fill its
 * context with blanks. Numbers have an end, so that none is too large for JavaScript. Strings have no `\u`, so that
 * none holds half a character.
 */
const JSON_RULES: Record<string, string> = {
  value: 'object | array | string | number | "true" | "false" | "null"',
  object: '"{" (string ": " value (", " string ": " value)*)? "}"',
  array: '"[" (value (", " value)*)? "]"',
  string: '"\\"" char* "\\""',
  char: '[^"\\\\\\x00-\\x1F\\x7F] | "\\\\" ["\\\\/bfnrt]',
  number: 'integer ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
  integer: '"-"? natural',
  natural: '"0" | [1-9] [0-9]{0,14}',
  boolean: '"true" | "false"',
  // Days that exist in every year: no 29 February.
  date: '[0-9]{4} "-" (month "-" day | ("0" [13-9] | "1" [0-2]) "-" ("29" | "30") | ("0" [13578] | "1" [02]) "-31")',
  month: '"0" [1-9] | "1" [0-2]',
  day: '"0" [1-9] | "1" [0-9] | "2" [0-8]',
  time: '("0" [0-9] | "1" [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9]',
  hex: '[0-9a-f]',
};

/** Collects rules. Those of JSON come in when they are used. */
export class Rules {
  readonly #bodies = new Map<string, string>();
  #count = 0;

  /** A name for a rule whose body is not known yet: it may be recursive. */
  reserve(): string {
    this.#count += 1;
    return `r${this.#count}`;
  }

  define(name: string, body: string): string {
    this.#bodies.set(name, body);
    for (const [word] of body.replace(/"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]/g, ' ').matchAll(/[a-z]+[a-z0-9-]*/g)) {
      const known = JSON_RULES[word];
      if (known !== undefined && !this.#bodies.has(word)) this.define(word, known);
    }
    return name;
  }

  add(body: string): string {
    return this.define(this.reserve(), body);
  }

  toString(): string {
    return [...this.#bodies].map(([name, body]) => `${name} ::= ${body}\n`).join('');
  }
}
