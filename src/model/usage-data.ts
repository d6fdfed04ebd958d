/** Usage as plain data. */
import type { UsageData } from '../protocol/model.ts';
import type { Usage } from '../protocol/usage.ts';

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

const NONE: readonly never[] = [];

/** Details that count something: vendors send a dozen zeros with each reply. */
function counted<K extends string>(
  key: K,
  details: readonly Record<string, number>[] = NONE,
): { [key in K]?: Record<string, number>[] } | undefined {
  if (details.length === 0) return undefined;
  const some = details.map((each) => Object.fromEntries(Object.entries(each).filter(([, count]) => count !== 0)));
  const kept = some.filter((each) => Object.keys(each).length > 0);
  return kept.length > 0 ? ({ [key]: kept } as { [key in K]?: Record<string, number>[] }) : undefined;
}

/** The usage of one attempt: that of its single request is not said twice. */
export function attemptUsage(usage: Usage): UsageData {
  const { requestUsageEntries, ...rest } = usageData(usage);
  return requestUsageEntries && requestUsageEntries.length > 1 ? { ...rest, requestUsageEntries } : rest;
}
