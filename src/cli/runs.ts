/** `baton runs`: the newest runs, a line each. */
import { UserError } from '../protocol/errors.ts';
import type { StoredRun } from '../trace/store/index.ts';
import { openStore, parse, STORE_OPTIONS, textOf, wholeOf } from './arguments.ts';
import type { Command } from './command.ts';
import { cost, duration, time, tokens } from './format.ts';
import { type Colour, clip, fit, harmless, jsonLine, type Paint, type Terminal } from './terminal.ts';

const STATUSES = ['running', 'paused', 'finished', 'failed', 'cancelled', 'interrupted'] as const;

export const runs: Command = {
  usage: `baton runs [--status ${STATUSES.join('|')}] [--agent <name>] [--limit <1 to 1000, default 20>]
           [--json] [--store <folder or .db file>] [--tenant <name>]`,
  async run(args, terminal) {
    const flags = { status: { type: 'string' }, agent: { type: 'string' }, limit: { type: 'string' } } as const;
    const parsed = parse(args, { ...STORE_OPTIONS, ...flags, json: { type: 'boolean' } }, 0);
    const status = statusOf(textOf(parsed, 'status'));
    const agent = textOf(parsed, 'agent');
    const limit = wholeOf(parsed, 'limit', { least: 1, most: 1000 }) ?? 20;
    const store = await openStore(parsed);
    try {
      const found = await store.runs({ limit, ...(status && { status }), ...(agent !== undefined && { agent }) });
      if (parsed.values['json'] === true) terminal.out(jsonLine(found));
      else if (found.length === 0) terminal.out(`No runs like that in ${harmless(store.path)}.`);
      else list(found, terminal);
    } finally {
      await store.close();
    }
    return 0;
  },
};

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

function list(found: readonly StoredRun[], { out, columns, paint }: Terminal): void {
  const idWidth = Math.min(40, Math.max(...found.map(({ runId }) => harmless(runId).length)));
  const agentWidth = Math.min(24, Math.max(5, ...found.map((run) => harmless(run.agent ?? '').length)));
  const heads = [fit('run', idWidth), fit('began', 19), fit('status', 11), fit('agent', agentWidth)];
  const numbers = [
    fit('turns', 5, 'right'),
    fit('time', 10, 'right'),
    fit('tokens', 14, 'right'),
    fit('cost', 11, 'right'),
  ];
  out(paint('dim', [...heads, ...numbers].join('  ')));
  for (const run of found) {
    const cells = [
      fit(harmless(run.runId), idWidth),
      time(run.startedAt),
      paintStatus(paint, run.status, fit(run.status, 11)),
      paint('cyan', fit(harmless(run.agent ?? ''), agentWidth)),
      fit(String(run.turns), 5, 'right'),
      fit(run.status === 'running' ? '' : duration(run.activeMs), 10, 'right'),
      fit(tokens(run.inputTokens, run.outputTokens), 14, 'right'),
      fit(cost(run.nanoUsd, run.unpricedCalls), 11, 'right'),
    ];
    out(cells.join('  '));
    if (run.error !== undefined) out(paint('red', clip(`  ✗ ${harmless(run.error)}`, columns)));
  }
}
