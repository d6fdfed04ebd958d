/** A ledger behind a network that breaks: what was done is done once, whatever answer was lost. */
import { expect } from 'vitest';
import { startProxy } from '../../store/proxy.fixture.ts';
import type { BudgetLedger } from './index.ts';

const money = (nanoUsd: number): { nanoUsd: number; tokens: number } => ({ nanoUsd, tokens: nanoUsd });

/** Each answer is lost once, after the server did what it was asked. */
export async function expectOnce(url: string, open: (url: string) => BudgetLedger): Promise<void> {
  const proxy = await startProxy(url);
  const tenant = crypto.randomUUID();
  const ledger = open(proxy.url);
  const balance = () => ledger.balance({ tenant, budget: 'b' });
  await balance();
  const lossy = <T>(act: () => Promise<T>): Promise<T> => {
    proxy.cutAfterNextRequest();
    return act();
  };
  const lines = [{ budget: 'b', limit: {} }];
  for (let call = 1; call <= 5; call++) {
    const id = { tenant, effect: `r/m${call}`, epoch: 1 };
    const grant = await lossy(() => ledger.reserve({ ...id, lines, amount: money(100) }));
    if (!grant.ok) throw new Error('It was refused.');
    const entry = { ...id, n: grant.n };
    expect(await balance()).toEqual({
      settled: money((call - 1) * 7),
      held: money(100),
      open: [{ ...entry, state: 'reserved', amount: money(100) }],
    });
    await lossy(() => ledger.sent(entry));
    await expect(ledger.sent(entry)).rejects.toMatchObject({ code: 'budget/not-reserved' });
    expect(await lossy(() => ledger.settle(entry, money(7)))).toBe(true);
    expect(await ledger.settle(entry, money(7))).toBe(false);
  }
  expect(await lossy(balance)).toEqual({ settled: money(35), held: money(0), open: [] });
  await ledger.close();
  await proxy.close();
}

/** The server is not there. */
export async function expectUnreachable(open: (url: string) => BudgetLedger, scheme: string): Promise<void> {
  const secret = 'sesame-open-please';
  const ledger = open(`${scheme}://user:${secret}@127.0.0.1:9`);
  const error: unknown = await ledger.balance({ tenant: 't', budget: 'b' }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'BudgetLedgerError', code: 'budget/unreachable' });
  expect(JSON.stringify([String(error), error])).not.toContain(secret);
  await ledger.close();
  await expect(ledger.balance({ tenant: 't', budget: 'b' })).rejects.toMatchObject({ code: 'budget/closed' });
}
