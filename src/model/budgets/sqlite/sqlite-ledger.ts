/** A ledger in a SQLite file: survives the process, and many processes may share it. */
import { UserError } from '../../../protocol/errors.ts';
import type { Synchronous } from '../../../store/sqlite/database.ts';
import { openFile, type SqliteFile } from '../../../store/sqlite/files.ts';
import { resolvedPath } from '../../../store/sqlite/path.ts';
import type { Failure } from '../../../store/write.ts';
import { BudgetLedgerError } from '../errors.ts';
import type { AccountBalance, BudgetGrant, BudgetLedger } from '../types.ts';
import type { Command } from './tables.ts';

export type SqliteLedgerOptions = {
  /** The file, which sessions and logs may share; created when it is not there. On a local disk. */
  path: string;
  /** How long a call waits for other processes that write to the file, in milliseconds. @default 30_000 */
  timeoutMs?: number;
  /** As for sessions in a file. All users of one file in a process give the same value. @default 'full' */
  synchronous?: Synchronous;
};

/**
 * A ledger in a SQLite file. Processes that give the same path share its budgets.
 *
 * @example
 * ```ts
 * import { tmpdir } from 'node:os';
 * import { createBudgets, sqliteLedger } from '@baton/agents';
 *
 * const ledger = sqliteLedger({ path: `${tmpdir()}/budgets-${process.pid}.db` });
 * const budgets = createBudgets({ ledger, limits: { tenant: { usd: 100, window: 'month' } } });
 * console.log((await budgets.balance({ tenant: true })).settled.nanoUsd); // 0
 * await budgets.close();
 * ```
 * @throws UserError for an option that cannot be meant
 */
export function sqliteLedger({ path, timeoutMs = 30_000, synchronous = 'full' }: SqliteLedgerOptions): BudgetLedger {
  if (typeof path !== 'string' || path === '' || path === ':memory:') {
    throw new UserError(`sqliteLedger got path ${JSON.stringify(path)}. Give a file; in memory use memoryLedger().`);
  }
  if (!(timeoutMs >= 0)) throw new UserError(`sqliteLedger got timeoutMs ${timeoutMs}. Give milliseconds, 0 or more.`);
  const full = resolvedPath(path);
  let file: SqliteFile | undefined;
  let isClosed = false;
  const ask = async <T>(command: Command): Promise<T> => {
    if (isClosed) throw new BudgetLedgerError(`The ledger in ${full} is closed.`, { code: 'budget/closed' });
    const outcome = await (file ??= openFile(full, { synchronous })).request(
      [{ component: 'budget', command }],
      timeoutMs,
    );
    if ('failure' in outcome) throw errorOf(outcome.failure);
    // What `budgetTables` answers to this command.
    return outcome.answers[0] as T;
  };
  return {
    reserve: (reservation) => ask<BudgetGrant>({ do: 'reserve', tenant: reservation.tenant, reservation }),
    sent: (id) => ask<void>({ do: 'sent', tenant: id.tenant, id }),
    settle: (id, actual) => ask<boolean>({ do: 'settle', tenant: id.tenant, id, actual }),
    release: (id) => ask<boolean>({ do: 'release', tenant: id.tenant, id }),
    recover: ({ tenant, effect, before }) => ask<number>({ do: 'recover', tenant, effect, before }),
    balance: ({ tenant, budget }) => ask<AccountBalance>({ do: 'balance', tenant, budget }),
    async close() {
      isClosed = true;
      await file?.release();
      file = undefined;
    },
  };
}

function errorOf({ code, message, cause }: Failure): BudgetLedgerError {
  const own = code.replace(/^store\//, 'budget/');
  return new BudgetLedgerError(message, { code: own, ...(cause !== undefined && { cause: new Error(cause) }) });
}
