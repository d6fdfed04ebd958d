/**
 * A session in Redis: shared by many processes on many hosts.
 *
 * R1 Each change is one script: all of it happens or nothing.
 * R2 Order is the position, given by the script; no clock is asked, but for the time to live.
 * R3 What was acknowledged is kept as well as the server is set to keep it, which is looked at and said.
 * R4 An unreadable item is reported and kept. No call deletes it but `clearSession`.
 */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { SessionPosition } from '../sqlite/commands.ts';
import type { SessionAppendOptions } from '../sqlite/sqlite-session.ts';
import { SessionCalls } from '../stored/session-calls.ts';
import type { SessionStore, StoredSessionOptions } from '../stored/session-calls.ts';
import type {
  SessionHistoryRewriteArgs,
  SessionHistoryRewriteAwareSession,
  SessionHistoryTransactionArgs,
  SessionHistoryTransactionAwareSession,
} from '../types.ts';
import type { RedisClient } from '../../store/redis/connections.ts';

/** Exactly one of `url` and `client`. */
export type RedisSessionOptions = StoredSessionOptions & {
  /**
   * Such as `redis://user:password@host:6379/0`; `rediss:` with TLS. Sessions of one process with the same URL share
   * one connection, which the last of them closes.
   */
  url?: string;
  /** A connected client of `redis`. It stays yours: `close()` leaves it open. */
  client?: RedisClient;
  /** What the keys begin with. Without braces. @default 'baton:session' */
  keyPrefix?: string;
  /** How long a session lives, in seconds, by the server's clock. @default for ever */
  ttlSeconds?: number;
  /** From when `ttlSeconds` counts: from the last change, or from the first. Reading never counts. @default 'sliding' */
  ttlMode?: 'sliding' | 'fixed';
  /** Refuse a server that may lose what it acknowledged (`session/not-durable`), rather than warn. @default false */
  requireDurable?: boolean;
};

/**
 * A conversation in Redis. Needs the package `redis`, or a client of yours.
 *
 * @example no-run
 * import { RedisSession } from '@baton/agents';
 *
 * const session = new RedisSession('user_123', { url: process.env['REDIS_URL'] ?? '', tenant: 'acme' });
 * await session.addItems([{ type: 'message', role: 'user', content: 'Hello' }]);
 * console.log(await session.getItems(10));
 * await session.close();
 */
export class RedisSession implements SessionHistoryRewriteAwareSession, SessionHistoryTransactionAwareSession {
  readonly #calls: SessionCalls;

  /**
   * Connects to nothing yet: that is done by the first call that needs the server.
   *
   * @throws UserError when an id or an option is unfit
   */
  constructor(sessionId: string, options: RedisSessionOptions) {
    checkOptions(options);
    this.#calls = new SessionCalls(sessionId, { ...options, kind: 'RedisSession', open: () => open(options) });
  }

  async getSessionId(): Promise<string> {
    return this.#calls.sessionId;
  }

  /** @throws SessionError */
  getItems(limit?: number): Promise<AgentInputItem[]> {
    return this.#calls.getItems(limit);
  }

  /**
   * All items or none.
   *
   * @throws UserError when an item is no JSON; SessionError
   */
  async addItems(items: AgentInputItem[]): Promise<void> {
    await this.#calls.append(items);
  }

  /**
   * As `addItems`, safe to repeat and with conditions.
   *
   * @returns where the items are; for an operation that was done before, where they went then
   * @throws UserError when an item is no JSON, or the operation id was used for other items;
   *   SessionError `session/cleared`, `session/conflict` and others
   */
  append(items: AgentInputItem[], options?: SessionAppendOptions): Promise<SessionPosition> {
    return this.#calls.append(items, options);
  }

  /** The generation, and in `last` the highest position that was ever given. */
  position(): Promise<SessionPosition> {
    return this.#calls.position();
  }

  /** @throws SessionError `session/corrupt-item` when the newest item is unreadable; it stays */
  popItem(): Promise<AgentInputItem | undefined> {
    return this.#calls.popItem();
  }

  /** Removes all items and starts a new generation. Retries of earlier operations are refused from then on. */
  clearSession(): Promise<void> {
    return this.#calls.clear();
  }

  applyHistoryMutations(args: SessionHistoryRewriteArgs): Promise<void> {
    return this.#calls.applyMutations(args);
  }

  /** @throws UserError for a blank id, an id used for another transaction, a suffix that is not there, unfit data */
  applyHistoryTransaction(args: SessionHistoryTransactionArgs): Promise<void> {
    return this.#calls.applyTransaction(args);
  }

  /** Waits for calls under way, then lets go of the connection. A second call changes nothing. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkOptions({ url, client, keyPrefix, ttlSeconds, ttlMode }: RedisSessionOptions): void {
  if ((url === undefined) === (client === undefined)) {
    throw new UserError('RedisSession needs exactly one of `url` and `client`.');
  }
  // The text is not repeated: it may hold a password.
  if (url !== undefined && !/^rediss?:$/.test(protocolOf(url))) {
    throw new UserError('RedisSession option `url` must begin with redis:// or rediss://.');
  }
  if (keyPrefix !== undefined && (keyPrefix === '' || /[{}]/.test(keyPrefix))) {
    throw new UserError(`RedisSession option \`keyPrefix\` must be a text without braces. Got "${keyPrefix}".`);
  }
  if (ttlSeconds !== undefined && !(ttlSeconds > 0 && Number.isFinite(ttlSeconds))) {
    throw new UserError(`RedisSession option \`ttlSeconds\` must be above 0. Got ${ttlSeconds}.`);
  }
  if (ttlMode !== undefined && !['sliding', 'fixed'].includes(ttlMode)) {
    throw new UserError(`RedisSession option \`ttlMode\` must be 'sliding' or 'fixed'. Got ${String(ttlMode)}.`);
  }
}

const protocolOf = (url: string): string => (URL.canParse(url) ? new URL(url).protocol : '');

async function open(options: RedisSessionOptions): Promise<SessionStore> {
  const { url = '', client, keyPrefix = 'baton:session', ttlSeconds = 0, ttlMode = 'sliding' } = options;
  // Loaded late: most programs need none of it.
  const [{ linkOf, ownLink }, { redisStore }] = await Promise.all([
    import('../../store/redis/connections.ts'),
    import('./store.ts'),
  ]);
  return redisStore({
    link: client ? linkOf(client) : ownLink(url, 'RedisSession'),
    place: client ? 'The Redis server' : `The Redis server at ${new URL(url).host}`,
    keyPrefix,
    ttlMs: Math.ceil(ttlSeconds * 1000),
    ttlMode,
    requireDurable: options.requireDurable === true,
  });
}
