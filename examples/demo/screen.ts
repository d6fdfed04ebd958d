/**
 * A terminal that text is written to as it comes: wrapped, coloured, with a gutter on the left. What models and tools
 * say is made harmless first. Without a terminal there are no colours and nothing moves.
 */
import { clip, harmless } from '../airline/terminal.ts';

export type Colour = 'dim' | 'bold' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan';
const CODES: Readonly<Record<Colour, number>> = {
  dim: 2,
  bold: 1,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
const WIDEST = 110;

export type Screen = {
  readonly columns: number;
  paint(colour: Colour, text: string): string;
  /** What stands at the left of each line from now on. */
  gutter(text: string): void;
  left(): string;
  /** A line: `head` may be coloured, `rest` is foreign text, made harmless and cut to fit. */
  line(head?: string, rest?: string): void;
  /** A piece of foreign text that goes on where the last one ended. */
  text(delta: string): void;
  /** Shows that something is under way, until the next line or text. */
  busy(what: string): void;
  /** Ends what is unfinished on the last line. */
  rest(): void;
};

type Output = NodeJS.WriteStream;

export function openScreen(out: Output, env: NodeJS.ProcessEnv = process.env): Screen {
  const live = out.isTTY && env['TERM'] !== 'dumb';
  const colours = live && !env['NO_COLOR'];
  const columns = Math.min(out.columns || 80, WIDEST);
  const paint = (colour: Colour, text: string): string => (colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text);
  const busy = spinner(out, live, paint);
  let left = '';
  const flow = flowing({ out, columns, gutter: () => left });
  const rest = (): void => {
    busy.stop();
    flow.end();
  };
  return {
    columns,
    paint,
    gutter(text) {
      rest();
      left = text;
    },
    left: () => left,
    line(head = '', foreign = '') {
      rest();
      const room = columns - width(left) - width(head) - 1;
      const tail = foreign === '' || room < 4 ? '' : ` ${clip(harmless(foreign), room)}`;
      out.write(`${`${left}${head}${tail}`.trimEnd()}\n`);
    },
    text(delta) {
      busy.stop();
      flow.write(clean(delta));
    },
    busy: (what) => busy.start(left, what),
    rest,
  };
}

/** Columns of a text of ours, which may be coloured. */
// oxlint-disable-next-line no-control-regex -- these are the control sequences that paint() writes
const width = (text: string): number => text.replaceAll(/\u001b\[\d+m/g, '').length;

/** Text of others that keeps its spaces and its ends of lines, and nothing else that a terminal would obey. */
const clean = (text: string): string => text.replaceAll(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu, '').replaceAll(/\t/g, ' ');

function spinner(
  out: Output,
  live: boolean,
  paint: Screen['paint'],
): { start(left: string, what: string): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (!timer) return;
    clearInterval(timer);
    timer = undefined;
    out.write('\r\u001b[2K');
  };
  return {
    stop,
    start(left, what) {
      if (!live) return;
      stop();
      let n = 0;
      const draw = (): void =>
        void out.write(`\r\u001b[2K${left}${paint('cyan', FRAMES[n++ % FRAMES.length] ?? '')} ${paint('dim', what)}`);
      draw();
      timer = setInterval(draw, FRAME_MS);
    },
  };
}

type Flow = { out: Output; columns: number; gutter(): string };

/** Breaks text between words while it comes: a word is written when it is over, a space when a word follows it. */
function flowing({ out, columns, gutter }: Flow): { write(text: string): void; end(): void } {
  let column = 0;
  let word = '';
  let spaces = '';
  const newLine = (): void => {
    out.write('\n');
    column = 0;
  };
  const flush = (): void => {
    if (word === '') return;
    if (column > 0 && column + spaces.length + word.length >= columns) newLine();
    const before = column > 0 ? spaces : gutter();
    out.write(before + word);
    column += width(before) + word.length;
    word = spaces = '';
  };
  return {
    write(text) {
      for (const character of text) {
        if (character !== ' ' && character !== '\n') {
          word += character;
          continue;
        }
        flush();
        if (character === ' ') spaces += ' ';
        else if (column > 0) newLine();
      }
    },
    end() {
      flush();
      spaces = '';
      if (column > 0) newLine();
    },
  };
}
