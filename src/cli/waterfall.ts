/** Draws spans as a tree with a bar each, on one axis of time. */
import type { StoredSpan } from '../trace/store/index.ts';
import { cost, duration, tokens } from './format.ts';
import { type Colour, clip, fit, harmless, type Terminal } from './terminal.ts';
import type { Branch } from './tree.ts';

const NUMBERS = 9 + 14 + 10;
const LEAST_BAR = 10;
const CONTENT_LINES = 240;

type Row = { readonly stem: string; readonly indent: string; readonly span: StoredSpan };

export function drawWaterfall(tree: readonly Branch[], { content }: { content: boolean }, terminal: Terminal): void {
  const { out, columns, paint } = terminal;
  const rows = tree.flatMap((root) => rowsOf(root, '', ''));
  const axis = axisOf(rows.map(({ span }) => span));
  const widest = Math.max(...rows.map(({ stem, span }) => Array.from(stem + labelOf(span).text).length + 2));
  const room = Math.max(20, columns - NUMBERS - 4);
  const label = Math.min(widest, Math.max(16, room - LEAST_BAR - 1));
  const bar = Math.max(LEAST_BAR, Math.min(60, room - label - 1));
  for (const { stem, indent, span } of rows) {
    const { mark, colour, text } = labelOf(span);
    const shown = clip(text, Math.max(4, label - Array.from(stem).length - 2));
    const gap = ' '.repeat(Math.max(0, label - Array.from(stem + shown).length - 2));
    const isBad = span.error !== undefined;
    const [from, length] = axis.bar(span, bar);
    const drawn =
      ' '.repeat(from) + paint(isBad ? 'red' : colour, '█'.repeat(length)) + ' '.repeat(bar - from - length);
    const name = `${paint('dim', stem)}${paint(isBad ? 'red' : colour, `${isBad ? '✗' : mark} ${shown}`)}${gap}`;
    out(`${name} ${drawn} ${numbersOf(span)}`.trimEnd());
    if (content) for (const line of said(span)) out(paint('dim', clip(`${indent}    ${line}`, columns)));
  }
}

function rowsOf({ span, children }: Branch, stem: string, indent: string): Row[] {
  const below = children.flatMap((child, n) => {
    const isLast = n === children.length - 1;
    return rowsOf(child, `${indent}${isLast ? '└ ' : '├ '}`, `${indent}${isLast ? '  ' : '│ '}`);
  });
  return [{ stem, indent, span }, ...below];
}

function numbersOf({ startedAt, endedAt, details }: StoredSpan): string {
  const { usage, nanoUsd } = details ?? {};
  return [
    fit(duration(endedAt - startedAt), 9, 'right'),
    fit(usage ? tokens(usage.inputTokens, usage.outputTokens) : '', 14, 'right'),
    fit(nanoUsd === undefined ? '' : cost(nanoUsd, 0), 10, 'right'),
  ].join(' ');
}

/** How a span is called, with the sign and the colour of its kind. The text is harmless. */
export function labelOf({ type, name, data, details, isOpen }: StoredSpan): {
  mark: string;
  colour: Colour;
  text: string;
} {
  const text = harmless(name) + (isOpen ? ' …' : '');
  switch (type) {
    case 'task':
      return { mark: '▶', colour: 'bold', text: `${text}${details?.outcome ? ` (${details.outcome})` : ''}` };
    case 'agent':
      return { mark: '●', colour: 'cyan', text };
    case 'turn':
      return { mark: '·', colour: 'dim', text };
    case 'generation':
    case 'response':
      return { mark: '✦', colour: 'blue', text: harmless(details?.origin?.model ?? name) };
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
    return `${harmless(key)}: ${clip(harmless(text), CONTENT_LINES)}`;
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
