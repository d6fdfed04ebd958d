/** Starts processes that append to runs, and compares what they say with what is stored. */
import { startProcess } from '../store/processes.fixture.ts';
import type { Process } from '../store/processes.fixture.ts';
import { eventsOf } from './appender.fixture.ts';
import type { Job, Line } from './appender.fixture.ts';
import { openLog } from './open.fixture.ts';

export type Appender = Process<Line>;

export const startAppender = (job: Job, wrap?: readonly string[]): Appender =>
  startProcess<Line>(new URL('./appender.fixture.ts', import.meta.url), job, wrap);

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
