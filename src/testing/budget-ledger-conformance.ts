/**
 * What every ledger of budgets must do, as cases for any test runner.
 *
 * @example
 * for (const { name, run } of budgetLedgerConformance({ create: () => myLedger() })) test(name, run);
 */
import type { BudgetEntryId, BudgetGrant, BudgetLedger, BudgetReservation } from '../model/index.ts';
import type { ConformanceCase } from './session-conformance.ts';
import { isSame, rejectionOf } from './session-cases/support.ts';

export type BudgetLedgerConformanceOptions = {
  /** Makes an empty ledger. */
  create: () => BudgetLedger | Promise<BudgetLedger>;
  /** Opens the same store once more, as another process would. Where there is none, cases that need it are left out. */
  reopen?: (ledger: BudgetLedger) => BudgetLedger | Promise<BudgetLedger>;
  /** Whether the store is not empty: then each case has tenants of its own. @default false */
  shared?: boolean;
};

/** The cases, each with a ledger of its own. A case rejects with an Error that says what was expected. */
export function budgetLedgerConformance(options: BudgetLedgerConformanceOptions): ConformanceCase[] {
  const { create, reopen, shared = false } = options;
  const cases = Object.entries(CASES).map(([name, check]) => ({
    name,
    run: async () => {
      const ledger = scoped(await create(), shared ? `${globalThis.crypto.randomUUID()}/` : '');
      try {
        await check(ledger);
      } finally {
        await ledger.close();
      }
    },
  }));
  if (!reopen) return cases;
  return [
    ...cases,
    {
      name: 'what was acknowledged is there for others who open the same store',
      run: async () => {
        const prefix = shared ? `${globalThis.crypto.randomUUID()}/` : '';
        const inner = await create();
        const ledger = scoped(inner, prefix);
        const sent = await granted(ledger, { amount: money(10) });
        await ledger.sent(sent);
        await granted(ledger, { amount: money(5) });
        const other = scoped(await reopen(inner), prefix);
        same(await held(other), 15, 'held elsewhere');
        same(await other.settle(sent, money(4)), true, 'settled elsewhere');
        same([await settled(ledger), await held(ledger)], [4, 5], 'settled and held here');
        await other.close();
        await ledger.close();
      },
    },
  ];
}

/** The same ledger, with a prefix before each tenant. */
function scoped(ledger: BudgetLedger, prefix: string): BudgetLedger {
  const within = <T extends { readonly tenant: string }>(of: T): T => ({ ...of, tenant: prefix + of.tenant });
  return {
    reserve: ({ replaces, ...rest }) =>
      ledger.reserve({ ...within(rest), ...(replaces && { replaces: within(replaces) }) }),
    sent: (id) => ledger.sent(within(id)),
    settle: (id, actual) => ledger.settle(within(id), actual),
    release: (id) => ledger.release(within(id)),
    recover: (of) => ledger.recover(within(of)),
    async balance(account) {
      const { open, ...rest } = await ledger.balance(within(account));
      return { ...rest, open: open.map((entry) => ({ ...entry, tenant: entry.tenant.slice(prefix.length) })) };
    },
    close: () => ledger.close(),
  };
}

function same(actual: unknown, expected: unknown, what: string): void {
  if (isSame(actual, expected)) return;
  throw new Error(`Expected ${what}: ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}.`);
}

async function refused(act: Promise<unknown>, code: string): Promise<void> {
  const error = await rejectionOf(() => act);
  same(error.code, code, 'code of the error');
}

const money = (nanoUsd: number): { nanoUsd: number; tokens: number } => ({ nanoUsd, tokens: 0 });
const BASE = { tenant: 't', effect: 'r1/m1', epoch: 1 };
const LINE = { budget: 'b', limit: { nanoUsd: 100 } };

type Wish = Partial<BudgetReservation>;
const wish = (given: Wish): BudgetReservation => ({ ...BASE, lines: [LINE], amount: money(1), ...given });
const reserve = (ledger: BudgetLedger, given: Wish): Promise<BudgetGrant> => ledger.reserve(wish(given));

