import type { EventLog, RunInfo, RunQuery } from '../log/index.ts';

/** All root runs like that: what stands behind a page of runs that others have must not be left for ever. */
export async function listAll(log: EventLog, query: RunQuery): Promise<RunInfo[]> {
  const runs: RunInfo[] = [];
  let cursor: string | undefined;
  do {
    const page = await log.list({ ...query, parent: null, limit: PAGE, ...(cursor !== undefined && { cursor }) });
    runs.push(...page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return runs;
}

const PAGE = 200;
