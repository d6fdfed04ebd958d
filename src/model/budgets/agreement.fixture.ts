/** Two ledgers answer the same, whatever is asked of them. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { memoryLedger } from './index.ts';
import type { BudgetEntryId, BudgetLedger, BudgetReservation } from './index.ts';

const BUDGETS = ['tenant', 'run:r', 'model:a/b', 'quote\'"\\', 'ключ\u2028'];
const amount = fc.record({ nanoUsd: fc.nat(60), tokens: fc.nat(30) });
const line = fc.record({
  budget: fc.constantFrom(...BUDGETS),
  limit: fc.record(
    { nanoUsd: fc.constantFrom(0, 50, 200, 1e15, Infinity), tokens: fc.constantFrom(10, 100) },
    { requiredKeys: [] },
  ),
});
const who = { effect: fc.constantFrom('r/m1', 'r/m2', 'r2/m1'), epoch: fc.integer({ min: 1, max: 3 }) };
const which = fc.nat(12);
const call = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      ...who,
      amount,
      lines: fc.uniqueArray(line, { maxLength: 4, selector: ({ budget }) => budget }),
      replaces: fc.option(which, { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sent' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const), which, amount }) },
  fc.record({ do: fc.constant('release' as const), which }),
  fc.record({ do: fc.constant('recover' as const), effect: who.effect, before: fc.constantFrom(1, 2, 3, Infinity) }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** @param open an opened ledger; its tenant is made up for each sequence */
export async function expectAgreement(open: () => BudgetLedger, numRuns: number): Promise<void> {
  const ledger = open();
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (calls) => {
      const tenant = crypto.randomUUID();
      const [left, right] = [new Asker(memoryLedger(), tenant), new Asker(ledger, tenant)];
      for (const each of calls) expect(await right.ask(each), JSON.stringify(each)).toEqual(await left.ask(each));
      for (const budget of BUDGETS) expect(await right.balance(budget)).toEqual(await left.balance(budget));
    }),
    { numRuns },
  );
  await ledger.close();
}

/** Ledgers number their entries as they like: here they are numbered by their order. */
class Asker {
  readonly #ledger: BudgetLedger;
  readonly #tenant: string;
  readonly #entries: BudgetEntryId[] = [];

  constructor(ledger: BudgetLedger, tenant: string) {
    this.#ledger = ledger;
    this.#tenant = tenant;
  }

  async ask(asked: Call): Promise<unknown> {
    const ledger = this.#ledger;
    switch (asked.do) {
      case 'reserve': {
        const { effect, epoch, amount: of, lines, replaces } = asked;
        const old = replaces === undefined ? undefined : this.#entries[replaces];
        const limits = lines as BudgetReservation['lines'];
        const id = { tenant: this.#tenant, effect, epoch };
        const grant = await ledger.reserve({ ...id, lines: limits, amount: of, ...(old && { replaces: old }) });
        if (!grant.ok) return grant;
        this.#entries.push({ ...id, n: grant.n });
        return this.#entries.length;
      }
      case 'sent':
        return ledger.sent(this.#at(asked.which)).catch((error: { code: unknown }) => error.code);
      case 'settle':
        return ledger.settle(this.#at(asked.which), asked.amount);
      case 'release':
        return ledger.release(this.#at(asked.which));
      case 'recover':
        return ledger.recover({ tenant: this.#tenant, effect: asked.effect, before: asked.before });
    }
  }

  async balance(budget: string): Promise<unknown> {
    const { open, ...rest } = await this.#ledger.balance({ tenant: this.#tenant, budget });
    return { ...rest, open: open.map(({ n, ...entry }) => [this.#entries.findIndex((one) => one.n === n), entry]) };
  }

  #at(which: number): BudgetEntryId {
    return this.#entries[which] ?? { tenant: this.#tenant, effect: 'none', epoch: 1, n: 1e12 };
  }
}
