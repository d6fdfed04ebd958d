/**
 * A history with a shorter one in front of it: what was compacted stays where it is, and a mark behind it says what is
 * read in its place.
 *
 * C1 Nothing is removed. A mark is appended; the items before it stay in the inner session, in order.
 * C2 A mark counts what it covers. Items that came between the read and the mark are not covered, and stay visible.
 * C3 A mark whose beginning is no longer what was read (popped, cleared, compacted by another) is not written.
 * C4 Stores compare contents, and two items may be the same: how many rows a mark leaves out is said only when it was
 *    read back from its place. Until then it is counted from the first row.
 */
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { isSame } from '../items.ts';
import { safeStarts } from '../limits.ts';
import { suffixChanged } from '../transaction.ts';
import { isSessionHistoryTransactionAwareSession, type Session, type SessionHistoryTransactionArgs } from '../types.ts';
import { checkInner, inTurnOf } from '../wrapped.ts';

/** What a mark says. */
type Mark = {
  /** What is read in the place of everything before, but for the items that are not covered. */
  readonly items: AgentInputItem[];
  /** How many rows from the first are covered. */
  readonly covers: number;
  /** How many rows right before the mark are not covered, where that was certain when it was written. */
  readonly kept?: number;
};

const MARK = 'batonCompaction';
const FIRST_READ = 64;
const ATTEMPTS = 100;

/** What was visible at one moment, for a compaction to start from. */
export type Snapshot = { readonly items: AgentInputItem[]; readonly rows: AgentInputItem[] };

/** The methods of a session over `inner`, and what compactions need. Calls are done one after the other. */
export class CompactedView {
  readonly #inner: Session;
  #last: Promise<unknown> = Promise.resolve();

  constructor(inner: Session) {
    checkInner(inner);
    this.#inner = inner;
  }

