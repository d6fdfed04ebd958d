/** Draws spans as a tree with a bar each, on one axis of time. */
import type { StoredSpan } from '../trace/store/index.ts';
import { cost, duration, tokens } from './format.ts';
import { type Colour, clip, fit, harmless, type Terminal, widthOf, wrap } from './terminal.ts';
import { type Row, type Totals, totalsOf } from './tree.ts';

const LEAST_LABEL = 16;
const LEAST_BAR = 10;
const MOST_BAR = 60;
const CONTENT_LENGTH = 240;
/** Characters of a name: no line shows more. */
const LONGEST_NAME = 1000;

export function drawWaterfall(rows: readonly Row[], { content }: { content: boolean }, terminal: Terminal): void {
  const { out, columns, paint } = terminal;
  const axis = axisOf(rows.map(({ span }) => span));
  const totals = totalsOf(rows);
  const drawn = rows.map((row) => ({ row, label: labelOf(row.span), numbers: numbersOf(row.span, totals.get(row)) }));
  const { name, bar, numbers } = layoutOf(drawn, columns);
  for (const { row, label, numbers: told } of drawn) {
    const { span } = row;
    const isBad = span.error !== undefined;
    const stem = stemWithin(row.stem, Math.floor(name / 2));
    const shown = fit(label.text, Math.max(0, name - widthOf(stem) - 2));
    const colour = isBad ? 'red' : label.colour;
    const cells = [`${paint('dim', stem)}${paint(colour, `${isBad ? '✗' : label.mark} ${shown}`)}`];
    if (bar > 0) {
      const [from, length] = axis.bar(span, bar);
      cells.push(' '.repeat(from) + paint(colour, '█'.repeat(length)) + ' '.repeat(bar - from - length));
    }
    cells.push(...numbers.map((width, n) => fit(told[n] ?? '', width, 'right')));
    out(cells.join(' ').trimEnd());
    if (!content) continue;
    const indent = `${stemWithin(row.indent, Math.floor(name / 2))}    `;
    for (const text of said(span)) {
      for (const line of wrap(`${indent}${text}`, columns, `${indent}  `)) out(paint('dim', line));
    }
  }
}

type Drawn = { readonly row: Row; readonly label: { readonly text: string }; readonly numbers: readonly string[] };
type Layout = { readonly name: number; readonly bar: number; readonly numbers: readonly number[] };

/** How wide things are. Where there is little room, the bars go first, then tokens, then cost. */
function layoutOf(drawn: readonly Drawn[], columns: number): Layout {
  let widest = 0;
  const numbers = [0, 0, 0];
  for (const { row, label, numbers: told } of drawn) {
    widest = Math.max(widest, widthOf(row.stem) + widthOf(label.text) + 2);
    for (const [n, text] of told.entries()) numbers[n] = Math.max(numbers[n] ?? 0, widthOf(text));
  }
  const [time = 0, used = 0, money = 0] = numbers;
  const room = (shown: readonly number[]): number => columns - shown.reduce((sum, width) => sum + width + 1, 0);
  const all = [time, used, money];
  const left = room(all);
  if (left >= LEAST_LABEL + 1 + LEAST_BAR) {
    const name = Math.min(widest, Math.max(LEAST_LABEL, left - 1 - LEAST_BAR));
    return { name, bar: Math.min(MOST_BAR, left - name - 1), numbers: all };
  }
  const shown = [all, [time, 0, money], [time, 0, 0]].find((some) => room(some) >= LEAST_LABEL) ?? [time, 0, 0];
  return { name: Math.min(widest, Math.max(LEAST_LABEL, room(shown))), bar: 0, numbers: shown };
}

/** The end of a stem, where it is too long to be drawn. */
function stemWithin(stem: string, most: number): string {
  return stem.length <= most ? stem : `…${stem.slice(stem.length - Math.max(1, most) + 1)}`;
}

/** Time; tokens and cost of a model call, and of all that a run called. */
function numbersOf({ startedAt, endedAt, details, type }: StoredSpan, totals: Totals | undefined): readonly string[] {
  const time = duration(endedAt - startedAt);
  if (type === 'task' && totals) {
    const { input, output, nanoUsd, unpriced } = totals;
    return [time, tokens(input, output), input + output + nanoUsd === 0 ? '' : cost(nanoUsd, unpriced)];
  }
  const { usage, nanoUsd } = details ?? {};
  const used = usage ? tokens(usage.inputTokens, usage.outputTokens) : '';
  return [time, used, nanoUsd === undefined ? '' : cost(nanoUsd, 0)];
}

/** How a span is called, with the sign and the colour of its kind. The text is harmless. */
export function labelOf({ type, name, data, details, isOpen }: StoredSpan): {
  mark: string;
  colour: Colour;
  text: string;
} {
  const open = (called: string): string => called + (isOpen ? ' …' : '');
  const text = open(harmless(name.slice(0, LONGEST_NAME)));
  switch (type) {
    case 'task':
      return { mark: '▶', colour: 'bold', text: `${text}${details?.outcome ? ` (${details.outcome})` : ''}` };
    case 'agent':
      return { mark: '●', colour: 'cyan', text };
    case 'turn':
      return { mark: '·', colour: 'dim', text };
    case 'generation':
    case 'response':
      return { mark: '✦', colour: 'blue', text: open(harmless(details?.origin?.model ?? name)) };
    case 'function': {
      const wait = details?.approvalWaitMs === undefined ? '' : ` (waited ${duration(details.approvalWaitMs)})`;
      return { mark: '⚙', colour: 'yellow', text: `${text}${wait}` };
    }
    case 'handoff':
      return { mark: '↪', colour: 'magenta', text: `to ${text}` };
    case 'guardrail':
      return data['triggered'] === true
        ? { mark: '✗', colour: 'red', text: `${text} tripped` }
        : { mark: '✓', colour: 'green', text };
    default:
      return { mark: '◇', colour: 'dim', text };
  }
}

/** What was said in a span, a line each. */
function said({ content }: StoredSpan): string[] {
  return Object.entries(content).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${harmless(key)}: ${clip(harmless(text.slice(0, CONTENT_LENGTH * 4)), CONTENT_LENGTH)}`;
  });
}

type Axis = { readonly bar: (span: StoredSpan, width: number) => readonly [from: number, length: number] };

/** Time in which something was done: the hours in which a run waited for a person are left out. */
function axisOf(spans: readonly StoredSpan[]): Axis {
  const pieces: { from: number; to: number; before: number }[] = [];
  let total = 0;
  for (const { startedAt, endedAt } of spans.toSorted((a, b) => a.startedAt - b.startedAt)) {
    const last = pieces.at(-1);
    if (last && startedAt <= last.to) {
      total += Math.max(0, endedAt - last.to);
      last.to = Math.max(last.to, endedAt);
    } else {
      pieces.push({ from: startedAt, to: endedAt, before: total });
      total += Math.max(0, endedAt - startedAt);
    }
  }
  const place = (at: number): number => {
    const piece = pieces.findLast(({ from }) => from <= at);
    return piece ? (piece.before + Math.min(at, piece.to) - piece.from) / Math.max(1, total) : 0;
  };
  return {
    bar({ startedAt, endedAt }, width) {
      const from = Math.min(width - 1, Math.floor(place(startedAt) * width));
      const to = Math.min(width, Math.max(from + 1, Math.round(place(endedAt) * width)));
      return [from, to - from];
    },
  };
}
