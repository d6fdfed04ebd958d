/**
 * A ledger in PostgreSQL: shared by many processes on many hosts.
 *
 * P1 Each change is one statement: all of it happens or nothing, and a process that is stopped holds no lock. P2 Limits
 * are compared under the locks of the accounts. P3 What an answer was lost of is asked again, and done once.
 */
import { UserError } from '../../../protocol/errors.ts';
import { checkConnection } from '../../../store/postgres/options.ts';
import type { PostgresConnectionOptions } from '../../../store/postgres/options.ts';
import { checkAmount, closedError } from '../operations.ts';
import type { BudgetLedger } from '../types.ts';
import type { PostgresBudgets } from './store.ts';

/** Exactly one of `connectionString`, `pool` and `client`. */
export type PostgresLedgerOptions = PostgresConnectionOptions & {
  /**
   * How long a call may take, in milliseconds: waiting for others, connecting again after a failure, and the work.
   * @default 30_000
   */
  timeoutMs?: number;
};

const NOTHING = { nanoUsd: 0, tokens: 0 };

/**
 * A ledger in a PostgreSQL database, version 13 or newer. Needs the package `pg`, or a pool or client of yours. Connects
 * to nothing before the first call.
 *
 * @example no-run
 * import { createBudgets, postgresLedger } from '@baton/agents';
 *
 * const ledger = postgresLedger({ connectionString: process.env['DATABASE_URL'] ?? '' });
 * const budgets = createBudgets({ ledger, limits: { tenant: { usd: 100, window: 'month' } } });
 * console.log((await budgets.balance({ tenant: true })).settled.nanoUsd);
 * await budgets.close();
 * @throws UserError when an option is unfit
 */
export function postgresLedger(options: PostgresLedgerOptions): BudgetLedger {
  const { timeoutMs = 30_000 } = options;
  checkConnection(options, 'postgresLedger');
  if (!(timeoutMs > 0)) throw new UserError(`postgresLedger option \`timeoutMs\` must be above 0. Got ${timeoutMs}.`);
  const pending = new Set<Promise<unknown>>();
  let opening: Promise<PostgresBudgets> | undefined;
  let closing: Promise<void> | undefined;
  const open = (): Promise<PostgresBudgets> =>
    (opening ??= openStore(options, timeoutMs).catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  const use = async <T>(act: (store: PostgresBudgets) => Promise<T>): Promise<T> => {
    if (closing) throw closedError('PostgreSQL');
    const work = open().then(act);
    pending.add(work);
    try {
      return await work;
    } finally {
      pending.delete(work);
    }
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled(pending);
    const store = await opening?.catch(() => undefined);
    await store?.release();
  };
  return {
    async reserve(reservation) {
      checkAmount(reservation.amount, { ...reservation, n: 0 });
      return use((store) => store.reserve(reservation));
    },
    sent: (id) => use((store) => store.sent(id)),
    async settle(id, actual) {
      checkAmount(actual, id);
      return use((store) => store.end(id, actual));
    },
    release: (id) => use((store) => store.end(id, NOTHING)),
    recover: (of) => use((store) => store.recover(of)),
    balance: (account) => use((store) => store.balance(account)),
    close: () => (closing ??= close()),
  };
}

/** Loaded late: most programs need none of it. */
async function openStore(options: PostgresConnectionOptions, timeoutMs: number): Promise<PostgresBudgets> {
  const [{ connectionsOf }, { PostgresBudgets: Store }] = await Promise.all([
    import('../../../store/postgres/connections.ts'),
    import('./store.ts'),
  ]);
  const { connections, place } = await connectionsOf({ ...options, timeoutMs }, 'postgresLedger');
  return new Store({ connections, place, timeoutMs });
}
