/** `baton runs`: the newest runs, a line each. */
import { UserError } from '../protocol/errors.ts';
import type { RunsFilter, StoredRun } from '../trace/store/index.ts';
import { momentOf, openStore, parse, STORE_OPTIONS, textOf, wholeOf } from './arguments.ts';
import type { Command } from './command.ts';
import { cost, duration, time, tokens } from './format.ts';
import { clip, type Colour, fit, harmless, jsonLine, type Paint, type Terminal, widthOf, wrap } from './terminal.ts';

const STATUSES = ['running', 'paused', 'finished', 'failed', 'cancelled', 'interrupted'] as const;

export const runs: Command = {
  usage: `baton runs [--status ${STATUSES.join('|')}]
           [--agent <name>] [--group <id>] [--since <12h, 7d or 2026-11-25T22:00>] [--until <likewise>]
           [--limit <1 to 1000, default 20>] [--json] [--store <folder or file>] [--tenant <name>]`,
  async run(args, terminal) {
    const text = { type: 'string' } as const;
    const flags = { status: text, agent: text, group: text, since: text, until: text, limit: text } as const;
    const parsed = parse(args, { ...STORE_OPTIONS, ...flags, json: { type: 'boolean' } }, 0);
    const filter = {
      status: statusOf(textOf(parsed, 'status')),
      agent: textOf(parsed, 'agent'),
      groupId: textOf(parsed, 'group'),
      since: momentOf(parsed, 'since'),
      until: momentOf(parsed, 'until'),
      limit: wholeOf(parsed, 'limit', { least: 1, most: 1000 }) ?? 20,
    };
    const store = await openStore(parsed);
    try {
      const found = await store.runs(given(filter));
      if (parsed.values['json'] === true) terminal.out(jsonLine(found));
      else if (found.length === 0) terminal.out(`No runs like that in ${harmless(store.path)}.`);
      else list(found, terminal);
    } finally {
      await store.close();
    }
    return 0;
  },
};

/** Without what was not asked for. */
const given = (filter: { readonly [K in keyof RunsFilter]: RunsFilter[K] | undefined }): RunsFilter =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));

function statusOf(text: string | undefined): StoredRun['status'] | undefined {
  const status = STATUSES.find((one) => one === text);
  if (text !== undefined && !status) {
    throw new UserError(`--status is ${JSON.stringify(text)}. Give one of ${STATUSES.join(', ')}.`);
  }
  return status;
}

const COLOURS: Readonly<Record<StoredRun['status'], Colour>> = {
  running: 'blue',
  paused: 'yellow',
  finished: 'green',
  failed: 'red',
  cancelled: 'dim',
  interrupted: 'red',
};

/** Paints the word of a status. */
export const paintStatus = (paint: Paint, status: StoredRun['status'], text: string = status): string =>
  paint(COLOURS[status], text);

type Column = {
  readonly head: string;
  readonly of: (run: StoredRun) => string;
  readonly most?: number;
  readonly side?: 'right';
  readonly paint?: (paint: Paint, run: StoredRun, text: string) => string;
};

const BEGAN: Column = { head: 'began', of: ({ startedAt }) => time(startedAt) };
const TOKENS: Column = {
  head: 'tokens',
  side: 'right',
  of: ({ inputTokens, outputTokens }) => tokens(inputTokens, outputTokens),
};
const TURNS: Column = { head: 'turns', side: 'right', of: ({ turns }) => String(turns) };
const TIME: Column = {
  head: 'time',
  side: 'right',
  of: ({ status, activeMs }) => (status === 'running' ? '' : duration(activeMs)),
};
const AGENT: Column = {
  head: 'agent',
  most: 24,
  of: ({ agent = '' }) => harmless(agent.slice(0, 200)),
  paint: (paint, _, text) => paint('cyan', text),
};
const COLUMNS: readonly Column[] = [
  { head: 'run', most: 40, of: ({ runId }) => harmless(runId) },
  BEGAN,
  { head: 'status', of: ({ status }) => status, paint: (paint, { status }, text) => paintStatus(paint, status, text) },
  AGENT,
  TURNS,
  TIME,
  TOKENS,
  { head: 'cost', side: 'right', of: ({ nanoUsd, unpricedCalls }) => cost(nanoUsd, unpricedCalls) },
];
const GAP = '  ';
/** Columns of an error in a list: a page of a proxy must not bury the other runs. `baton trace` tells more. */
const LONGEST_ERROR = 600;
const LEAST_AGENT = 8;

function list(found: readonly StoredRun[], { out, columns, paint }: Terminal): void {
  const width = ({ head, of, most = Infinity }: Column): number =>
    Math.min(
      most,
      found.reduce((widest, run) => Math.max(widest, widthOf(of(run))), widthOf(head)),
    );
  const shown = fitting(columns, width).map((column) => ({ ...column, width: width(column) }));
  out(
    paint(
      'dim',
      shown
        .map(({ head, side, width: most }) => fit(head, most, side))
        .join(GAP)
        .trimEnd(),
    ),
  );
  for (const run of found) {
    const cells = shown.map(({ of, side, width: most, paint: painted }) => {
      const text = fit(of(run), most, side);
      return painted ? painted(paint, run, text) : text;
    });
    out(cells.join(GAP).trimEnd());
    if (run.error !== undefined) {
      const error = clip(harmless(run.error.slice(0, 4 * LONGEST_ERROR)), LONGEST_ERROR);
      for (const line of wrap(`${GAP}✗ ${error}`, columns, `${GAP}  `)) out(paint('red', line));
    }
  }
}

/** In a narrow terminal the year goes first, then tokens, turns and time; names of agents get shorter; then the others go. */
function fitting(columns: number, width: (column: Column) => number): readonly Column[] {
  const over = (list: readonly Column[]): number =>
    list.reduce((sum, column) => sum + width(column) + GAP.length, -GAP.length) - columns;
  const isWider = (list: readonly Column[]): boolean => over(list) > 0;
  let shown = COLUMNS;
  if (isWider(shown)) {
    const short: Column = { head: 'began', of: ({ startedAt }) => time(startedAt, { short: true }) };
    shown = shown.map((column) => (column === BEGAN ? short : column));
  }
  for (const least of [TOKENS, TURNS, TIME]) if (isWider(shown)) shown = shown.filter((column) => column !== least);
  const shortened = (): readonly Column[] => {
    const most = Math.max(LEAST_AGENT, width(AGENT) - Math.max(0, over(shown)));
    return shown.map((column) => (column === AGENT ? { ...AGENT, most } : column));
  };
  for (const least of ['cost', 'began']) if (isWider(shortened())) shown = shown.filter(({ head }) => head !== least);
  return shortened();
}
