/** The local trace store as a place that can forget runs. */
import { UserError } from '../../protocol/errors.ts';
import { node } from '../../protocol/node.ts';
import type { ErasablePlace } from '../../store/erase.ts';
import { openFile, type SqliteFile } from '../../store/sqlite/files.ts';
import { resolvedPath } from '../../store/sqlite/path.ts';
import type { Outcome } from '../../store/sqlite/writer.ts';
import { getGlobalTraceProvider } from '../provider.ts';
import type { EraseCommand } from './commands.ts';
import type { Erased } from './erase.ts';
import { traceStoreError } from './errors.ts';
import { traceStorePath } from './location.ts';

export type StoredTracesOptions = {
  /** The file, or `:memory:`. @default `.baton/traces.db`, or in BATON_TRACE_STORE */
  readonly path?: string;
  /** Whose traces. @default 'default' */
  readonly tenant?: string;
  /** How long a call waits for others that use the file, in milliseconds. @default 30000 */
  readonly timeoutMs?: number;
};

/** Ids a command. */
const CHUNK = 500;

/**
 * The local trace store, to erase the traces of runs: alone, or by a `RunStore` with its runs. A trace is deleted whole
 * when one of its runs is named, or when its group is one of the sessions; what this process has not written yet is
 * written before. Sums of usage have no content: they stay, unless all of a tenant is erased. `retention` of the store
 * does the rest.
 *
 * @throws UserError when an option is unfit
 *
 * @example
 * import { storedTraces } from '@baton/agents';
 *
 * const traces = storedTraces({ path: '/tmp/baton-no-such-file.db' });
 * console.log(await traces.erase({ sessions: [], runs: ['r1'] })); // 0
 * await traces.close();
 */
export function storedTraces(options: StoredTracesOptions = {}): ErasablePlace {
  const { path = traceStorePath(), tenant = 'default', timeoutMs = 30_000 } = options;
  if (tenant === '') throw new UserError('storedTraces option `tenant` must be a non-empty string.');
  const isFile = path !== ':memory:';
  let file: SqliteFile | undefined;
  const opened = (): SqliteFile => (file ??= openFile(isFile ? resolvedPath(path) : path, { synchronous: 'normal' }));
  const ask = async (command: EraseCommand): Promise<number> => {
    for (let traces = 0; ;) {
      // The answer of `erase`, which the thread has for this command.
      const done = answerOf(await opened().request([{ component: 'trace', command }], timeoutMs)) as Erased;
      traces += done.traces;
      if (!done.more) return traces;
    }
  };
  return {
    name: 'traces',
    async erase({ sessions, runs, all = false }) {
      await getGlobalTraceProvider().forceFlush();
      if (isFile && !node.fs.existsSync(path)) return 0;
      let traces = 0;
      const ids = [...runs];
      do {
        traces += await ask({ do: 'erase', tenant, runs: ids.splice(0, CHUNK), groups: sessions, all });
      } while (ids.length > 0);
      if (isFile) answerOf(await opened().scrub(timeoutMs));
      return traces;
    },
    close: async () => file?.release(),
  };
}

function answerOf(outcome: Outcome): unknown {
  if ('failure' in outcome) throw traceStoreError(outcome.failure);
  return outcome.answers[0];
}
