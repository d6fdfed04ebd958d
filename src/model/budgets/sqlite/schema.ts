/** The tables of budgets. Step n brings a file from version n to n + 1. A step that was released is never changed. */
export const STEPS = [
  `
  CREATE TABLE baton_budgets (
    tenant TEXT NOT NULL,
    budget TEXT NOT NULL,
    settled_nano INTEGER NOT NULL,
    settled_tokens INTEGER NOT NULL,
    held_nano INTEGER NOT NULL,
    held_tokens INTEGER NOT NULL,
    PRIMARY KEY (tenant, budget)
  ) STRICT;
  CREATE TABLE baton_budget_entries (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    effect TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL,
    nano INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    reserved_at INTEGER NOT NULL DEFAULT (unixepoch())
  ) STRICT;
  CREATE INDEX baton_budget_effects ON baton_budget_entries (tenant, effect);
  CREATE TABLE baton_budget_lines (
    tenant TEXT NOT NULL,
    budget TEXT NOT NULL,
    n INTEGER NOT NULL REFERENCES baton_budget_entries (n) ON DELETE CASCADE,
    PRIMARY KEY (tenant, budget, n)
  ) STRICT;
  CREATE INDEX baton_budget_entry_lines ON baton_budget_lines (n);
  `,
];
