/**
 * A ledger in PostgreSQL: shared by many processes on many hosts.
 *
 * P1 Each change is one statement: all of it happens or nothing, and a process that is stopped holds no lock. P2 Limits
 * are compared under the locks of the accounts. P3 What an answer was lost of is asked again, and done once.
 */
import { UserError } from '../../../protocol/errors.ts';
import { checkConnection } from '../../../store/postgres/options.ts';
import type { PostgresConnectionOptions } from '../../../store/postgres/options.ts';
import { openedLedger } from '../opened.ts';
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
  return openedLedger('PostgreSQL', () => openStore(options, timeoutMs));
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
