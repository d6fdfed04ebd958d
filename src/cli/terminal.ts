/**
 * The terminal: what is written to it, in colour or not.
 *
 * C1 What agents, tools and models said is untrusted. It passes through `harmless` before it is printed: no control
 *    character and nothing that turns the direction of text reaches the terminal.
 */
export type Terminal = {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Columns of a line. */
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

/** Controls, what is not seen (marks of direction, tags, fillers), separators of lines, and halves of characters. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Surrogate}\u115F\u1160\u2028\u2029\u3164\uFFA0]|[\u{E0100}-\u{E01EF}]/gu;

/** One line without anything that a terminal obeys, or that a reader does not see. */
export function harmless(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(HARMFUL, '\u00B7');
}

/** JSON that is safe on a terminal: what JSON leaves as it is and a terminal may obey, is escaped. */
export function jsonLine(value: unknown): string {
  const unit = (code: string): string => `\\u${code.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const escape = (found: string): string => found.split('').map(unit).join('');
  return JSON.stringify(value, undefined, 2).replaceAll(HARMFUL, (found) => (found === '\n' ? found : escape(found)));
}

/** East Asian wide characters and emoji take two columns, marks on a letter none. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u4DBF\u4E00-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}\p{Emoji_Presentation}]/u;
const MARK = /[\p{Mn}\p{Me}]/u;

const columnsOf = (character: string): number => (WIDE.test(character) ? 2 : MARK.test(character) ? 0 : 1);

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7E]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** At most `width` columns, with an ellipsis where something is left out. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width <= 0 ? '' : `${start(text, width - 1)}…`;
}

/** What of a text is in its first columns. */
function start(text: string, width: number): string {
  let [end, columns] = [0, 0];
  for (const character of text) {
    columns += columnsOf(character);
    if (columns > width) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Exactly `width` columns. */
export function fit(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const clipped = clip(text, width);
  const space = ' '.repeat(Math.max(0, width - widthOf(clipped)));
  return side === 'left' ? clipped + space : space + clipped;
}

const LEAST_LINE = 20;

/** A text in lines of at most `width` columns, parted between words where there are some; `next` begins all but the first. */
export function wrap(text: string, width: number, next = ''): string[] {
  const lines: string[] = [];
  let head = '';
  for (let rest = text; rest !== '' || lines.length === 0; head = next) {
    const room = Math.max(LEAST_LINE, width - widthOf(head));
    const whole = widthOf(rest) <= room;
    const most = whole ? rest : start(rest, room);
    const blank = whole ? -1 : most.lastIndexOf(' ');
    const line = blank > most.length / 2 ? most.slice(0, blank) : most;
    lines.push(head + line);
    rest = rest.slice(line.length).trimStart();
  }
  return lines;
}
