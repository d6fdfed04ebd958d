/** `baton trace <run>`: what a run did, as a waterfall. */
import { UserError } from '../protocol/errors.ts';
import type { StoredRun, StoredTrace } from '../trace/store/index.ts';
import { openStore, parse, STORE_OPTIONS } from './arguments.ts';
import type { Command } from './command.ts';
import { cost, counted, duration, time, tokens } from './format.ts';
import { paintStatus } from './runs.ts';
import { clip, harmless, jsonLine, type Terminal, widthOf, wrap } from './terminal.ts';
import { failedIn, type Row, rowsOf } from './tree.ts';
import { drawWaterfall, labelOf } from './waterfall.ts';

/** Errors that are told before the waterfall, where each stands again; columns of one, and of a name. */
const MOST_ERRORS = 20;
const LONGEST_ERROR = 2000;
const LONGEST_NAME = 200;
const named = (text: string): string => clip(harmless(text.slice(0, 4 * LONGEST_NAME)), LONGEST_NAME);

export const trace: Command = {
  usage: `baton trace <id of a run or trace, or how a run's id begins> [--content] [--json]
           [--store <folder or file>] [--tenant <name>]`,
  async run(args, terminal) {
    const flags = { json: { type: 'boolean' }, content: { type: 'boolean' } } as const;
    const parsed = parse(args, { ...STORE_OPTIONS, ...flags }, 1);
    const [id] = parsed.positionals;
    if (id === undefined) throw new UserError('Which run? Give its id, or how it begins; `baton runs` lists them.');
    const store = await openStore(parsed);
    try {
      const found = await store.trace(id);
      if (!found) {
        const none = `No run or trace ${JSON.stringify(id)} in ${store.path}. \`baton runs\` lists what is there.`;
        terminal.err(`${terminal.paint('red', 'baton:')} ${harmless(none)}`);
        return 1;
      }
      if (parsed.values['json'] === true) terminal.out(jsonLine(found));
      else draw(found, { id, content: parsed.values['content'] === true }, terminal);
    } finally {
      await store.close();
    }
    return 0;
  },
};

function draw(found: StoredTrace, { id, content }: { id: string; content: boolean }, terminal: Terminal): void {
  const runs = id === found.traceId ? found.runs : treeOfRuns(found.runs, id);
  const ids = id === found.traceId ? undefined : new Set(runs.map(({ runId }) => runId));
  const rows = rowsOf(found.spans.filter(({ runId }) => ids === undefined || (runId !== undefined && ids.has(runId))));
  for (const run of runs) if (run.parentRunId === undefined || run === runs[0]) head(run, found, terminal);
  errors(rows, terminal);
  if (rows.length === 0) return terminal.out('Nothing of it was written yet.');
  terminal.out('');
  drawWaterfall(rows, { content }, terminal);
}

/** The run that is meant, and those of its sub-agents. */
function treeOfRuns(runs: readonly StoredRun[], id: string): readonly StoredRun[] {
  const root = runs.find(({ runId }) => runId === id) ?? runs.find(({ runId }) => runId.startsWith(id));
  const chosen = new Set(root ? [root.runId] : []);
  for (const run of runs) if (run.parentRunId !== undefined && chosen.has(run.parentRunId)) chosen.add(run.runId);
  return root ? [root, ...runs.filter((run) => run !== root && chosen.has(run.runId))] : [];
}

const BETWEEN = ' · ';

function head(run: StoredRun, { traceId }: StoredTrace, { out, columns, paint }: Terminal): void {
  const { agent = '', lastAgent = agent, status, groupId } = run;
  const path = agent === lastAgent ? named(agent) : `${named(agent)} … ${named(lastAgent)}`;
  out(`${paint('bold', harmless(run.runId))}  ${paintStatus(paint, status)}  ${paint('cyan', path)}`);
  const facts = [
    named(run.workflow ?? ''),
    groupId === undefined ? '' : `group ${named(groupId)}`,
    time(run.startedAt),
    `${status === 'running' ? '' : duration(run.activeMs)}${run.segments > 1 ? ` in ${run.segments} segments` : ''}`.trim(),
    counted(run.turns, 'turn'),
    tokens(run.inputTokens, run.outputTokens) && `${tokens(run.inputTokens, run.outputTokens)} tokens`,
    cost(run.nanoUsd, run.unpricedCalls),
    harmless(traceId),
  ].filter(Boolean);
  // A line ends between facts: ids are there to be copied.
  let line = '';
  for (const fact of facts) {
    if (line !== '' && widthOf(line + BETWEEN + fact) > columns) {
      out(paint('dim', line));
      line = fact;
    } else line += line === '' ? fact : BETWEEN + fact;
  }
  out(paint('dim', line));
}

/** What went wrong comes first: of spans that failed one because of the other, the innermost. */
function errors(rows: readonly Row[], { out, columns, paint }: Terminal): void {
  const failed = failedIn(rows);
  if (failed.length > 0) out('');
  for (const span of failed.slice(0, MOST_ERRORS)) {
    const { message = '', data } = span.error ?? {};
    const more = data && Object.keys(data).length > 0 ? ` ${JSON.stringify(data)}` : '';
    const text = clip(harmless(`${message}${more}`.slice(0, 4 * LONGEST_ERROR)), LONGEST_ERROR);
    const told = `✗ ${clip(labelOf(span).text, LONGEST_NAME)}: ${text}`;
    for (const line of wrap(told, columns, '  ')) out(paint('red', line));
  }
  const others = failed.length - MOST_ERRORS;
  if (others > 0) out(paint('red', `✗ and ${others} more`));
}
