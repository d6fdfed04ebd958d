/** A ledger in memory: for one process, and gone with it. */
import { notReserved } from './errors.ts';
import type {
  AccountBalance,
  BudgetAmount,
  BudgetEntryId,
  BudgetGrant,
  BudgetLedger,
  BudgetReservation,
  OpenEntry,
} from './types.ts';

type Account = { settled: BudgetAmount; held: BudgetAmount };
type Entry = OpenEntry & { readonly budgets: readonly string[] };

const NOTHING: BudgetAmount = { nanoUsd: 0, tokens: 0 };
const UNITS = ['nanoUsd', 'tokens'] as const;
const MOST_OPEN = 100;

export const plus = (a: BudgetAmount, b: BudgetAmount): BudgetAmount => ({
  nanoUsd: a.nanoUsd + b.nanoUsd,
  tokens: a.tokens + b.tokens,
});
export const minus = (a: BudgetAmount, b: BudgetAmount): BudgetAmount => ({
  nanoUsd: a.nanoUsd - b.nanoUsd,
  tokens: a.tokens - b.tokens,
});

/** How ids are told and read: `<run>/<effect>#<epoch>.<n>`. */
export const idText = ({ effect, epoch, n }: Omit<BudgetEntryId, 'tenant'>): string => `${effect}#${epoch}.${n}`;

/**
 * A ledger that lives as long as this object. Runs share a budget where they share the ledger.
 *
 * @example
 * ```ts
 * import { createBudgets, memoryLedger } from '@baton/agents';
 *
 * const budgets = createBudgets({ ledger: memoryLedger(), limits: { tenant: { usd: 5, window: 'day' } } });
 * ```
 */
export function memoryLedger(): BudgetLedger {
  return new MemoryLedger();
}

class MemoryLedger implements BudgetLedger {
  readonly #accounts = new Map<string, Account>();
  readonly #entries = new Map<number, Entry>();
  #last = 0;

  async reserve(reservation: BudgetReservation): Promise<BudgetGrant> {
    const { tenant, effect, epoch, lines, amount, replaces } = reservation;
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
    if (replaced) this.#end(replaced, NOTHING);
    const n = (this.#last += 1);
    const budgets = lines.map(({ budget }) => budget);
    this.#entries.set(n, { tenant, effect, epoch, n, state: 'reserved', amount, budgets });
    for (const budget of budgets) {
      const account = this.#account(tenant, budget);
      account.held = plus(account.held, amount);
    }
    return { ok: true, n };
  }

  async sent(id: BudgetEntryId): Promise<void> {
    const entry = this.#find(id);
    if (entry?.state !== 'reserved') throw notReserved(idText(id));
    this.#entries.set(entry.n, { ...entry, state: 'sent' });
  }

  async settle(id: BudgetEntryId, actual: BudgetAmount): Promise<boolean> {
    const entry = this.#find(id);
    if (entry) this.#end(entry, actual);
    return entry !== undefined;
  }

  async release(id: BudgetEntryId): Promise<boolean> {
    const entry = this.#find(id);
    if (entry) this.#end(entry, NOTHING);
    return entry !== undefined;
  }

  async recover({ tenant, effect, before }: { tenant: string; effect: string; before: number }): Promise<number> {
    const lost = [...this.#entries.values()].filter(
      (each) => each.tenant === tenant && each.effect === effect && each.epoch < before && each.state === 'reserved',
    );
    for (const entry of lost) this.#end(entry, NOTHING);
    return lost.length;
  }

  async balance({ tenant, budget }: { tenant: string; budget: string }): Promise<AccountBalance> {
    const { settled, held } = this.#accounts.get(keyOf(tenant, budget)) ?? { settled: NOTHING, held: NOTHING };
    const open: OpenEntry[] = [];
    for (const { budgets, ...entry } of this.#entries.values()) {
      if (open.length < MOST_OPEN && entry.tenant === tenant && budgets.includes(budget)) open.push(entry);
    }
    return { settled, held, open };
  }

  async close(): Promise<void> {
    // Nothing is held that must be given back.
  }

  #find({ tenant, effect, epoch, n }: BudgetEntryId): Entry | undefined {
    const entry = this.#entries.get(n);
    return entry?.tenant === tenant && entry.effect === effect && entry.epoch === epoch ? entry : undefined;
  }

  #end({ tenant, n, budgets, amount }: Entry, actual: BudgetAmount): void {
    this.#entries.delete(n);
    for (const budget of budgets) {
      const account = this.#account(tenant, budget);
      account.held = minus(account.held, amount);
      account.settled = plus(account.settled, actual);
    }
  }

  #account(tenant: string, budget: string): Account {
    const key = keyOf(tenant, budget);
    const known = this.#accounts.get(key);
    if (known) return known;
    const account: Account = { settled: NOTHING, held: NOTHING };
    this.#accounts.set(key, account);
    return account;
  }
}

const keyOf = (tenant: string, budget: string): string => JSON.stringify([tenant, budget]);
