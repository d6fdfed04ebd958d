/** Reads a trace store: what the dashboard and the `baton` command ask. */
import { UserError } from '../../protocol/errors.ts';
import { node } from '../../protocol/node.ts';
import { openFile, type SqliteFile } from '../../store/sqlite/files.ts';
import { resolvedPath } from '../../store/sqlite/path.ts';
import type { ReadCommand } from './commands.ts';
import { TraceStoreError, traceStoreError } from './errors.ts';
import { traceStorePath } from './location.ts';
import { MOST_CANDIDATES, type TraceRows } from './read.ts';
import { runOf, type StoredRun, type StoredTrace, traceOf, type UsageRow, usageOf } from './rows.ts';
import type { Columns } from '../../store/sqlite/statements.ts';

export type OpenTraceStoreOptions = {
  /** The file, or `:memory:` for what this process keeps there. @default `.baton/traces.db`, or in BATON_TRACE_STORE */
  readonly path?: string;
  /** Whose traces. @default 'default' */
  readonly tenant?: string;
};

export type RunsFilter = {
  readonly status?: StoredRun['status'];
  /** The agent that the run began with. */
  readonly agent?: string;
  /** What ties their traces together: `groupId` of the runner or of `withTrace`. */
  readonly groupId?: string;
  /** Runs that began at this time or later, and at this time or earlier. Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  /** Runs that were stored before the one with this `key`: the next page. */
  readonly before?: number;
  /** At most so many, 1 to 1000. @default 50 */
  readonly limit?: number;
};

/** A store that is open for reading, while others write. */
export type TraceStore = {
  readonly path: string;
  /** Root runs, newest first. */
  runs(filter?: RunsFilter): Promise<StoredRun[]>;
  /**
   * The whole trace that a run is in: all its runs, spans in the order in which they began, and what was said.
   * Undefined where there is none; `id` is the id of a run or a trace, or how the id of one run begins.
   *
   * @throws UserError where several runs begin like this
   */
  trace(id: string): Promise<StoredTrace | undefined>;
  /** Model calls by agent and model, in whole hours. @default all that is kept */
  usage(period?: { since?: number; until?: number }): Promise<UsageRow[]>;
  /** Lets go of the file. */
  close(): Promise<void>;
};

const TIMEOUT_MS = 10_000;
const HOUR_MS = 3_600_000;

/**
 * Opens the store that runs are kept in.
 *
 * @example
 * const store = await openTraceStore({ path: ':memory:' });
 * for (const run of await store.runs({ status: 'failed', limit: 10 })) console.log(run.runId, run.agent, run.error);
 * await store.close();
 *
 * @throws TraceStoreError `trace-store/missing` where there is no such file, and others for a file that fails;
 *   UserError where the file is open in this process in another way
 */
export async function openTraceStore(options: OpenTraceStoreOptions = {}): Promise<TraceStore> {
  const { path = traceStorePath(), tenant = 'default' } = options;
  const file = await open(path);
  let isOpen = true;
  const ask = async (command: ReadCommand): Promise<unknown> => {
    if (!isOpen) throw new TraceStoreError('trace-store/closed', `The trace store ${path} was closed. Open it again.`);
    const outcome = await file.request([{ component: 'trace', command }], TIMEOUT_MS);
    if ('failure' in outcome) throw traceStoreError(outcome.failure);
    return outcome.answers[0];
  };
  return {
    path,
    async runs({ limit = 50, ...filter } = {}) {
      if (!(limit >= 1 && limit <= 1000)) throw new UserError(`limit is ${limit}. Give a number from 1 to 1000.`);
      for (const name of ['since', 'until', 'before'] as const) checkNumber(name, filter[name]);
      // Last what a filter that was made elsewhere must not say.
      return ((await ask({ ...filter, do: 'runs', tenant, limit })) as Columns[]).map(runOf);
    },
    async trace(id) {
      const found = (await ask({ do: 'trace', tenant, id })) as TraceRows | { candidates: string[] };
      if (!('candidates' in found)) return traceOf(found);
      if (found.candidates.length === 0) return undefined;
      const { candidates } = found;
      const many = candidates.length === MOST_CANDIDATES ? `${MOST_CANDIDATES} or more` : candidates.length;
      throw new UserError(`${many} runs begin with ${JSON.stringify(id)}: ${candidates.join(', ')}.`);
    },
    async usage({ since = 0, until = Date.now() + HOUR_MS } = {}) {
      return ((await ask({ do: 'usage', tenant, since, until })) as Columns[]).map(usageOf);
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await file.release();
    },
  };
}

function checkNumber(name: string, value: number | undefined): void {
  if (value === undefined || Number.isFinite(value)) return;
  throw new UserError(`${name} is ${value}. Give a number, or leave it out.`);
}

async function open(path: string): Promise<SqliteFile> {
  const isFile = path !== ':memory:';
  if (isFile && !node.fs.existsSync(path)) {
    throw new TraceStoreError(
      'trace-store/missing',
      `There is no trace store at ${path}. It is made by the first run in this folder that is traced; ` +
        'BATON_TRACE_STORE names another folder.',
    );
  }
  if (!isFile) return openFile(path, { synchronous: 'normal' });
  return openFile(resolvedPath(path), { synchronous: 'normal', readOnly: !isWritable(path) });
}

function isWritable(path: string): boolean {
  try {
    node.fs.accessSync(path, node.fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
