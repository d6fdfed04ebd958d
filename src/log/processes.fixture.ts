/** Starts processes that append to runs, and compares what they say with what is stored. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventsOf } from './appender.fixture.ts';
import type { Job, Line, Report } from './appender.fixture.ts';
import { openLog } from './open.fixture.ts';

export type Appender = {
  readonly child: ChildProcess;
  /** Commits that were acknowledged until now. */
  readonly acknowledged: Line[];
  readonly ended: Promise<Report | undefined>;
};

/** @param wrap a command that gets the process to start as its last arguments */
export function startAppender(job: Job, wrap: readonly string[] = []): Appender {
  const script = fileURLToPath(new URL('./appender.fixture.ts', import.meta.url));
  const [command, ...before] = [...wrap, process.execPath];
  // Threads that collect garbage together wait for each other, and for a processor, as if they slept.
  const args = [...before, '--single-threaded-gc', script, JSON.stringify(job)];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: Line[] = [];
  let report: Report | undefined;
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const said: Line | Report = JSON.parse(line);
      if ('errors' in said) report = said;
      else acknowledged.push(said);
    }
  });
  const ended = new Promise<Report | undefined>((resolve) => child.on('close', () => resolve(report)));
  return { child, acknowledged, ended };
}

/** What is wrong with the stored runs: lost, half, twice, or under an older fence after a newer. Nothing, when well. */
export async function inspectRuns(
  path: string,
  runs: readonly string[],
  acknowledged: readonly Line[],
  tenant?: string,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const log = openLog(path, { tenant });
  for (const runId of runs) {
    const run = await log.read(runId);
    const types = run?.events.map(({ event }) => event.type) ?? [];
    if (run && run.info.head !== types.length) problems.push(`${runId}: head ${run.info.head}, ${types.length} events`);
    const seen = new Set<string>();
    let newest = 0;
    for (let at = 0; at < types.length; at += 2) {
      const [name = '', n = '', , fence = ''] = types[at]?.split(' ') ?? [];
      const expected = eventsOf([runId, at, name, Number(n), Number(fence)]).map(({ type }) => type);
      if (types[at] !== expected[0] || types[at + 1] !== expected[1]) problems.push(`${runId}: half a commit at ${at}`);
      if (seen.has(`${name} ${n}`)) problems.push(`${runId}: ${name} ${n} twice`);
      seen.add(`${name} ${n}`);
      if (Number(fence) < newest) problems.push(`${runId}: fence ${fence} after ${newest} at ${at}`);
      newest = Math.max(newest, Number(fence));
    }
    if (run && newest > run.info.lease.fence)
      problems.push(`${runId}: an event of fence ${newest}, which was not given`);
    for (const line of acknowledged) {
      if (line[0] !== runId) continue;
      if (types[line[1]] !== eventsOf(line)[0]?.type) problems.push(`lost: ${line.join(' ')}`);
    }
  }
  await log.close();
  return problems;
}
