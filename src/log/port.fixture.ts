/** The methods of a log, for a log that does one of them otherwise. */
import type { EventLog } from './index.ts';

export const portOf = (log: EventLog): EventLog => ({
  store: log.store,
  leases: log.leases,
  append: (commit) => log.append(commit),
  read: (runId, options) => log.read(runId, options),
  list: (query) => log.list(query),
  post: (runId, posting) => log.post(runId, posting),
  watch: (runId, known, signal) => log.watch(runId, known, signal),
  remove: (query) => log.remove(query),
  close: () => log.close(),
});
