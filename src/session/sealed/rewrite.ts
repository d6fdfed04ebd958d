/** Seals a whole session anew in one transaction: for another key, changed calls, or items from before. */
import type { AgentInputItem } from '../../protocol/items.ts';
import type { SessionHistoryMutation, SessionHistoryTransactionAwareSession } from '../types.ts';
import { type Opened, openRows, type Scope } from './chain.ts';
import { firstRow, isSealed } from './envelope.ts';
import type { Secret } from './keys.ts';
import { type Entry, isItem, isRefusal, itemOf, sealAll, sealedEnvelope, textsOf, youngFrom } from './rows.ts';

export type Rewrite = {
  readonly scope: Scope;
  readonly secrets: readonly [Secret, ...Secret[]];
  /** Take in items that are not sealed. */
  readonly plaintext: boolean;
  /** Delete items from before this time. */
  readonly oldest: number | undefined;
  /** Proves what was read further. */
  readonly check: (opened: Opened[]) => Promise<void>;
  readonly mutations: readonly SessionHistoryMutation[];
};

/** The row that the session ends with now; `undefined` when somebody else was faster, and nothing was changed. */
export async function rewrite(
  inner: SessionHistoryTransactionAwareSession,
  { scope, secrets, plaintext, oldest, check, mutations }: Rewrite,
): Promise<AgentInputItem | 'empty' | undefined> {
  const rows = await inner.getItems();
  if (rows.length === 0) return 'empty';
  const opened = openRows(plaintext ? rows.filter(isSealed) : rows, { scope, secrets, isAll: true });
  await check(opened);
  const first = firstRow(scope, secrets[0]);
  const all = entriesOf(rows, opened);
  const young = oldest === undefined ? all : all.slice(youngFrom(all, oldest));
  const entries = changed(young, mutations);
  const sealed = sealAll(entries, { scope, secret: secrets[0], after: sealedEnvelope(first) });
  const transaction = { type: 'replace_suffix' as const, expectedSuffix: rows, replacement: [first, ...sealed] };
  try {
    await inner.applyHistoryTransaction({ operationId: crypto.randomUUID(), transaction });
    return sealed.at(-1) ?? first;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

type ItemEntry = Omit<Entry, 'text'> & { readonly item: AgentInputItem };

/** In the order of the rows, sealed and plain ones; without the first row. */
function entriesOf(rows: readonly AgentInputItem[], opened: readonly Opened[]): ItemEntry[] {
  const found = new Map(opened.map((each) => [each.row, each]));
  const now = Date.now();
  return rows.flatMap((row) => {
    const each = found.get(row);
    if (!each) return [{ item: row, op: '', at: now }];
    return isItem(each) ? [{ item: itemOf(each), op: each.envelope.op, at: each.envelope.at }] : [];
  });
}

/** As `applySessionHistoryMutations`, keeping each entry's place in time. */
function changed(entries: readonly ItemEntry[], mutations: readonly SessionHistoryMutation[]): Entry[] {
  let kept = [...entries];
  for (const { callId, replacement } of mutations) {
    const isCall = ({ item }: ItemEntry): boolean => item.type === 'function_call' && item.callId === callId;
    const at = kept.findIndex(isCall);
    kept = kept
      .filter((entry, n) => n === at || !isCall(entry))
      .map((entry, n) => (n === at ? { ...entry, item: replacement } : entry));
  }
  const texts = textsOf(
    kept.map(({ item }) => item),
    'item',
  );
  return kept.map(({ op, at }, n) => ({ text: texts[n] ?? '', op, at }));
}
