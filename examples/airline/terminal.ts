/** Text for a terminal: made harmless, made to fit, made colourful. Recorded text is never trusted to be any of it. */

export type Colour = 'dim' | 'bold' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan';
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, number>> = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 };

/** Colours, or none where https://no-color.org asks for none. */
export const painter = (env: Readonly<Record<string, string | undefined>>): Paint =>
  env['NO_COLOR'] ? (_, text) => text : (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;

/** One line without control characters, escape sequences and marks that change the direction of text. */
export function harmless(text: string): string {
  // Cc has ESC and the other controls, Cf the invisible marks: without them no sequence can begin.
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

/** The beginning of `text` that fits into `columns`, with an ellipsis where something is missing. */
export function clip(text: string, columns: number): string {
  let used = 0;
  let kept = '';
  for (const character of text) {
    const wide = columnsOf(character);
    if (used + wide > columns) return `${dropLast(kept, used - columns + 1)}…`;
    used += wide;
    kept += character;
  }
  return kept;
}

/** Columns that a character takes: marks none, East Asian and pictures two. Good enough to never break a line. */
function columnsOf(character: string): number {
  if (/\p{M}/u.test(character)) return 0;
  const code = character.codePointAt(0) ?? 0;
  return /\p{Extended_Pictographic}/u.test(character) || (code >= 0x1100 && !isNarrow(code)) ? 2 : 1;
}

// General punctuation, arrows, mathematics, boxes and blocks.
const isNarrow = (code: number): boolean => code >= 0x1e00 && code < 0x2e80;

function dropLast(text: string, columns: number): string {
  const characters = [...text];
  for (let freed = 0; freed < columns && characters.length > 0;) freed += columnsOf(characters.pop() ?? '');
  return characters.join('');
}

/** A bar of `columns` cells that is filled to `share` (0 to 1). */
export function bar(share: number, columns: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * columns);
  return '█'.repeat(filled) + '░'.repeat(columns - filled);
}
