/**
 * What a person sees while conversations are replayed. On a terminal one picture is drawn again in its place;
 * elsewhere each finished conversation is a line.
 */
import type { Conversation } from './data.ts';
import type { ConversationResult, ReplayEvent } from './replay.ts';
import { bar, clip, harmless, painter } from './terminal.ts';
import type { Colour, Paint } from './terminal.ts';
import { addResult, isEqual, NOTHING } from './totals.ts';
import type { Totals } from './totals.ts';

export type View = {
  event(event: ReplayEvent): void;
  /** Draws the end and gives the terminal back. */
  end(): void;
};

/** The part of a terminal or a file that a view needs. */
export type Screen = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
};

export type ViewOptions = {
  readonly screen: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Conversations in all. */
  readonly total: number;
  readonly modelCalls: () => number;
  /** Milliseconds since the start. */
  readonly elapsed: () => number;
};

/** The live view on a terminal that can draw, else lines. */
export const openView = (options: ViewOptions): View =>
  options.screen.isTTY === true && options.env['TERM'] !== 'dumb' ? liveView(options) : lineView(options);

function lineView({ screen, total }: ViewOptions): View {
  let done = 0;
  return {
    event(event) {
      if (event.kind !== 'finished') return;
      done += 1;
      const { result } = event;
      const count = `${String(done).padStart(String(total).length)}/${total}`;
      const outputs = `${result.toolOutputs - result.mismatches.length}/${result.toolOutputs}`;
      const verdict = `verdict ${result.verdict ?? 'none'} (recorded ${result.conversation.reward})`;
      const state = isEqual(result) ? 'equal' : 'DIFFERENT';
      screen.write(`${count} ${nameOf(result.conversation)}: ${state}, ${verdict}, tool outputs ${outputs}\n`);
    },
    end: () => undefined,
  };
}

const nameOf = ({ task, trial }: Conversation): string => `task ${task}, trial ${trial}`;

type Line = { readonly who: 'customer' | 'agent' | 'tool'; readonly text: string; readonly detail?: string };
/** A conversation that is on at the moment. */
type Active = { readonly conversation: Conversation; readonly lines: Line[] };
type Picture = { totals: Totals; readonly active: Map<number, Active>; readonly marks: ConversationResult[] };

const FRAME_MS = 60;
const MAX_COLUMNS = 110;
const MAX_SHOWN = 3;
const LINES_IN_ALL = 9;

function liveView(options: ViewOptions): View {
  const { screen } = options;
  const paint = painter(options.env);
  const picture: Picture = { totals: NOTHING, active: new Map(), marks: [] };
  let drawn = 0;

  const draw = () => {
    const rows = Math.max(4, (screen.rows ?? 24) - 1);
    const lines = frame(picture, options, paint).slice(0, rows);
    const back = drawn > 0 ? `\u001b[${drawn}A` : '';
    // Each line is cleared before it is written, and what stood below is cleared after: nothing flickers.
    screen.write(`${back}${lines.map((line) => `\r\u001b[2K${line}\n`).join('')}\u001b[0J`);
    drawn = lines.length;
  };
  const restore = () => screen.write('\u001b[?25h');
  const interrupted = () => {
    restore();
    process.exit(130);
  };

  screen.write('\u001b[?25l');
  process.once('SIGINT', interrupted);
  const timer = setInterval(draw, FRAME_MS);
  return {
    event: (event) => note(picture, event),
    end() {
      clearInterval(timer);
      process.off('SIGINT', interrupted);
      draw();
      restore();
    },
  };
}

/** Takes an event into the picture. */
function note(picture: Picture, event: ReplayEvent): void {
  const lines = picture.active.get(event.index)?.lines ?? [];
  switch (event.kind) {
    case 'started':
      picture.active.set(event.index, { conversation: event.conversation, lines: [] });
      return;
    case 'user':
      lines.push({ who: 'customer', text: event.text });
      return;
    case 'assistant':
      // A stream sends the text as it grows; the line grows with it.
      if (lines.at(-1)?.who === 'agent') lines.pop();
      lines.push({ who: 'agent', text: event.text });
      return;
    case 'call':
      lines.push({ who: 'tool', text: event.name, detail: event.argumentsText });
      return;
    case 'finished':
      picture.active.delete(event.index);
      picture.marks[event.index] = event.result;
      picture.totals = addResult(picture.totals, event.result);
      return;
  }
}

function frame(picture: Picture, options: ViewOptions, paint: Paint): string[] {
  const columns = Math.max(20, Math.min(MAX_COLUMNS, (options.screen.columns ?? 80) - 1));
  const { totals } = picture;
  const share = totals.conversations / options.total;
  const count = ` ${totals.conversations}/${options.total}`;
  const counts =
    `verdicts ${totals.verdictsEqual}/${totals.conversations}` +
    `   tool outputs ${totals.toolOutputsEqual}/${totals.toolOutputs}` +
    `   model calls ${options.modelCalls()}   ${(options.elapsed() / 1000).toFixed(1)} s`;
  const good = totals.allEqual === totals.conversations;
  return [
    paint('bold', clip('Airline support desk: recorded conversations, played again', columns)),
    paint(good ? 'green' : 'red', bar(share, Math.max(4, columns - count.length))) + count,
    paint('dim', clip(counts, columns)),
    ...marks(picture, options.total, columns).map((line) => line.map(([mark, colour]) => paint(colour, mark)).join('')),
    paint('dim', clip('● goal reached   ○ not reached, as recorded   ✗ not as recorded', columns)),
    ...conversations(picture, columns, paint),
  ];
}

type Mark = [mark: string, colour: Colour];

/** One mark for each conversation: reached its goal, did not, or is not as recorded. */
function marks(picture: Picture, total: number, columns: number): Mark[][] {
  const all = Array.from({ length: total }, (_, index): Mark => {
    const result = picture.marks[index];
    if (result === undefined) return picture.active.has(index) ? ['▸', 'cyan'] : ['·', 'dim'];
    if (!isEqual(result)) return ['✗', 'red'];
    return result.verdict === 1 ? ['●', 'green'] : ['○', 'green'];
  });
  const rows = Math.ceil(total / columns);
  // Rows of one length look better than a full one and a rest.
  const each = Math.ceil(total / rows);
  return Array.from({ length: rows }, (_, row) => all.slice(row * each, (row + 1) * each));
}

function conversations(picture: Picture, columns: number, paint: Paint): string[] {
  const shown = [...picture.active.values()].slice(0, MAX_SHOWN);
  const each = Math.floor(LINES_IN_ALL / Math.max(1, shown.length));
  return shown.flatMap(({ conversation, lines }) => [
    '',
    paint('bold', clip(nameOf(conversation), columns)),
    ...lines.slice(-each).map((line) => conversationLine(line, columns, paint)),
  ]);
}

const WHO: Readonly<Record<Line['who'], Mark>> = {
  customer: ['customer  ', 'yellow'],
  agent: ['agent     ', 'blue'],
  tool: ['        → ', 'dim'],
};

function conversationLine({ who, text, detail }: Line, columns: number, paint: Paint): string {
  const [label, colour] = WHO[who];
  const room = columns - label.length;
  const shown = clip(harmless(text), room);
  if (who !== 'tool') return paint(colour, label) + shown;
  const left = room - shown.length - 1;
  const rest = left > 3 ? ` ${paint('dim', clip(harmless(detail ?? ''), left))}` : '';
  return paint(colour, label) + paint('cyan', shown) + rest;
}
