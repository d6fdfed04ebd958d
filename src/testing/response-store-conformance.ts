/**
 * What every store of a response cache must do, as cases for any test runner.
 *
 * @example
 * for (const { name, run } of responseStoreConformance({ create: () => myStore() })) test(name, run);
 */
import type { ResponseCacheStore } from '../model/index.ts';
import type { ConformanceCase } from './session-conformance.ts';
import { isSame } from './session-cases/support.ts';

export type ResponseStoreConformanceOptions = {
  /** Makes an empty store. */
  create: () => ResponseCacheStore | Promise<ResponseCacheStore>;
  /** Waits until so many milliseconds are over, as the store sees it. @default a timer */
  pass?: (ms: number) => Promise<void> | void;
};

type Check = (store: ResponseCacheStore, pass: (ms: number) => Promise<void> | void) => Promise<void>;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The cases, each with a store of its own. A case rejects with an Error that says what was expected. */
export function responseStoreConformance(options: ResponseStoreConformanceOptions): ConformanceCase[] {
  const { create, pass = wait } = options;
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    run: async () => {
      const store = await create();
      try {
        await check(store, pass);
      } finally {
        await store.close();
      }
    },
  }));
}

const LONG = { ttlMs: 600_000 };
const keyOf = (n: number): string => n.toString(16).padStart(64, '0');
const at = (tenant: string, n = 1): { tenant: string; key: string } => ({ tenant, key: keyOf(n) });

function same(actual: unknown, expected: unknown, what: string): void {
  if (isSame(actual, expected)) return;
  throw new Error(`Expected ${what}: ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}.`);
}

const CASES: Record<string, Check> = {
  'what is not there is undefined': async (store) => same(await store.get(at('t')), undefined, 'nothing'),
  'a text is given as it was kept, and a new one in its place': async (store) => {
    const text = JSON.stringify({ text: 'é "quoted" \u0000 \u{1f600}\n' });
    await store.set(at('t'), text, LONG);
    same(await store.get(at('t')), text, 'the text');
    await store.set(at('t'), '2', LONG);
    same(await store.get(at('t')), '2', 'the new text');
    same(await store.get(at('t', 2)), undefined, 'another key');
  },
  'no tenant reads what another one wrote, however they are called': async (store) => {
    const tenants = ['t', 'T', 't\n', '', '1:t', '__proto__', 't/../u'];
    for (const tenant of tenants) await store.set(at(tenant), `of ${tenant}`, LONG);
    for (const tenant of tenants) same(await store.get(at(tenant)), `of ${tenant}`, `the text of ${tenant}`);
    same(await store.get(at('u')), undefined, 'nothing for a tenant that wrote nothing');
  },
  'a text is gone when its time is over': async (store, pass) => {
    await store.set(at('t'), 'short', { ttlMs: 20 });
    await store.set(at('t', 2), 'long', LONG);
    await pass(60);
    same([await store.get(at('t')), await store.get(at('t', 2))], [undefined, 'long'], 'the long one only');
  },
  'a tenant is forgotten, and no other one': async (store) => {
    for (const tenant of ['t', 'tt', 'u']) await store.set(at(tenant), tenant, LONG);
    await store.clear('t');
    const left = [await store.get(at('t')), await store.get(at('tt')), await store.get(at('u'))];
    same(left, [undefined, 'tt', 'u'], 'the others');
  },
};
