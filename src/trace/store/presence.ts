/**
 * Whether the process that writes a run still lives, as far as the store can tell: it is heard of while it has open
 * spans. Clocks of the processes that share a file are those of one machine.
 */

/** How often it is heard of, at least. Milliseconds. */
export const BEAT_MS = 15_000;
/** After which silence it is held to be lost: a process that is busy or was stopped for a while is not. */
export const LOST_MS = 60_000;

/** When the process that writes a run was last heard of; null where nobody ever said. */
export const BEAT_OF_RUN = '(SELECT beat_at FROM baton_trace_writers WHERE writer = r.writer)';

/** What is so of a run `r`. Its parameter: the time before which a process that was not heard of since is lost. */
export const STATUS_OF_RUN = `CASE WHEN r.status = 'running' AND r.writer IS NOT NULL AND coalesce(${BEAT_OF_RUN}, 0) < ?
  THEN 'interrupted' ELSE r.status END`;
