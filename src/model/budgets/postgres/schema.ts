/** The tables of budgets in PostgreSQL, and how a database gets from one version of them to the next. */
import { migrate } from '../../../store/postgres/migrate.ts';
import type { RunSql } from '../../../store/postgres/migrate.ts';
import { BudgetLedgerError } from '../errors.ts';
import { FUNCTIONS } from './functions.ts';

/**
 * Step n brings a database from version n to n + 1. A step that was released is never changed: a changed function gets
 * another name, since processes of two versions may work on one database.
 */
const STEPS = [
  `
  -- Half of a page is left free: a busy account is written anew in its own page, without a change of the index.
  CREATE TABLE baton_budgets (
    tenant text COLLATE "C" NOT NULL,
    budget text COLLATE "C" NOT NULL,
    settled_nano bigint NOT NULL DEFAULT 0,
    settled_tokens bigint NOT NULL DEFAULT 0,
    held_nano bigint NOT NULL DEFAULT 0,
    held_tokens bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, budget)
  ) WITH (fillfactor = 50);
  CREATE TABLE baton_budget_entries (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    effect text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    -- Of the call that reserved: where its answer was lost, it asks again.
    token text COLLATE "C" NOT NULL,
    -- Of the call that noted it as sent. Absent: reserved.
    sender text COLLATE "C",
    budgets text[] COLLATE "C" NOT NULL,
    nano bigint NOT NULL,
    tokens bigint NOT NULL,
    reserved_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE UNIQUE INDEX baton_budget_effects ON baton_budget_entries (tenant, effect, epoch, token);
  ${FUNCTIONS}
  `,
];

/** @throws BudgetLedgerError `budget/newer-schema`, and nothing was changed; what the database says */
export function migrateBudgets(run: RunSql, place: string): Promise<void> {
  return migrate(run, {
    component: 'budget',
    steps: STEPS,
    place,
    newer: (message) => new BudgetLedgerError(message, { code: 'budget/newer-schema' }),
  });
}
