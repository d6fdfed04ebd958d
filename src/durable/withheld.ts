/** What an output guardrail withholds is taken out of the log by the commit of its verdict. */
import type { Committed } from '../kernel/index.ts';
import type { Commit, EventLog } from '../log/index.ts';
import { withTombstones } from '../run/codec.ts';

/** The events of the log that hold what these events withhold, without it. Undefined: they withhold nothing. */
export async function replacedBy(
  log: EventLog,
  runId: string,
  events: readonly Committed[],
): Promise<Commit['replaced']> {
  if (!events.some((event) => event.type === 'items.withheld' && event.calls.length > 0)) return undefined;
  const stored = (await log.read(runId))?.events ?? [];
  const before = stored.map(({ event }) => event as Committed);
  const after = withTombstones([...before, ...events]);
  return stored.flatMap(({ position }, n) => {
    const event = after[n];
    return event === undefined || event === before[n] ? [] : [{ position, event }];
  });
}
