/** A ledger over a store that is opened at the first call and let go of after the last. */
import { checkAmount, closedError } from './operations.ts';
import type {
  AccountBalance,
  BudgetAmount,
  BudgetEntryId,
  BudgetGrant,
  BudgetLedger,
  BudgetReservation,
} from './types.ts';

export interface LedgerStore {
  reserve(reservation: BudgetReservation): Promise<BudgetGrant>;
  sent(id: BudgetEntryId): Promise<void>;
  end(id: BudgetEntryId, actual: BudgetAmount): Promise<boolean>;
  recover(of: { tenant: string; effect: string; before: number }): Promise<number>;
  balance(account: { tenant: string; budget: string }): Promise<AccountBalance>;
  release(): Promise<void>;
}

const NOTHING: BudgetAmount = { nanoUsd: 0, tokens: 0 };

/** @param place for messages, such as `Redis` */
export function openedLedger(place: string, openStore: () => Promise<LedgerStore>): BudgetLedger {
  const pending = new Set<Promise<unknown>>();
  let opening: Promise<LedgerStore> | undefined;
  let closing: Promise<void> | undefined;
  const open = (): Promise<LedgerStore> =>
    (opening ??= openStore().catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  const use = async <T>(act: (store: LedgerStore) => Promise<T>): Promise<T> => {
    if (closing) throw closedError(place);
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
