/** Starts processes that run on shared sessions, and compares what they say with what the sessions hold. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AgentInputItem } from '../index.ts';
import { RunStore } from '../index.ts';
import {
  type Job,
  LEASE_MS,
  type Line,
  openLog,
  openSession,
  type Place,
  type SharedSession,
  speaker,
} from './turn-runner.fixture.ts';

export type Runner = { readonly child: ChildProcess; readonly lines: Line[]; readonly ended: Promise<unknown> };

export function startRunner(job: Job): Runner {
  const script = fileURLToPath(new URL('./turn-runner.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Line);
  });
  return { child, lines, ended: new Promise((resolve) => child.on('close', resolve)) };
}

/** Waits until a runner says something. */
export async function says({ child, lines }: Runner, outcome: Line['outcome'], from = 0): Promise<Line> {
  for (;;) {
    const line = lines.slice(from).find((each) => each.outcome === outcome);
    if (line) return line;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`The process ended, and was not ${outcome}`);
    await sleep(5);
  }
}

/** Goes on with what is left until every run is over. */
export async function recoverAll(place: Place): Promise<Map<string, string>> {
  const opened: SharedSession[] = [];
  const resumeOptions = ({ session = '' }): object => {
    const again = openSession(place, session);
    opened.push(again);
    return { session: again };
  };
  const options = { worker: 'last', leaseMs: LEASE_MS, agents: [speaker(1)], resumeOptions };
  const store = new RunStore({ log: openLog(place), ...options });
  const statuses = new Map<string, string>();
  for (;;) {
    await store.recover();
    const open = await store.list({ status: ['running', 'stopping', 'paused'], limit: 1 });
    if (open.runs.length === 0) break;
    await sleep(200);
  }
  for (let page = await store.list(); ; page = await store.list({ cursor: page.cursor })) {
    for (const { runId, status } of page.runs) statuses.set(runId, status);
    if (page.cursor === undefined) break;
  }
  await store.close();
  for (const session of opened) await session.close();
  return statuses;
}

type Said = { readonly what: 'in' | 'call' | 'result' | 'out'; readonly run: string };

function said(item: AgentInputItem): Said {
  switch (item.type) {
    case 'function_call':
      return { what: 'call', run: '' };
    case 'function_call_result': {
      const { output } = item;
      const text = typeof output === 'object' && 'text' in output ? output.text : String(output);
      return { what: 'result', run: item.status === 'completed' ? text : '' };
    }
    default: {
      const { content = '' } = item as { content?: string | { text: string }[] };
      const [what = '', run = ''] = (typeof content === 'string' ? content : (content[0]?.text ?? '')).split(':');
      if (what !== 'in' && what !== 'out') throw new Error(`Nobody says ${JSON.stringify(item)}`);
      return { what, run };
    }
  }
}

/**
 * What is wrong with a history: runs that interleave, what is there twice, what is missing.
 *
 * @param ends what became of each run, as far as it is known
 */
export function problemsOf(items: readonly AgentInputItem[], ends: ReadonlyMap<string, Line['outcome']>): string[] {
  const problems: string[] = [];
  const all = items.map(said);
  const speaking = new Set(all.filter(({ what, run }) => what !== 'in' && run !== '').map(({ run }) => run));
  const seen = new Set<string>();
  const done = new Set<string>();
  let now = '';
  all.forEach(({ what, run }, at) => {
    if (what === 'in') {
      if (seen.has(run)) problems.push(`in:${run} is there twice, again at ${at}`);
      seen.add(run);
      const end = ends.get(run);
      // What joined a run shares its fate: whoever was interrupted, or killed, may have had a run of its own or not.
      const isSpoken = all.slice(at).find((each) => each.what !== 'in' && each.run !== '')?.run === now;
      const isJoined = !speaking.has(run) && (end === 'joined' || (end !== 'done' && isSpoken));
      if (!isJoined) now = run;
      else if (done.has(now)) problems.push(`in:${run} at ${at} joined ${now}, which was over`);
      return;
    }
    if (run !== '' && run !== now) problems.push(`${what}:${run} at ${at} is in the block of ${now}`);
    if (what === 'out') done.add(run);
  });
  for (const [run, end] of ends) {
    const isIn = seen.has(run);
    if (end === 'done' && !(isIn && done.has(run)))
      problems.push(`${run} is done, and its input or answer is not there`);
    if (end === 'joined' && !isIn) problems.push(`${run} joined another, and its input is not there`);
    if (end === 'busy' && isIn) problems.push(`${run} was refused, and its input is there`);
  }
  return problems;
}

/** The newest that is known of each run, by session. */
export function endsOf(runners: readonly Runner[]): Map<string, Map<string, Line['outcome']>> {
  const ends = new Map<string, Map<string, Line['outcome']>>();
  for (const { run, session, outcome } of runners.flatMap(({ lines }) => lines)) {
    // What a tool says of a run that was taken over comes from elsewhere, and is no end.
    if (outcome === 'working') continue;
    const of = ends.get(session) ?? new Map<string, Line['outcome']>();
    ends.set(session, of);
    of.set(run, outcome);
  }
  return ends;
}

export async function inspect(place: Place, runners: readonly Runner[]): Promise<string[]> {
  const problems: string[] = [];
  for (const [id, ends] of endsOf(runners)) {
    await using session = openSession(place, id);
    problems.push(...problemsOf(await session.getItems(), ends).map((problem) => `${id}: ${problem}`));
    const holder = await session.turnHolder();
    if (holder) problems.push(`${id}: run ${holder.runId} has the turn still`);
  }
  for (const { run, error, outcome } of runners.flatMap(({ lines }) => lines)) {
    if (outcome === 'failed') problems.push(`${run} failed: ${error}`);
  }
  return problems;
}
