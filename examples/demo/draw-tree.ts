/** Draws the tree of a run, with a column each for model calls, tokens and seconds. */
import { clip, harmless } from '../airline/terminal.ts';
import type { Screen } from './screen.ts';
import type { Branch, Cost, Leaf, Tree } from './tree.ts';

const COLUMNS = 8;

export function drawTree(screen: Screen, title: string, { branches, total }: Tree): void {
  const { paint } = screen;
  screen.gutter('  ');
  screen.line(paint('bold', title));
  for (const branch of branches) {
    row(screen, { stem: '├ ', head: headOf(screen, branch), cost: branch.cost });
    branch.leaves.forEach((leaf, n) => {
      const last = n === branch.leaves.length - 1;
      row(screen, { stem: `│ ${last ? '╰' : '├'} `, head: leafOf(screen, leaf), cost: leaf.cost });
    });
  }
  row(screen, { stem: '╰ ', head: { mark: ' ', text: 'in all', note: '' }, cost: total });
  screen.line();
}

/** The names of the columns, and a line of sums. */
export function drawHead(screen: Screen): void {
  screen.gutter('  ');
  screen.line(
    screen.paint(
      'dim',
      ['calls', 'tokens', 'time']
        .map((name) => name.padStart(COLUMNS))
        .join('')
        .padStart(screen.columns - 3),
    ),
  );
}

type Head = { mark: string; text: string; note: string };

function headOf({ paint }: Screen, { kind, name }: Branch): Head {
  switch (kind) {
    case 'agent':
      return { mark: paint('cyan', '●'), text: name, note: '' };
    case 'passed':
      return { mark: paint('green', '✓'), text: name, note: 'guardrail' };
    case 'tripped':
      return { mark: paint('red', '✗'), text: name, note: 'guardrail, tripped' };
  }
}

const leafOf = ({ paint }: Screen, { kind, name, note }: Leaf): Head =>
  kind === 'handoff'
    ? { mark: paint('magenta', '↪'), text: name, note }
    : { mark: paint('yellow', '⚙'), text: name, note };

function row(screen: Screen, { stem, head, cost }: { stem: string; head: Head; cost: Cost }): void {
  const { paint, columns } = screen;
  const { mark, text, note } = head;
  const room = columns - 3 - stem.length - 2 - 3 * COLUMNS;
  const name = clip(harmless(text), room);
  const remark = note === '' ? '' : clip(` · ${note}`, Math.max(0, room - name.length));
  const { calls, tokens, ms } = cost;
  const shown = [
    calls > 0 ? String(calls) : '',
    tokens > 0 ? tokens.toLocaleString('en') : '',
    ms > 0 ? seconds(ms) : '',
  ];
  const numbers = shown.map((each) => each.padStart(COLUMNS)).join('');
  const gap = ' '.repeat(Math.max(0, room - name.length - remark.length));
  screen.line(`${paint('dim', stem)}${mark} ${name}${paint('dim', remark)}${gap}${numbers}`);
}

/** `1.2 s`, or `12 ms` where it is next to nothing. */
export const seconds = (ms: number): string => (ms < 95 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
