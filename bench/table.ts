/** The report as a table, for a terminal or for a README. */
import type { Installed } from './installed.ts';

/** A median of samples, in the unit of its measure. `turns` is what a tool run reached. */
export type Figure = { median: number; min: number; max: number; samples: number; turns?: number; share?: number };
/** `undefined` in place of a figure: it failed. */
export type Column = {
  label: string;
  installed: Installed;
  /** The shortest tool run in a process that ran nothing before. */
  first: Figure | undefined;
  turns: Map<number, Figure | undefined>;
  text: Figure | undefined;
  stream: Figure | undefined;
  pending: Figure | undefined;
  import: Figure | undefined;
  process: Figure | undefined;
};
export type Report = {
  date: string;
  node: string;
  machine: string;
  /** The load average of one minute, before and after. */
  load: [string, string];
  quick: boolean;
  clock: 'wall' | 'cpu';
  budgetSeconds: number;
  emptyProcessMs: number;
  columns: Column[];
};

const FAILED = 'failed';

/** Three significant digits, thousands separated. */
export function digits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded.toLocaleString('en-US', { maximumSignificantDigits: Math.max(3, String(Math.trunc(rounded)).length) });
}

const whole = (value: number): string => value.toLocaleString('en-US');
const isBusy = ({ share = 1 }: Figure): boolean => share < 0.8;
const show = (figure: Figure | undefined): string =>
  figure ? `${digits(figure.median)}${isBusy(figure) ? ' *' : ''}` : FAILED;

function turnCell(figure: Figure | undefined, size: number): string {
  if (figure?.turns === undefined || figure.turns >= size) return show(figure);
  return `${show(figure)} (stopped after ${whole(figure.turns)})`;
}

/** How much dearer a turn is in the longest run than in the shortest. 1 is flat. */
function flatness({ turns }: Column): string {
  const [first, last] = [[...turns.entries()].at(0), [...turns.entries()].at(-1)];
  if (!first?.[1] || !last?.[1]) return FAILED;
  const ratio = digits(last[1].median / first[1].median);
  const reached = last[1].turns ?? last[0];
  return reached < last[0] ? `${ratio} (at ${whole(reached)})` : ratio;
}

function rows({ columns, quick }: Report): string[][] {
  const sizes = [...(columns[0]?.turns.keys() ?? [])];
  const row = (name: string, cell: (column: Column) => string): string[] => [name, ...columns.map(cell)];
  const ends = `${whole(sizes.at(-1) ?? 0)} to ${whole(sizes.at(0) ?? 0)}`;
  return [
    row(quick ? '(quick run)' : '', ({ label, installed }) => `${label} ${installed.version}`),
    row(`ms a tool turn, ${whole(sizes[0] ?? 0)} turns, process just started`, ({ first }) => show(first)),
    ...sizes.map((size) => row(`ms a tool turn, ${whole(size)} turns`, ({ turns }) => turnCell(turns.get(size), size))),
    row(`how a turn grows, ${ends}`, (column) => flatness(column)),
    row('µs a run of one turn', ({ text }) => show(text)),
    row('µs a streamed delta', ({ stream }) => show(stream)),
    row('KB of heap a waiting run', ({ pending }) => (pending ? digits(pending.median) : FAILED)),
    row('ms to import', (column) => show(column.import)),
    row('ms a process that only imports', (column) => show(column.process)),
    row('MB installed, with zod', ({ installed }) => digits(installed.bytes / 1e6)),
    row('packages installed, with zod', ({ installed }) => String(installed.packages)),
  ];
}

/** The lines that say what the figures are, and what they are not. */
export function notes({ date, node, machine, load, clock, emptyProcessMs, budgetSeconds }: Report): string[] {
  const cpu = 'Turns, runs and deltas are processor time of the main thread, imports are time of the clock.';
  const busy = '* The main thread computed less than 80 % of that time: the machine was busy, or the library waited.';
  return [
    `Node ${node}, ${machine}, ${date}. Load average before and after: ${load.join(', ')}.`,
    `An empty process takes ${digits(emptyProcessMs)} ms.`,
    ...(clock === 'cpu' ? [cpu] : []),
    'Medians of up to 5 samples. Each measure of each library has a process of its own.',
    'The model is scripted and answers at once.',
    `A tool run that took longer than ${budgetSeconds} s was ended there; its cell says after how many turns.`,
    ...(clock === 'wall' ? [busy] : []),
    'Not measured: network, real models, tokens, answers of real tools, sessions, filters, tracing (off), durability.',
  ];
}

export function toText(report: Report): string {
  const table = rows(report);
  const widths = table[0]?.map((_, i) => Math.max(...table.map((cells) => cells[i]?.length ?? 0))) ?? [];
  const line = (cells: string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [...table.map(line), '', ...notes(report)].join('\n');
}

export function toMarkdown(report: Report): string {
  const [head = [], ...body] = rows(report);
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [...[head, rule, ...body].map(line), '', ...notes(report)].join('\n');
}

/** Figures with their spread, for programs. */
export function toJson(report: Report): string {
  const plain = (_: string, value: unknown): unknown => (value instanceof Map ? Object.fromEntries(value) : value);
  return JSON.stringify(report, plain, 2);
}
