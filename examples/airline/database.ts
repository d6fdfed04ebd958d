/**
 * The booking database of one conversation: the shared records below, this conversation's changes above.
 *
 * D1 The shared records are never changed. D2 What a conversation changed is exactly what it has touched, so two
 * databases over the same records are compared by their touched entries alone.
 */
import { sameJson } from './json.ts';
import type { Json, JsonObject } from './json.ts';

/** Records as they are at the start of every conversation, by id, in file order. */
export type Records = ReadonlyMap<string, JsonObject>;
export type Start = { users: Records; reservations: Records; flights: Records };

/** A table that can be written without changing the records that it began with. */
export type Table = {
  /** The entry, safe to change in place. Any JSON may be asked for: what is no string is not found. */
  get(id: Json): JsonObject | undefined;
  set(id: string, entry: JsonObject): void;
  /** Ids that were read or written through this table. */
  touched(): Iterable<string>;
  /** The entry for looking at only. */
  peek(id: string): JsonObject | undefined;
};

export type Database = { users: Table; reservations: Table; flights: Records };

/** A fresh database over `start`. Costs nothing until entries are touched. */
export const openDatabase = (start: Start): Database => ({
  users: openTable(start.users),
  reservations: openTable(start.reservations),
  flights: start.flights,
});

function openTable(start: Records): Table {
  const mine = new Map<string, JsonObject>();
  return {
    get(id) {
      if (typeof id !== 'string') return undefined;
      const own = mine.get(id);
      if (own !== undefined) return own;
      const shared = start.get(id);
      if (shared === undefined) return undefined;
      const copy = structuredClone(shared);
      mine.set(id, copy);
      return copy;
    },
    set: (id, entry) => void mine.set(id, entry),
    touched: () => mine.keys(),
    peek: (id) => mine.get(id) ?? start.get(id),
  };
}

/** Whether two databases that began with the same records hold the same now. */
export const sameDatabase = (a: Database, b: Database): boolean =>
  sameTable(a.users, b.users) && sameTable(a.reservations, b.reservations);

function sameTable(a: Table, b: Table): boolean {
  const ids = new Set([...a.touched(), ...b.touched()]);
  return [...ids].every((id) => sameJson(a.peek(id), b.peek(id)));
}
