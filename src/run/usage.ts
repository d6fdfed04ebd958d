/**
 * Usage as events hold it, and added up over logs.
 */
import type { RunEvent } from '../kernel/index.ts';
import type { UsageData } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import type { Journal } from './record.ts';

/** The numbers of a usage, without what is empty. */
export function usageData(usage: Usage): UsageData {
  const {
    requests,
    inputTokens,
    outputTokens,
    totalTokens,
    inputTokensDetails,
    outputTokensDetails,
    requestUsageEntries,
  } = usage;
  return {
    ...(requests !== 1 && { requests }),
    inputTokens,
    outputTokens,
    totalTokens,
    ...counted('inputTokensDetails', inputTokensDetails),
    ...counted('outputTokensDetails', outputTokensDetails),
    ...(requestUsageEntries && requestUsageEntries.length > 0 && { requestUsageEntries }),
  };
}

/** Details that count something: vendors send a dozen zeros with each reply. */
function counted<K extends string>(
  key: K,
  details: readonly Record<string, number>[] = [],
): { [key in K]?: Record<string, number>[] } {
  const some = details.map((each) => Object.fromEntries(Object.entries(each).filter(([, count]) => count !== 0)));
  const kept = some.filter((each) => Object.keys(each).length > 0);
  return (kept.length > 0 ? { [key]: kept } : {}) as { [key in K]?: Record<string, number>[] };
}

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
  const total = new Usage(journal.base?.usage);
  for (const event of journal.events) {
    const own = event.type === 'tool.returned' ? event.usage : usageOfEvent(event);
    if (own) total.add(new Usage(own));
  }
  if (journal.hasChildren) for (const child of journal.children.values()) total.add(usageOfJournal(child));
  return total;
}
