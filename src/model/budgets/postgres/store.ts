/** Operations of a ledger as statements for PostgreSQL. */
import { randomUUID } from 'node:crypto';
import type { Connections, Rows } from '../../../store/postgres/connections.ts';
import type { Deadline } from '../../../store/deadline.ts';
import { meaningOf } from '../../../store/postgres/failure.ts';
import { notReserved } from '../errors.ts';
import { idText } from '../memory.ts';
import { persistently } from '../operations.ts';
import type { AccountBalance, BudgetAmount, BudgetEntryId, BudgetGrant, BudgetReservation } from '../types.ts';
import { Lane, type Operation } from './lanes.ts';
import { migrateBudgets } from './schema.ts';

const SQL = {
  account:
    'SELECT settled_nano, settled_tokens, held_nano, held_tokens FROM baton_budgets WHERE tenant = $1 AND budget = $2',
  open: `SELECT n, effect, epoch, sender, nano, tokens FROM baton_budget_entries
    WHERE tenant = $1 AND $2 = ANY (budgets) ORDER BY n LIMIT 100`,
} as const;

/** Databases whose schema was looked at, by their pool or client. */
const migrated = new WeakMap<object, Promise<void>>();

export type StoreOptions = { readonly connections: Connections; readonly place: string; readonly timeoutMs: number };

export class PostgresBudgets {
  readonly place: string;
  readonly #options: StoreOptions;
  readonly #accounts: Lane;
  readonly #notes: Lane;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.place = options.place;
    this.#accounts = new Lane(options.connections.query);
    this.#notes = new Lane(options.connections.query);
  }

  release(): Promise<void> {
    return this.#options.connections.release();
  }

  async reserve({ tenant, effect, epoch, lines, amount, replaces }: BudgetReservation): Promise<BudgetGrant> {
    const { answer } = await this.#change({
      do: 'reserve',
      t: tenant,
      e: effect,
      p: epoch,
      k: randomUUID(),
      b: lines.map(({ budget }) => budget),
      ln: lines.map(({ limit }) => finite(limit.nanoUsd)),
      lt: lines.map(({ limit }) => finite(limit.tokens)),
      a: amount.nanoUsd,
      o: amount.tokens,
      ...(replaces && { r: { e: replaces.effect, p: replaces.epoch, n: replaces.n } }),
    });
    // What `baton_budget_reserve` answers.
    const { n, i = 0, what = 'nanoUsd', settled = 0, held = 0 } = answer as Reserved;
    if (n !== undefined) return { ok: true, n };
    const { budget = '', limit } = lines[i] ?? {};
    return { ok: false, budget, what, limit: limit?.[what] ?? 0, settled, held };
  }

  async sent(id: BudgetEntryId): Promise<void> {
    const { answer } = await this.#change({ do: 'sent', ...entryOf(id), k: randomUUID() });
    if (answer !== true) throw notReserved(idText(id));
  }

  /** Where an answer was lost and the entry is gone, it was this call that ended it. */
  async end(id: BudgetEntryId, actual: BudgetAmount): Promise<boolean> {
    const operation: Operation = { do: 'end', ...entryOf(id), a: actual.nanoUsd, o: actual.tokens };
    const { answer, isRepeated } = await this.#change(operation);
    return answer === true || isRepeated;
  }

  async recover({ tenant, effect, before }: { tenant: string; effect: string; before: number }): Promise<number> {
    const x = Math.min(before, Number.MAX_SAFE_INTEGER);
    const { answer } = await this.#change({ do: 'recover', t: tenant, e: effect, x });
    return Number(answer);
  }

  balance({ tenant, budget }: { tenant: string; budget: string }): Promise<AccountBalance> {
    return persistently(
      this.#options,
      async ({ deadline }) => {
        await this.#prepare(deadline);
        const { query } = this.#options.connections;
        const [[account], open] = [
          await query(deadline, SQL.account, [tenant, budget]),
          await query(deadline, SQL.open, [tenant, budget]),
        ];
        return { ...accountOf(account), open: open.map((row) => openOf(tenant, row)) };
      },
      meaningOf,
    );
  }

  #change(operation: Operation): Promise<{ answer: unknown; isRepeated: boolean }> {
    const lane = operation.do === 'sent' ? this.#notes : this.#accounts;
    return persistently(
      this.#options,
      async ({ deadline, isRepeated, writes }) => {
        await this.#prepare(deadline);
        writes();
        return { answer: await lane.ask(operation, deadline), isRepeated };
      },
      meaningOf,
    );
  }

  #prepare(deadline: Deadline): Promise<void> {
    const { connections, place } = this.#options;
    const { key, query } = connections;
    const known = migrated.get(key);
    if (known) return known;
    const migrating = migrateBudgets((text, values) => query(deadline, text, values), place).catch((error: unknown) => {
      migrated.delete(key);
      throw error;
    });
    migrated.set(key, migrating);
    return migrating;
  }
}

type Reserved = { n?: number; i?: number; what?: 'nanoUsd' | 'tokens'; settled?: number; held?: number };

/** Infinity is no JSON; to exceed it is not possible either. */
const finite = (limit: number | undefined): number | null =>
  limit === undefined || !Number.isFinite(limit) ? null : limit;

const entryOf = ({ tenant, effect, epoch, n }: BudgetEntryId): { t: string; e: string; p: number; n: number } => ({
  t: tenant,
  e: effect,
  p: epoch,
  n,
});

const amountOf = (row: Rows[number] | undefined, of: string): BudgetAmount => ({
  nanoUsd: Number(row?.[`${of}nano`] ?? 0),
  tokens: Number(row?.[`${of}tokens`] ?? 0),
});
const accountOf = (row: Rows[number] | undefined): Pick<AccountBalance, 'settled' | 'held'> => ({
  settled: amountOf(row, 'settled_'),
  held: amountOf(row, 'held_'),
});
const openOf = (tenant: string, row: Rows[number]): AccountBalance['open'][number] => ({
  tenant,
  effect: String(row['effect']),
  epoch: Number(row['epoch']),
  n: Number(row['n']),
  state: row['sender'] === null ? 'reserved' : 'sent',
  amount: amountOf(row, ''),
});
