/** `baton trace <run>`: what a run did, as a waterfall. */
import { UserError } from '../protocol/errors.ts';
import type { StoredRun, StoredSpan, StoredTrace } from '../trace/store/index.ts';
import { openStore, parse, STORE_OPTIONS } from './arguments.ts';
import type { Command } from './command.ts';
import { cost, duration, time, tokens } from './format.ts';
import { paintStatus } from './runs.ts';
import { clip, harmless, jsonLine, type Terminal } from './terminal.ts';
import { type Branch, treeOf } from './tree.ts';
import { drawWaterfall, labelOf } from './waterfall.ts';

export const trace: Command = {
  usage: `baton trace <id of a run or trace, or how a run's id begins> [--content] [--json]
           [--store <folder or .db file>] [--tenant <name>]`,
  async run(args, terminal) {
    const flags = { json: { type: 'boolean' }, content: { type: 'boolean' } } as const;
    const parsed = parse(args, { ...STORE_OPTIONS, ...flags }, 1);
    const [id] = parsed.positionals;
    if (id === undefined) throw new UserError('Which run? Give its id, or how it begins; `baton runs` lists them.');
    const store = await openStore(parsed);
    try {
      const found = await store.trace(id);
      if (!found) throw new UserError(`No run or trace ${JSON.stringify(id)} in ${store.path}. See baton runs.`);
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
  const tree = treeOf(found.spans.filter(({ runId }) => ids === undefined || (runId !== undefined && ids.has(runId))));
  for (const run of runs) if (run.parentRunId === undefined || run === runs[0]) head(run, found, terminal);
  errors(tree, terminal);
  if (tree.length === 0) return terminal.out('Nothing of it was written yet.');
  terminal.out('');
  drawWaterfall(tree, { content }, terminal);
}

/** The run that is meant, and those of its sub-agents. */
function treeOfRuns(runs: readonly StoredRun[], id: string): readonly StoredRun[] {
  const root = runs.find(({ runId }) => runId === id) ?? runs.find(({ runId }) => runId.startsWith(id));
  const chosen = new Set(root ? [root.runId] : []);
  for (const run of runs) if (run.parentRunId !== undefined && chosen.has(run.parentRunId)) chosen.add(run.runId);
  return root ? [root, ...runs.filter((run) => run !== root && chosen.has(run.runId))] : [];
}

function head(run: StoredRun, { traceId }: StoredTrace, { out, columns, paint }: Terminal): void {
  const { agent = '', lastAgent = agent, status } = run;
  const path = agent === lastAgent ? agent : `${agent} … ${lastAgent}`;
  out(`${paint('bold', harmless(run.runId))}  ${paintStatus(paint, status)}  ${paint('cyan', harmless(path))}`);
  const facts = [
    harmless(run.workflow ?? ''),
    time(run.startedAt),
    duration(run.activeMs) + (run.segments > 1 ? ` in ${run.segments} segments` : ''),
    `${run.turns} turns`,
    tokens(run.inputTokens, run.outputTokens) && `${tokens(run.inputTokens, run.outputTokens)} tokens`,
    cost(run.nanoUsd, run.unpricedCalls),
    harmless(traceId),
  ];
  out(paint('dim', clip(facts.filter(Boolean).join(' · '), columns)));
}

/** What went wrong comes first: of spans that failed one because of the other, the innermost, where it began. */
function errors(tree: readonly Branch[], { out, columns, paint }: Terminal): void {
  const failed: StoredSpan[] = [];
  const visit = ({ span, children }: Branch): void => {
    const before = failed.length;
    children.forEach(visit);
    if (span.error && failed.length === before) failed.push(span);
  };
  tree.forEach(visit);
  if (failed.length > 0) out('');
  for (const span of failed) {
    const { message = '', data } = span.error ?? {};
    const more = data && Object.keys(data).length > 0 ? ` ${JSON.stringify(data)}` : '';
    out(paint('red', clip(`✗ ${labelOf(span).text}: ${harmless(message + more)}`, columns)));
  }
}
