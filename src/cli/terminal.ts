/**
 * The terminal: what is written to it, in colour or not.
 *
 * C1 What agents, tools and models said is untrusted. It passes through `harmless` before it is printed: no control
 *    character and nothing that turns the direction of text reaches the terminal.
 */
export type Terminal = {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Characters in a line. */
  readonly columns: number;
  readonly paint: Paint;
};

export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;

export const colourful: Paint = (colour, text) => (text === '' ? '' : `\u001B[${CODES[colour]}m${text}\u001B[0m`);
export const plain: Paint = (_colour, text) => text;

/** Colours where a person looks on, and nobody said no: https://no-color.org and FORCE_COLOR. */
export function paintFor(env: NodeJS.ProcessEnv, isTty: boolean): Paint {
  const force = env['FORCE_COLOR'];
  if (env['NO_COLOR']) return plain;
  if (force !== undefined) return force === '0' || force === 'false' ? plain : colourful;
  return isTty && env['TERM'] !== 'dumb' ? colourful : plain;
}

/** Controls of C0 and C1, marks of direction, separators of lines, and halves of characters. */
const HARMFUL = /[\p{Cc}\p{Surrogate}\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/gu;

/** One line without anything that a terminal obeys. */
export function harmless(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(HARMFUL, '\u00B7');
}

/** JSON that is safe on a terminal: what JSON leaves as it is and a terminal may obey, is escaped. */
export function jsonLine(value: unknown): string {
  const escape = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, undefined, 2).replaceAll(HARMFUL, (found) => (found === '\n' ? found : escape(found)));
}

/** At most `width` characters, with an ellipsis where some are left out. */
export function clip(text: string, width: number): string {
  const characters = Array.from(text);
  if (characters.length <= width) return text;
  return width <= 0 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}

/** Exactly `width` characters. */
export function fit(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const clipped = clip(text, width);
  const space = ' '.repeat(Math.max(0, width - Array.from(clipped).length));
  return side === 'left' ? clipped + space : space + clipped;
}
