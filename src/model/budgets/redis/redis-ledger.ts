/**
 * A ledger in Redis: shared by many processes on many hosts.
 *
 * R1 Each change is one script: all of it happens or nothing. R2 What was acknowledged is kept as well as the server is
 * set to keep it, which is looked at and said. R3 What an answer was lost of is asked again, and done once.
 */
import { UserError } from '../../../protocol/errors.ts';
import type { RedisClient } from '../../../store/redis/connections.ts';
import { openedLedger } from '../opened.ts';
import type { BudgetLedger } from '../types.ts';
import type { RedisBudgets } from './store.ts';

/** Exactly one of `url` and `client`. */
export type RedisLedgerOptions = {
  /**
   * Such as `redis://user:password@host:6379/0`; `rediss:` with TLS. Stores of one process with the same URL share one
   * connection, which the last of them closes.
   */
  url?: string;
  /** A connected client of `redis`. It stays yours: `close()` leaves it open. */
  client?: RedisClient;
  /** What the keys begin with. Without braces. @default 'baton:budget' */
  keyPrefix?: string;
  /** Refuse a server that may lose what it acknowledged (`budget/not-durable`), rather than warn. @default false */
  requireDurable?: boolean;
  /** How long a call may take, in milliseconds, with connecting again after a failure. @default 30_000 */
  timeoutMs?: number;
};

/**
 * A ledger in Redis 7 or newer. Needs the package `redis`, or a client of yours. Connects to nothing before the first call.
 * All accounts of a tenant are in one hash slot. A server that may lose what it acknowledged, or throw it away when memory
 * is short, is warned of: lost entries are money that nobody counts.
 *
 * @example no-run
 * import { createBudgets, redisLedger } from '@baton/agents';
 *
 * const ledger = redisLedger({ url: process.env['REDIS_URL'] ?? '', requireDurable: true });
 * const budgets = createBudgets({ ledger, limits: { tenant: { usd: 100, window: 'month' } } });
 * console.log((await budgets.balance({ tenant: true })).settled.nanoUsd);
 * await budgets.close();
 * @throws UserError when an option is unfit
 */
export function redisLedger(options: RedisLedgerOptions): BudgetLedger {
  const { url, client, keyPrefix, timeoutMs = 30_000 } = options;
  if ((url === undefined) === (client === undefined)) {
    throw new UserError('redisLedger needs exactly one of `url` and `client`.');
  }
  // The text is not repeated: it may hold a password.
  if (url !== undefined && !/^rediss?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw new UserError('redisLedger option `url` must begin with redis:// or rediss://.');
  }
  if (keyPrefix !== undefined && (keyPrefix === '' || /[{}]/.test(keyPrefix))) {
    throw new UserError(`redisLedger option \`keyPrefix\` must be a text without braces. Got "${keyPrefix}".`);
  }
  if (!(timeoutMs > 0)) throw new UserError(`redisLedger option \`timeoutMs\` must be above 0. Got ${timeoutMs}.`);
  return openedLedger('Redis', () => openStore(options));
}

/** Loaded late: most programs need none of it. */
async function openStore(options: RedisLedgerOptions): Promise<RedisBudgets> {
  const { url = '', client, keyPrefix = 'baton:budget', timeoutMs = 30_000, requireDurable = false } = options;
  const [{ linkOf, ownLink }, { RedisBudgets: Store }] = await Promise.all([
    import('../../../store/redis/connections.ts'),
    import('./store.ts'),
  ]);
  return new Store({
    link: client ? linkOf(client) : ownLink(url, 'redisLedger'),
    place: client ? 'The Redis server' : `The Redis server at ${new URL(url).host}`,
    keyPrefix,
    timeoutMs,
    requireDurable,
  });
}
