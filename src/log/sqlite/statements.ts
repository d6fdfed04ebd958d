/** Statements of a connection, each prepared once, and their values as they come. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Lease } from '../types.ts';

export type Value = string | number | null;
export type Columns = { readonly [column: string]: unknown };

export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(sql: string, ...values: Value[]): Columns | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: Value[]): Columns[] {
    return this.#statement(sql).all(...values);
  }

  /** How many rows it changed. */
  run(sql: string, ...values: Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #statement(sql: string): StatementSync {
    const existing = this.#prepared.get(sql);
    if (existing) return existing;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}

export const text = (row: Columns, column: string): string => String(row[column]);
export const number = (row: Columns, column: string): number => Number(row[column]);
export const maybe = (row: Columns, column: string): string | undefined => {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
};

export function leaseOf(row: Columns): Lease {
  const owner = maybe(row, 'owner');
  const beat = typeof row['beat'] === 'number' ? row['beat'] : undefined;
  return {
    fence: number(row, 'fence'),
    ...(owner !== undefined && { owner }),
    ...(owner !== undefined && beat !== undefined && { beat }),
  };
}
