/**
 * Where a worker process can be killed: phases of effects, before a run was ever cut off, in a life that recovers it,
 * and after a person decided. `EXISTING` says which of these cells there are; a full campaign kills in each of them.
 */

/** What is done, or written. */
export type Subject =
  | 'model'
  | 'tool: read'
  | 'tool: idempotent'
  | 'tool: once'
  | 'tool: once, reconciled'
  | 'sub-agent'
  | 'approval rule'
  | 'handoff'
  | 'guardrail'
  | 'session load'
  | 'session save'
  | 'output choice'
  | 'error handler'
  | 'start'
  | 'pause'
  | 'decision'
  | 'taking up'
  | 'lease'
  | 'end';

/** `<`: the commit is asked for and not made; `>`: it is made, and the run has not heard of it. */
export const PHASES = [
  '<request',
  'request>',
  '<began',
  'began>',
  'before act',
  'after act',
  '<answer',
  'answer>',
] as const;
export type Phase = (typeof PHASES)[number];

/** In which life of a run: its first, one that took it up after a kill, one in which a person had decided. */
export const WHEN = ['first', 'recovery', 'decided'] as const;
export type When = (typeof WHEN)[number];

export type Point = { readonly subject: Subject; readonly phase: Phase };
/** `when|subject|phase` */
export type Cell = string;
export const cellOf = (when: When, { subject, phase }: Point): Cell => `${when}|${subject}|${phase}`;

const COMMITS: readonly Phase[] = ['<request', 'request>', '<answer', 'answer>'];
const ACTS: readonly Phase[] = ['before act', 'after act'];
const WRITTEN: readonly Phase[] = ['<answer', 'answer>'];
const EFFECT = [...COMMITS, ...ACTS];
const ONCE = [...EFFECT, '<began', 'began>'] as const;
const ALWAYS: readonly When[] = WHEN;

const EXISTS: Readonly<Record<Subject, { phases: readonly Phase[]; when: readonly When[] }>> = {
  model: { phases: EFFECT, when: ALWAYS },
  'tool: read': { phases: EFFECT, when: ALWAYS },
  'tool: idempotent': { phases: EFFECT, when: ALWAYS },
  'tool: once': { phases: ONCE, when: ALWAYS },
  'tool: once, reconciled': { phases: ONCE, when: ALWAYS },
  // Its acts are those of its own run.
  'sub-agent': { phases: COMMITS, when: ALWAYS },
  'approval rule': { phases: EFFECT, when: ALWAYS },
  handoff: { phases: EFFECT, when: ALWAYS },
  guardrail: { phases: EFFECT, when: ALWAYS },
  // A history is read at the start only.
  'session load': { phases: EFFECT, when: ['first', 'recovery'] },
  'session save': { phases: EFFECT, when: ALWAYS },
  'output choice': { phases: EFFECT, when: ALWAYS },
  'error handler': { phases: EFFECT, when: ALWAYS },
  // A run that was killed before it was stored starts again, and a sub-agent's starts in any life.
  start: { phases: WRITTEN, when: ALWAYS },
  pause: { phases: WRITTEN, when: ALWAYS },
  decision: { phases: WRITTEN, when: ALWAYS },
  'taking up': { phases: WRITTEN, when: ['recovery', 'decided'] },
  lease: { phases: WRITTEN, when: ['recovery', 'decided'] },
  end: { phases: WRITTEN, when: ALWAYS },
};

export const SUBJECTS = Object.keys(EXISTS) as Subject[];

export const EXISTING: readonly Cell[] = SUBJECTS.flatMap((subject) => {
  const { phases, when } = EXISTS[subject];
  return when.flatMap((each) => phases.map((phase) => cellOf(each, { subject, phase })));
});

/** What a life is told to do. */
export type Order =
  | { readonly do: 'live' }
  /** Dies at its n-th point, from 1. */
  | { readonly do: 'die'; readonly at: number }
  /** Dies at the first point that counts for one of these cells. */
  | { readonly do: 'die in'; readonly cells: readonly Cell[] }
  /** Is killed from outside after so many milliseconds; what it does takes its time. */
  | { readonly do: 'be killed'; readonly ms: number }
  /** Stops at its n-th commit, before it is made, and goes on when it is told to. */
  | { readonly do: 'stop'; readonly at: number };

/** A table of the cells with how often a process was killed in each, a line a subject and life. */
export function tableOf(counts: ReadonlyMap<Cell, number>): string {
  const width = 34;
  const known = new Set(EXISTING);
  const line = (first: string, cells: readonly string[]): string =>
    first.padEnd(width) + cells.map((cell) => cell.padStart(12)).join('');
  const rows = SUBJECTS.flatMap((subject) =>
    EXISTS[subject].when.map((when) =>
      line(
        `${subject}, ${when}`,
        PHASES.map((phase) => {
          const cell = cellOf(when, { subject, phase });
          return known.has(cell) ? String(counts.get(cell) ?? 0) : '-';
        }),
      ),
    ),
  );
  return [line('killed', PHASES), ...rows].join('\n');
}

/** Cells in which fewer than `floor` kills were made. */
export const shortCells = (counts: ReadonlyMap<Cell, number>, floor: number): Cell[] =>
  EXISTING.filter((cell) => (counts.get(cell) ?? 0) < floor);
