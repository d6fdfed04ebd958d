/** Planted defects: logs that misbehave. The harness must notice each of them. */
import type { Commit, Committed, EventLog, LogEvent } from '../../../src/log/index.ts';
import { portOf } from '../../../src/log/port.fixture.ts';

export const MUTANTS = [
  'performs before it commits',
  'has no fence',
  'answers twice',
  'forgets that once began',
] as const;
export type Mutant = (typeof MUTANTS)[number];

export function mutated(log: EventLog, mutant: Mutant | undefined): EventLog {
  switch (mutant) {
    case undefined:
      return log;
    case 'performs before it commits':
      return { ...portOf(log), append: late(log) };
    case 'has no fence':
      return { ...portOf(log), append: unfenced(log) };
    case 'answers twice':
      return { ...portOf(log), append: (commit) => log.append({ ...commit, events: commit.events.flatMap(twice) }) };
    case 'forgets that once began':
      return { ...portOf(log), append: (commit) => log.append({ ...commit, events: commit.events.filter(isNoBegin) }) };
  }
}

const twice = (event: LogEvent): LogEvent[] => (event.type === 'tool.returned' ? [event, event] : [event]);
const isNoBegin = ({ type }: LogEvent): boolean => type !== 'effect.began';

/** Says that it has stored what it stores a little later. The end of a run, and its first events, are stored at once. */
function late(log: EventLog): EventLog['append'] {
  let before: Promise<unknown> = Promise.resolve();
  return async (commit): Promise<Committed> => {
    const isLate = !commit.create && !commit.release && !commit.also && commit.events.length > 0;
    const stored = before.then(async () => {
      if (isLate) await new Promise((resolve) => setTimeout(resolve, 10));
      return log.append(commit);
    });
    before = stored.catch(() => undefined);
    if (!isLate) return stored;
    const { position, fence, events } = commit;
    return { head: position + events.length, fence, posted: 0, at: Date.now(), isRepeated: false };
  };
}

/** Lets everybody write, wherever the log ends by now. */
function unfenced(log: EventLog): EventLog['append'] {
  return async (commit): Promise<Committed> => {
    if (commit.create) return log.append(commit);
    const seen = (await log.read(commit.runId, { limit: 0 }))?.info;
    if (!seen) return log.append(commit);
    const { owner, fence } = seen.lease;
    if (owner !== undefined && fence === commit.fence) return log.append(commit);
    const taken = await log.leases.claim(commit.runId, { worker: 'anybody', seen: seen.lease });
    if (!taken.isGranted) return log.append(commit);
    const own: Commit = { ...commit, position: seen.head, fence: taken.fence };
    return log.append(own);
  };
}