async function granted(ledger: BudgetLedger, given: Wish): Promise<BudgetEntryId> {
  const { tenant, effect, epoch } = wish(given);
  const grant = await reserve(ledger, given);
  if (!grant.ok) throw new Error(`Expected a reservation, got a refusal: ${JSON.stringify(grant)}.`);
  return { tenant, effect, epoch, n: grant.n };
}

const of = async (ledger: BudgetLedger, budget: string, tenant: string): Promise<{ settled: number; held: number }> => {
  const balance = await ledger.balance({ tenant, budget });
  return { settled: balance.settled.nanoUsd, held: balance.held.nanoUsd };
};
const settled = async (ledger: BudgetLedger, budget = 'b', tenant = 't'): Promise<number> =>
  (await of(ledger, budget, tenant)).settled;
const held = async (ledger: BudgetLedger, budget = 'b', tenant = 't'): Promise<number> =>
  (await of(ledger, budget, tenant)).held;

const CASES: { readonly [name: string]: (ledger: BudgetLedger) => Promise<void> } = {
  'reserves up to the limit, and says why not beyond it': async (ledger) => {
    const first = await granted(ledger, { amount: money(60) });
    same(
      await reserve(ledger, { amount: money(41) }),
      { ok: false, budget: 'b', what: 'nanoUsd', limit: 100, settled: 0, held: 60 },
      'refusal',
    );
    await granted(ledger, { amount: money(40) });
    await ledger.sent(first);
    await ledger.settle(first, money(10));
    same(
      await reserve(ledger, { amount: money(51) }),
      { ok: false, budget: 'b', what: 'nanoUsd', limit: 100, settled: 10, held: 40 },
      'refusal after a settlement',
    );
    await granted(ledger, { amount: money(50) });
  },
  'limits tokens as it limits money, and either where only one is limited': async (ledger) => {
    const lines = [{ budget: 'b', limit: { tokens: 10 } }];
    await granted(ledger, { lines, amount: { nanoUsd: 1_000_000, tokens: 10 } });
    same(
      await reserve(ledger, { lines, amount: { nanoUsd: 0, tokens: 1 } }),
      { ok: false, budget: 'b', what: 'tokens', limit: 10, settled: 0, held: 10 },
      'refusal',
    );
    await granted(ledger, { lines, amount: { nanoUsd: 1, tokens: 0 } });
  },
  'reserves in all accounts or in none': async (ledger) => {
    await granted(ledger, { lines: [{ budget: 'small', limit: { nanoUsd: 5 } }], amount: money(5) });
    const lines = [LINE, { budget: 'small', limit: { nanoUsd: 5 } }];
    const grant = await reserve(ledger, { lines, amount: money(1) });
    same(!grant.ok && grant.budget, 'small', 'account that refuses');
    same(await held(ledger), 0, 'held in the other account');
    const both = await granted(ledger, { lines: [LINE, { budget: 'other', limit: {} }], amount: money(7) });
    same([await held(ledger), await held(ledger, 'other')], [7, 7], 'held in both');
    await ledger.settle(both, money(3));
    same([await settled(ledger), await settled(ledger, 'other')], [3, 3], 'settled in both');
  },
  'ends an entry once': async (ledger) => {
    const id = await granted(ledger, { amount: money(10) });
    await ledger.sent(id);
    same(await ledger.settle(id, money(3)), true, 'first settlement');
    same(await ledger.settle(id, money(9)), false, 'second settlement');
    same(await ledger.release(id), false, 'release after it');
    same([await settled(ledger), await held(ledger)], [3, 0], 'settled and held');
  },
  'releases what came to nothing': async (ledger) => {
    const id = await granted(ledger, { amount: money(100) });
    await ledger.sent(id);
    same(await ledger.release(id), true, 'release');
    same([await settled(ledger), await held(ledger)], [0, 0], 'settled and held');
    await granted(ledger, { amount: money(100) });
  },
  'counts what was sent with its whole amount until it settles, and takes a cost above it': async (ledger) => {
    const id = await granted(ledger, { amount: money(90) });
    await ledger.sent(id);
    same((await reserve(ledger, { amount: money(11) })).ok, false, 'grant beside it');
    await ledger.settle(id, money(120));
    same(await settled(ledger), 120, 'settled');
    same((await reserve(ledger, { amount: money(0) })).ok, false, 'grant of nothing above the limit');
  },
  'notes as sent what is reserved, and nothing else': async (ledger) => {
    const id = await granted(ledger, {});
    await ledger.sent(id);
    await refused(ledger.sent(id), 'budget/not-reserved');
    await ledger.release(id);
    await refused(ledger.sent(id), 'budget/not-reserved');
    const other = await granted(ledger, {});
    await refused(ledger.sent({ ...other, tenant: 'other' }), 'budget/not-reserved');
    await refused(ledger.sent({ ...other, epoch: 2 }), 'budget/not-reserved');
    await ledger.sent(other);
  },
  'gives back after a crash what was reserved, and keeps what was sent': async (ledger) => {
    const sent = await granted(ledger, { amount: money(10) });
    await ledger.sent(sent);
    const reserved = await granted(ledger, { amount: money(20) });
    await granted(ledger, { amount: money(1), effect: 'r1/m2' });
    await granted(ledger, { amount: money(2), epoch: 2 });
    await granted(ledger, { amount: money(3), tenant: 'other' });
    same(await ledger.recover({ tenant: 't', effect: 'r1/m1', before: 2 }), 1, 'entries given back');
    same(await held(ledger), 13, 'held');
    await refused(ledger.sent(reserved), 'budget/not-reserved');
    same(await ledger.settle(sent, money(5)), true, 'settlement of what was sent');
  },
  'keeps tenants apart': async (ledger) => {
    const id = await granted(ledger, { amount: money(100) });
    const other = await granted(ledger, { amount: money(100), tenant: 'other' });
    same(await ledger.settle({ ...id, tenant: 'other' }, money(1)), false, "settlement of another tenant's entry");
    same(await ledger.release({ ...other, tenant: 't' }), false, "release of another tenant's entry");
    same([await held(ledger), await held(ledger, 'b', 'other')], [100, 100], 'held');
  },
  'never gives a number twice, also for one effect and epoch': async (ledger) => {
    const first = await granted(ledger, {});
    await ledger.release(first);
    const second = await granted(ledger, {});
    same(first.n === second.n, false, 'same number');
    same(await ledger.release(first), false, 'release of the old entry');
    same(await held(ledger), 1, 'held');
  },
  'replaces an entry in one step, or leaves it where it refuses': async (ledger) => {
    const aside = await granted(ledger, { amount: money(60) });
    const refusal = await reserve(ledger, { amount: money(101), replaces: aside });
    same(refusal, { ok: false, budget: 'b', what: 'nanoUsd', limit: 100, settled: 0, held: 0 }, 'refusal');
    same(await held(ledger), 60, 'held after the refusal');
    await granted(ledger, { amount: money(90), replaces: aside });
    same(await held(ledger), 90, 'held after the grant');
    same(await ledger.release(aside), false, 'release of what was replaced');
    await granted(ledger, { amount: money(10), replaces: aside });
    same(await held(ledger), 100, 'held when what it would replace is gone');
  },
  'lists what is open, oldest first': async (ledger) => {
    const first = await granted(ledger, { amount: money(1) });
    await ledger.sent(first);
    const second = await granted(ledger, { amount: { nanoUsd: 2, tokens: 3 }, effect: 'r2/m7', epoch: 4 });
    await granted(ledger, { lines: [{ budget: 'elsewhere', limit: {} }] });
    const { open } = await ledger.balance({ tenant: 't', budget: 'b' });
    same(
      open,
      [
        { ...first, state: 'sent', amount: money(1) },
        { ...second, state: 'reserved', amount: { nanoUsd: 2, tokens: 3 } },
      ],
      'open entries',
    );
    same(
      await ledger.balance({ tenant: 't', budget: 'unknown' }),
      { settled: money(0), held: money(0), open: [] },
      'balance of an account that nobody used',
    );
  },
  'grants no more than fits when many ask at once': async (ledger) => {
    const grants = await Promise.all(Array.from({ length: 50 }, () => reserve(ledger, { amount: money(5) })));
    same(grants.filter(({ ok }) => ok).length, 20, 'grants');
    same(await held(ledger), 100, 'held');
  },
};
