/** A log in a SQLite file: survives the process; many processes of one host may share the file. */
import { UserError } from '../../protocol/errors.ts';
import type { Synchronous } from '../../store/sqlite/database.ts';
import { openFile } from '../../store/sqlite/files.ts';
import type { SqliteFile } from '../../store/sqlite/files.ts';
import { resolvedPath, storeName } from '../../store/sqlite/path.ts';
import type { Failure, StoreWrite } from '../../store/write.ts';
import { checkCommit, checkName, checkQuery, checkTenant } from '../check.ts';
import { encodeEvent } from '../codec.ts';
import type { Limits } from '../codec.ts';
import { appendCommand, limitsOf, replaceCommand } from '../encode.ts';
import { logError } from '../errors.ts';
import { cursorOf } from '../page.ts';
import { closed } from '../refusals.ts';
import type {
  Claimed,
  Commit,
  Committed,
  EventLog,
  Known,
  Lease,
  LogLimits,
  NewPosting,
  Posted,
  ReadOptions,
  RemoveQuery,
  RunInfo,
  RunLog,
  RunPage,
  RunQuery,
} from '../types.ts';
import type { AnswerOf, Command } from '../commands.ts';
import { infoOf, logOf, postingOf } from '../decode.ts';
import { Watchers } from '../watchers.ts';

export type SqliteLogOptions = LogLimits & {
  /** The file; created when it is not there, its folder is not. On a local disk. */
  path: string;
  /** Whose runs these are. Runs of one id under two tenants have nothing in common. @default 'default' */
  tenant?: string;
  /** Refuse to work without a tenant of one's own. @default false */
  requireTenant?: boolean;
  /** How long a call waits for other processes that write to the file, in milliseconds. @default 30000 */
  timeoutMs?: number;
  /**
   * 'full': what was acknowledged survives a loss of power, as far as the disk keeps its word. 'normal': it survives
   * the end of the process, the newest commits may be lost with the power; faster. @default 'full'
   */
  synchronous?: Synchronous;
  /** Only read, such as a copy of a damaged file. Calls that write fail with `log/read-only`. @default false */
  readOnly?: boolean;
};

/**
 * The logs of a tenant in a SQLite file. Nothing is opened before the first call.
 *
 * @throws UserError when an option is unfit, or the file is open in this process with other options
 *
 * @example
 * import { tmpdir } from 'node:os';
 * import { sqliteLog } from '@baton/agents';
 *
 * const log = sqliteLog({ path: `${tmpdir()}/runs-${process.pid}.db` });
 * const create = { agent: 'Assistant', worker: 'w1' };
 * await log.append({ runId: 'r1', position: 0, fence: 0, create, events: [{ type: 'run.started' }] });
 * console.log((await log.list()).runs.length); // 1
 * await log.close();
 */
export function sqliteLog(options: SqliteLogOptions): EventLog {
  const { path, tenant = 'default', requireTenant = false, timeoutMs = 30_000, synchronous = 'full' } = options;
  const { maxEventBytes, maxRunBytes, inlineBytes, readOnly = false } = options;
  checkName('path', path);
  if (path === ':memory:')
    throw new UserError('sqliteLog needs a file as `path`. For a log in memory use memoryLog().');
  checkTenant(tenant, requireTenant);
  if (!(timeoutMs >= 0)) throw new UserError(`sqliteLog option \`timeoutMs\` must be 0 or more. Got ${timeoutMs}.`);
  if (synchronous !== 'full' && synchronous !== 'normal') {
    throw new UserError(`sqliteLog option \`synchronous\` must be 'full' or 'normal'. Got ${String(synchronous)}.`);
  }
  const limits = limitsOf({ maxEventBytes, maxRunBytes, inlineBytes }, 'sqliteLog');
  return new SqliteLog({ path: resolvedPath(path), tenant, timeoutMs, synchronous, readOnly, limits });
}

type Settings = {
  readonly path: string;
  readonly tenant: string;
  readonly timeoutMs: number;
  readonly synchronous: Synchronous;
  readonly readOnly: boolean;
  readonly limits: Limits;
};

