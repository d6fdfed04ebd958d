/** Listings as a whole: what stands behind a page of runs that others have must not be left for ever. */
import type { EventLog, RunInfo, RunQuery } from '../log/index.ts';

const PAGE = 200;

/** All runs like that, newest first, a page at a time; those of sub-agents too where the query does not say otherwise. */
export async function* eachRun(log: EventLog, query: RunQuery): AsyncGenerator<RunInfo> {
  let cursor: string | undefined;
  do {
    const page = await log.list({ ...query, limit: PAGE, ...(cursor !== undefined && { cursor }) });
    yield* page.runs;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

export async function listAll(log: EventLog, query: RunQuery): Promise<RunInfo[]> {
  const runs: RunInfo[] = [];
  for await (const run of eachRun(log, query)) runs.push(run);
  return runs;
}