  items(limit?: number): Promise<AgentInputItem[]> {
    return this.#inTurn(async () => {
      const visible = visibleOf(await this.#rows());
      if (limit === undefined || Number.isNaN(limit)) return visible;
      return visible.slice(Math.max(0, Math.floor(visible.length - limit)));
    });
  }

  /** Everything that was ever added and not popped, oldest first, without marks. */
  originals(): Promise<AgentInputItem[]> {
    return this.#inTurn(async () => (await this.#inner.getItems()).filter((row) => !markOf(row)));
  }

  add(items: AgentInputItem[]): Promise<void> {
    return this.#inTurn(() => this.#inner.addItems(items));
  }

  clear(): Promise<void> {
    return this.#whenFree(() => this.#inner.clearSession());
  }

  pop(): Promise<AgentInputItem | undefined> {
    return this.#whenFree(() => this.#pop());
  }

  #whenFree<T>(act: () => Promise<T>): Promise<T> {
    return inTurnOf(this.#inner, (step) => this.#inTurn(step), act);
  }

  async #pop(): Promise<AgentInputItem | undefined> {
    for (let attempt = 1; ; attempt++) {
      const rows = await this.#rows();
      try {
        return await this.#popFrom(rows);
      } catch (error) {
        const [newest] = await this.#inner.getItems(1);
        // Unless somebody added an item, or compacted, since they were read.
        if (attempt === ATTEMPTS || isSame(newest, rows.at(-1))) throw error;
      }
    }
  }

  async #popFrom(rows: readonly AgentInputItem[]): Promise<AgentInputItem | undefined> {
    const last = rows.at(-1);
    const mark = last && markOf(last);
    if (!last || !mark) {
      const item = await this.#inner.popItem();
      const made = item && markOf(item);
      if (!made) return item;
      // Somebody compacted meanwhile: it goes back, and what it shows is looked at again.
      await this.#inner.addItems([rowOf({ items: made.items, covers: made.covers })]);
      throw suffixChanged();
    }
    const kept = keptBy(mark, rows.length - 1);
    const [item, without, old] =
      kept > 0
        ? [rows.at(-2), { ...mark, kept: kept - 1 }, rows.slice(-2)]
        : [mark.items.at(-1), { ...mark, items: mark.items.slice(0, -1) }, [last]];
    if (item) await this.#replaceEnd(old, [rowOf(without)]);
    return item;
  }

  transact({ operationId, transaction }: SessionHistoryTransactionArgs): Promise<void> {
    return this.#inTurn(async () => {
      if (!isSessionHistoryTransactionAwareSession(this.#inner))
        throw new UserError('The session has no transactions.');
      if (transaction?.type === 'replace_suffix' && Array.isArray(transaction.expectedSuffix)) {
        const rows = await this.#inner.getItems(transaction.expectedSuffix.length);
        if (rows.some((row) => markOf(row))) throw suffixChanged();
      }
      await this.#inner.applyHistoryTransaction({ operationId, transaction });
    });
  }

  snapshot(): Promise<Snapshot> {
    return this.#inTurn(async () => {
      const rows = await this.#inner.getItems();
      return { rows, items: visibleOf(rows) };
    });
  }

  /** Shows `items` in the place of all that the snapshot shows. `false`: its rows are gone or compacted already. */
  compact({ rows: before }: Snapshot, items: AgentInputItem[]): Promise<boolean> {
    return this.#inTurn(async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const rows = await this.#inner.getItems();
        const later = rows.slice(before.length);
        const isThere = rows.length >= before.length && before.every((row, n) => isSame(row, rows[n]));
        if (!isThere || later.some((row) => markOf(row))) return false;
        if (!(await this.#append({ items, covers: before.length }, rows.at(-1)))) continue;
        // Done it is without it, too.
        await this.#settle({ items, covers: before.length }, rows.length).catch(() => undefined);
        return true;
      }
      return false;
    });
  }

  /** Appends a mark right behind `tail`, where the inner session can tell whether it is still the end. */
  async #append(mark: Mark, tail: AgentInputItem | undefined): Promise<boolean> {
    const inner = this.#inner;
    if (!tail || !isSessionHistoryTransactionAwareSession(inner)) {
      await inner.addItems([rowOf(mark)]);
      return true;
    }
    const replacement = [tail, rowOf(mark)];
    const transaction = { type: 'replace_suffix' as const, expectedSuffix: [tail], replacement };
    try {
      await inner.applyHistoryTransaction({ operationId: crypto.randomUUID(), transaction });
      return true;
    } catch (error) {
      const [newest] = await inner.getItems(1);
      if (isSame(newest, tail)) throw error;
      return false;
    }
  }

  /** Says in a mark how many rows it leaves out, where it is the newest row and has come to its place. */
  async #settle(mark: Mark, at: number): Promise<void> {
    const inner = this.#inner;
    if (!isSessionHistoryTransactionAwareSession(inner)) return;
    const rows = await inner.getItems();
    if (rows.length !== at + 1 || !isSame(rows[at], rowOf(mark))) return;
    await this.#replaceEnd([rowOf(mark)], [rowOf({ ...mark, kept: keptBy(mark, at) })]);
  }

  async #replaceEnd(old: AgentInputItem[], next: AgentInputItem[]): Promise<void> {
    const inner = this.#inner;
    if (isSessionHistoryTransactionAwareSession(inner)) {
      const transaction = { type: 'replace_suffix' as const, expectedSuffix: old, replacement: next };
      return inner.applyHistoryTransaction({ operationId: crypto.randomUUID(), transaction });
    }
    for (let n = 0; n < old.length; n++) await inner.popItem();
    return inner.addItems(next);
  }

  /** As many of the newest rows as it takes to know what is visible. */
  async #rows(): Promise<AgentInputItem[]> {
    for (let count = FIRST_READ; ; count *= 4) {
      const rows = await this.#inner.getItems(count);
      if (rows.length < count) return rows;
      const at = rows.findLastIndex((row) => markOf(row));
      const kept = at < 0 ? undefined : markOf(rows[at])?.kept;
      if (kept !== undefined && kept <= at) return rows;
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

const rowOf = (mark: Mark): AgentInputItem => ({ type: 'unknown', providerData: { [MARK]: mark } });

function markOf(row: AgentInputItem | undefined): Mark | undefined {
  if (row?.type !== 'unknown' || Object.keys(row).length !== 2) return undefined;
  const { [MARK]: found, ...more } = row.providerData ?? {};
  // Items of unknown types that a provider sent keep their `type` beside: they never pass for a mark.
  if (typeof found !== 'object' || found === null || Object.keys(more).length > 0) return undefined;
  return 'items' in found ? (found as Mark) : undefined;
}

/** @param at the mark's own index, counted from the first row where the mark does not say */
const keptBy = ({ kept, covers }: Mark, at: number): number => kept ?? Math.max(0, at - covers);

function visibleOf(rows: readonly AgentInputItem[]): AgentInputItem[] {
  const at = rows.findLastIndex((row) => markOf(row));
  const mark = markOf(rows[at]);
  if (!mark) return [...rows];
  const uncovered = rows.slice(at - keptBy(mark, at), at).filter((row) => !markOf(row));
  return [...mark.items, ...uncovered, ...rows.slice(at + 1)];
}

/**
 * How many of the oldest items can be compacted: all, but for calls that wait for a result and what belongs to them.
 */
export function coverable(items: readonly AgentInputItem[]): number {
  const open = new Map<string, number>();
  for (const [at, item] of items.entries()) {
    if (!('callId' in item) || typeof item.callId !== 'string') continue;
    if (/_(result|output)$/.test(item.type ?? '')) open.delete(item.callId);
    else open.set(item.callId, at);
  }
  const isSafe = safeStarts(items);
  let end = Math.min(items.length, ...open.values());
  while (end > 0 && end < items.length && !isSafe(end)) end--;
  return end;
}