class SqliteLog implements EventLog {
  readonly store: string;
  readonly leases = {
    claim: async (runId: string, { worker, seen }: { worker: string; seen: Lease }): Promise<Claimed> => {
      checkName('worker', worker);
      return this.#ask({ do: 'claim', tenant: this.#settings.tenant, runId, worker, seen });
    },
    beat: async (worker: string, { leave = false }: { leave?: boolean } = {}): Promise<number> => {
      checkName('worker', worker);
      return this.#ask({ do: 'beat', tenant: this.#settings.tenant, worker, leave });
    },
  };
  readonly #settings: Settings;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #watchers: Watchers;
  readonly #over = new AbortController();
  #file: SqliteFile | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.store = storeName(settings.path);
    this.#watchers = new Watchers({
      ask: (known) => this.#ask({ do: 'news', tenant: settings.tenant, known }),
      change: (signal) => this.#opened().change(signal),
      over: this.#over.signal,
    });
  }

  async append(commit: Commit): Promise<Committed> {
    checkCommit(commit, this.store);
    const replacing = replaceCommand(commit, this.#settings);
    const own: StoreWrite | undefined = replacing && {
      store: this.store,
      component: 'log',
      command: replacing,
      errorOf: logFailure,
    };
    return this.#ask(appendCommand(commit, this.#settings), own ? [own, ...(commit.also ?? [])] : commit.also);
  }

  async read(runId: string, options: ReadOptions = {}): Promise<RunLog | undefined> {
    const answer = await this.#ask({ do: 'read', tenant: this.#settings.tenant, runId, options });
    return answer && logOf(answer, options.limit, this.#settings.path);
  }

  async list(query: RunQuery = {}): Promise<RunPage> {
    checkQuery(query);
    const { runs, isMore } = await this.#ask({ do: 'list', tenant: this.#settings.tenant, query });
    const last = runs.at(-1);
    return { runs: runs.map(infoOf), ...(isMore && last && { cursor: cursorOf(last) }) };
  }

  async post(runId: string, { key, event }: NewPosting): Promise<Posted> {
    checkName('key', key);
    const { tenant, limits, path } = this.#settings;
    const encoded = encodeEvent(event, `The posting "${key}"`, limits);
    const answer = await this.#ask({ do: 'post', tenant, runId, key, event: encoded });
    const blobs = new Map(answer.blobs.map(({ hash, text }) => [hash, text]));
    const posting = postingOf(answer.posting, { blobs, runId, where: path });
    return { isFirst: answer.isFirst, posting, status: answer.status };
  }

  async watch(runId: string, known: Known, signal?: AbortSignal): Promise<RunInfo | undefined> {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    const info = await this.#watchers.watch({ runId, ...known }, signal);
    return info && infoOf(info);
  }

  async remove(query: RemoveQuery): Promise<number> {
    const { timeoutMs, tenant } = this.#settings;
    const removed = await this.#ask({ do: 'remove', tenant, query });
    if (!query.scrub) return removed;
    const outcome = await this.#opened().scrub(timeoutMs);
    if ('failure' in outcome) throw logFailure(outcome.failure);
    return removed;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#over.abort(closed());
    await Promise.allSettled(this.#pending);
    await this.#file?.release();
  }

  async #ask<C extends Command>(command: C, also: Commit['also'] = []): Promise<AnswerOf<C>> {
    if (this.#closed) throw closed();
    const request = this.#opened().request(
      [{ component: 'log', command }, ...also.map((write) => ({ component: write.component, command: write.command }))],
      this.#settings.timeoutMs,
    );
    this.#pending.add(request);
    try {
      const outcome = await request;
      // The answer to this command, by the tables of this component.
      if ('answers' in outcome) return outcome.answers[0] as AnswerOf<C>;
      throw also[(outcome.task ?? 0) - 1]?.errorOf(outcome.failure) ?? logFailure(outcome.failure);
    } finally {
      this.#pending.delete(request);
    }
  }

  #opened(): SqliteFile {
    const { path, synchronous, readOnly } = this.#settings;
    return (this.#file ??= openFile(path, { synchronous, readOnly }));
  }
}

function logFailure(failure: Failure): Error {
  if (failure.code === 'user/error') return new UserError(failure.message);
  return logError({ ...failure, code: failure.code.replace(/^store\//, 'log/') });
}
