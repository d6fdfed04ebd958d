/**
 * What budgets have in a SQLite file. Synchronous: it runs in the writer thread, one transaction a command.
 *
 * D1 An account's `held` is the sum of its open entries. D2 A refusal comes before the first write of its command.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Component } from '../../../store/sqlite/component.ts';
import { notReserved } from '../errors.ts';
import { idText, minus, plus } from '../memory.ts';
import type {
  AccountBalance,
  BudgetAmount,
  BudgetEntryId,
  BudgetGrant,
  BudgetReservation,
  OpenEntry,
} from '../types.ts';
import { STEPS } from './schema.ts';

/** A command of a ledger, as plain data. */
export type Command =
  | { readonly do: 'reserve'; readonly tenant: string; readonly reservation: BudgetReservation }
  | { readonly do: 'sent'; readonly tenant: string; readonly id: BudgetEntryId }
  | { readonly do: 'settle'; readonly tenant: string; readonly id: BudgetEntryId; readonly actual: BudgetAmount }
  | { readonly do: 'release'; readonly tenant: string; readonly id: BudgetEntryId }
  | { readonly do: 'recover'; readonly tenant: string; readonly effect: string; readonly before: number }
  | { readonly do: 'balance'; readonly tenant: string; readonly budget: string };

export const budgetTables: Component = {
  name: 'budget',
  steps: STEPS,
  plan(plain) {
    // The word of `sqliteLedger`, which made it.
    const command = plain as Command;
    return {
      prepared: command,
      isWrite: command.do !== 'balance',
      rows: command.do === 'reserve' ? 1 + 2 * command.reservation.lines.length : 1,
      key: JSON.stringify(['budget', command.tenant]),
    };
  },
  open(db) {
    const budgets = new BudgetDatabase(db);
    return (prepared) => budgets.execute(prepared as Command);
  },
};

/** Anonymous parameters only: Node 22.13 does not bind numbered ones by position. */
const SQL = {
  account:
    'SELECT settled_nano, settled_tokens, held_nano, held_tokens FROM baton_budgets WHERE tenant = ? AND budget = ?',
  book: `INSERT INTO baton_budgets (tenant, budget, settled_nano, settled_tokens, held_nano, held_tokens)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, budget) DO UPDATE SET
    settled_nano = settled_nano + excluded.settled_nano, settled_tokens = settled_tokens + excluded.settled_tokens,
    held_nano = held_nano + excluded.held_nano, held_tokens = held_tokens + excluded.held_tokens`,
  entry: 'SELECT state, nano, tokens FROM baton_budget_entries WHERE n = ? AND tenant = ? AND effect = ? AND epoch = ?',
  insert: `INSERT INTO baton_budget_entries (tenant, effect, epoch, state, nano, tokens)
    VALUES (?, ?, ?, 'reserved', ?, ?)`,
  line: 'INSERT INTO baton_budget_lines (tenant, budget, n) VALUES (?, ?, ?)',
  lines: 'SELECT budget FROM baton_budget_lines WHERE n = ?',
  sent: "UPDATE baton_budget_entries SET state = 'sent' WHERE n = ?",
  unline: 'DELETE FROM baton_budget_lines WHERE n = ?',
  remove: 'DELETE FROM baton_budget_entries WHERE n = ?',
  lost: `SELECT n, epoch FROM baton_budget_entries
    WHERE tenant = ? AND effect = ? AND epoch < ? AND state = 'reserved'`,
  open: `SELECT e.n, e.effect, e.epoch, e.state, e.nano, e.tokens FROM baton_budget_lines AS l
    JOIN baton_budget_entries AS e ON e.n = l.n WHERE l.tenant = ? AND l.budget = ? ORDER BY e.n LIMIT 100`,
} as const;

type Account = { settled: BudgetAmount; held: BudgetAmount };
type Entry = { n: number; state: string; amount: BudgetAmount; budgets: readonly string[] };
type Row = Record<string, unknown>;

const NOTHING: BudgetAmount = { nanoUsd: 0, tokens: 0 };
const UNITS = ['nanoUsd', 'tokens'] as const;

class BudgetDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<keyof typeof SQL, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** @throws BudgetLedgerError: refused, see D2 */
  execute(command: Command): unknown {
    switch (command.do) {
      case 'reserve':
        return this.#reserve(command.reservation);
      case 'sent':
        return this.#sent(command.id);
      case 'settle':
        return this.#settle(command.id, command.actual);
      case 'release':
        return this.#settle(command.id, NOTHING);
      case 'recover':
        return this.#recover(command.tenant, command.effect, command.before);
      case 'balance':
        return this.#balance(command.tenant, command.budget);
    }
  }

  #reserve({ tenant, effect, epoch, lines, amount, replaces }: BudgetReservation): BudgetGrant {
    const replaced = replaces && this.#find(replaces);
    for (const { budget, limit } of lines) {
      const { settled, held } = this.#account(tenant, budget);
      const others = replaced?.budgets.includes(budget) ? minus(held, replaced.amount) : held;
      for (const what of UNITS) {
        const most = limit[what];
        if (most === undefined || settled[what] + others[what] + amount[what] <= most) continue;
        return { ok: false, budget, what, limit: most, settled: settled[what], held: others[what] };
      }
    }
    if (replaced) this.#end(tenant, replaced, NOTHING);
    const { lastInsertRowid } = this.#statement('insert').run(tenant, effect, epoch, amount.nanoUsd, amount.tokens);
    const n = Number(lastInsertRowid);
    for (const { budget } of lines) {
      this.#statement('line').run(tenant, budget, n);
      this.#book(tenant, budget, { settled: NOTHING, held: amount });
    }
    return { ok: true, n };
  }

  #sent(id: BudgetEntryId): void {
    const entry = this.#find(id);
    if (entry?.state !== 'reserved') throw notReserved(idText(id));
    this.#statement('sent').run(entry.n);
  }

  #settle(id: BudgetEntryId, actual: BudgetAmount): boolean {
    const entry = this.#find(id);
    if (entry) this.#end(id.tenant, entry, actual);
    return entry !== undefined;
  }

  #recover(tenant: string, effect: string, before: number): number {
    // Infinity does not cross to SQLite.
    const lost = this.#statement('lost').all(tenant, effect, Math.min(before, Number.MAX_SAFE_INTEGER));
    for (const row of lost) {
      const entry = this.#find({ tenant, effect, epoch: number(row, 'epoch'), n: number(row, 'n') });
      if (entry) this.#end(tenant, entry, NOTHING);
    }
    return lost.length;
  }

  #balance(tenant: string, budget: string): AccountBalance {
    const open = this.#statement('open')
      .all(tenant, budget)
      .map((row): OpenEntry => ({
        tenant,
        effect: String(row['effect']),
        epoch: number(row, 'epoch'),
        n: number(row, 'n'),
        state: row['state'] === 'sent' ? 'sent' : 'reserved',
        amount: { nanoUsd: number(row, 'nano'), tokens: number(row, 'tokens') },
      }));
    return { ...this.#account(tenant, budget), open };
  }

  #find({ tenant, effect, epoch, n }: BudgetEntryId): Entry | undefined {
    const row = this.#statement('entry').get(n, tenant, effect, epoch);
    if (!row) return undefined;
    const budgets = this.#statement('lines')
      .all(n)
      .map(({ budget }) => String(budget));
    return {
      n,
      state: String(row['state']),
      amount: { nanoUsd: number(row, 'nano'), tokens: number(row, 'tokens') },
      budgets,
    };
  }

  #end(tenant: string, { n, amount, budgets }: Entry, actual: BudgetAmount): void {
    this.#statement('unline').run(n);
    this.#statement('remove').run(n);
    for (const budget of budgets) this.#book(tenant, budget, { settled: actual, held: minus(NOTHING, amount) });
  }

  #account(tenant: string, budget: string): Account {
    const row = this.#statement('account').get(tenant, budget);
    if (!row) return { settled: NOTHING, held: NOTHING };
    return {
      settled: { nanoUsd: number(row, 'settled_nano'), tokens: number(row, 'settled_tokens') },
      held: plus(NOTHING, { nanoUsd: number(row, 'held_nano'), tokens: number(row, 'held_tokens') }),
    };
  }

  #book(tenant: string, budget: string, { settled, held }: Account): void {
    this.#statement('book').run(tenant, budget, settled.nanoUsd, settled.tokens, held.nanoUsd, held.tokens);
  }

  #statement(name: keyof typeof SQL): StatementSync {
    const known = this.#statements.get(name);
    if (known) return known;
    const statement = this.#db.prepare(SQL[name]);
    this.#statements.set(name, statement);
    return statement;
  }
}

const number = (row: Row, key: string): number => Number(row[key]);
