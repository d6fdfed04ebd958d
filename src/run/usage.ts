/**
 * Usage as events hold it, and added up over logs.
 */
import type { RunEvent } from '../kernel/index.ts';
import type { UsageData } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import type { Journal } from './record.ts';

export { attemptUsage, usageData } from '../model/index.ts';

/** The tokens that one event tells of. */
export function usageOfEvent(event: RunEvent): UsageData | undefined {
  switch (event.type) {
    case 'model.replied':
      return event.reply.usage;
    case 'model.failed':
    case 'session.compacted':
      return event.usage;
    default:
      return undefined;
  }
}

/** The tokens of a run and of the sub-agents that it called. */
export function usageOfJournal(journal: Journal): Usage {
  const total = usageOfLog(journal);
  if (journal.hasChildren) for (const child of journal.children.values()) total.add(usageOfJournal(child));
  return total;
}

/** The tokens that a run's own log tells of: those of sub-agents whose runs are over, and not of those that go on. */
export function usageOfLog(journal: Journal): Usage {
  const total = new Usage(journal.base?.usage);
  for (const event of journal.events) {
    const own = event.type === 'tool.returned' ? event.usage : usageOfEvent(event);
    if (own) total.add(new Usage(own));
  }
  return total;
}
