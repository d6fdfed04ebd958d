/**
 * A log in PostgreSQL: shared by many processes on many hosts.
 *
 * P1 Each change is one statement: all of it happens or nothing, and a process that is stopped holds no lock.
 * P2 A commit compares position, fence and owner under the lock of the run's row. No clock is asked for permission.
 */
import { UserError } from '../../protocol/errors.ts';
import { checkConnection } from '../../store/postgres/options.ts';
import type { PostgresConnectionOptions } from '../../store/postgres/options.ts';
import type { StoreWrite } from '../../store/write.ts';
import { storeNameOf } from '../../store/postgres/store-name.ts';
import { checkCommit, checkName, checkQuery, checkTenant } from '../check.ts';
import { encodeEvent } from '../codec.ts';
import type { Limits } from '../codec.ts';
import { appendCommand, limitsOf, replaceCommand } from '../encode.ts';
import { LogError } from '../errors.ts';
import { cursorOf } from '../page.ts';
import { closed } from '../refusals.ts';
import { infoOf, logOf, postingOf } from '../decode.ts';
import { Watchers } from '../watchers.ts';
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
import { Polling } from './polling.ts';
import { replaceCall } from './replace.ts';
import type * as Reads from './read.ts';
import type { PostgresStore } from './store.ts';

/** Exactly one of `connectionString`, `pool` and `client`. */
export type PostgresLogOptions = LogLimits &
  PostgresConnectionOptions & {
    /** Whose runs these are. Runs of one id under two tenants have nothing in common. @default 'default' */
    tenant?: string;
    /** Refuse to work without a tenant of one's own. @default false */
    requireTenant?: boolean;
    /**
     * How long a call may take, in milliseconds: waiting for others, connecting again after a failure, and the work.
     * @default 30000
     */
    timeoutMs?: number;
  };

/**
 * The logs of a tenant in a PostgreSQL database, version 13 or newer. Needs the package `pg`, or a pool or client of
 * yours. Connects to nothing before the first call.
 *
 * @throws UserError when an option is unfit
 *
 * @example no-run
 * import { postgresLog, RunStore } from '@baton/agents';
 *
 * const log = postgresLog({ connectionString: process.env['DATABASE_URL'] ?? '', tenant: 'acme' });
 * const store = new RunStore({ log });
 * console.log((await store.list()).runs.length);
 * await store.close();
 * await log.close();
 */
export function postgresLog(options: PostgresLogOptions): EventLog {
  const { tenant = 'default', requireTenant = false, timeoutMs = 30_000 } = options;
  checkConnection(options, 'postgresLog');
  checkTenant(tenant, requireTenant);
  if (!(timeoutMs > 0)) throw new UserError(`postgresLog option \`timeoutMs\` must be above 0. Got ${timeoutMs}.`);
  return new PostgresLog({ options, tenant, timeoutMs, limits: limitsOf(options, 'postgresLog') });
}

type Settings = {
  readonly options: PostgresConnectionOptions;
  readonly tenant: string;
  readonly timeoutMs: number;
  readonly limits: Limits;
};

type Opened = { readonly store: PostgresStore; readonly reads: typeof Reads };

class PostgresLog implements EventLog {
  readonly store: string;
  readonly leases = {
    claim: async (runId: string, { worker, seen }: { worker: string; seen: Lease }): Promise<Claimed> => {
      checkName('worker', worker);
      return this.#change(({ store }) => store.claim(runId, worker, seen));
    },
    beat: async (worker: string, options: { leave?: boolean; leaseMs?: number } = {}): Promise<number> => {
      checkName('worker', worker);
      return this.#use(({ store }) => store.beat(worker, options));
    },
  };
  readonly #settings: Settings;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #polling = new Polling();
  readonly #watchers: Watchers;
  readonly #over = new AbortController();
  #opening: Promise<Opened> | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.store = storeNameOf(settings.options);
    this.#watchers = new Watchers({
      ask: (known) => this.#use(({ store, reads }) => reads.news(store.ask, settings.tenant, known)),
      change: (signal) => this.#polling.change(signal),
      over: this.#over.signal,
    });
  }

  async append(commit: Commit): Promise<Committed> {
    checkCommit(commit, this.store);
    const command = appendCommand(commit, this.#settings);
    const replacing = replaceCommand(commit, this.#settings);
    const own: StoreWrite | undefined = replacing && {
      store: this.store,
      component: 'log',
      command: replaceCall(replacing),
      // It refuses nothing.
      errorOf: ({ message }) => new LogError('log/store', message),
    };
    const also = own ? [own, ...(commit.also ?? [])] : commit.also;
    return this.#change(({ store }) => store.append(command, also));
  }

  async read(runId: string, options: ReadOptions = {}): Promise<RunLog | undefined> {
    const { tenant } = this.#settings;
    return this.#use(async ({ store, reads }) => {
      const answer = await reads.read(store.ask, { tenant, runId, options });
      return answer && logOf(answer, options.limit, store.place);
    });
  }

  async list(query: RunQuery = {}): Promise<RunPage> {
    checkQuery(query);
    const { runs, isMore } = await this.#use(({ store, reads }) => reads.list(store.ask, this.#settings.tenant, query));
    const last = runs.at(-1);
    return { runs: runs.map(infoOf), ...(isMore && last && { cursor: cursorOf(last) }) };
  }

  async post(runId: string, { key, event }: NewPosting): Promise<Posted> {
    checkName('key', key);
    const encoded = encodeEvent(event, `The posting "${key}"`, this.#settings.limits);
    return this.#change(async ({ store }) => {
      const answer = await store.post(runId, key, encoded);
      const blobs = new Map(answer.blobs.map(({ hash, text }) => [hash, text]));
      const posting = postingOf(answer.posting, { blobs, runId, where: store.place });
      return { isFirst: answer.isFirst, posting, status: answer.status };
    });
  }

  async watch(runId: string, known: Known, signal?: AbortSignal): Promise<RunInfo | undefined> {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    const info = await this.#watchers.watch({ runId, ...known }, signal);
    return info && infoOf(info);
  }

  async remove(query: RemoveQuery): Promise<number> {
    return this.#change(({ store }) => store.remove(query));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#over.abort(closed());
    await Promise.allSettled(this.#pending);
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.store.release();
  }

  /** Something that those who watch in this process hear of at once. */
  async #change<T>(act: (opened: Opened) => Promise<T>): Promise<T> {
    const done = await this.#use(act);
    this.#polling.hurry();
    return done;
  }

  async #use<T>(act: (opened: Opened) => Promise<T>): Promise<T> {
    if (this.#closed) throw closed();
    const work = this.#opened().then(act);
    this.#pending.add(work);
    try {
      return await work;
    } finally {
      this.#pending.delete(work);
    }
  }

  #opened(): Promise<Opened> {
    this.#opening ??= open(this.#settings).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }
}

/** Loaded late: most programs need none of it. */
async function open({ options, tenant, timeoutMs }: Settings): Promise<Opened> {
  const [{ connectionsOf }, { PostgresStore: Store }, reads] = await Promise.all([
    import('../../store/postgres/connections.ts'),
    import('./store.ts'),
    import('./read.ts'),
  ]);
  const { connections, place } = await connectionsOf({ ...options, timeoutMs }, 'postgresLog');
  return { store: new Store({ connections, place, tenant, timeoutMs }), reads };
}
