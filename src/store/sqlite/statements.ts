/** Statements of a connection, each prepared once. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

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

  /** The key of the row that it inserted. */
  insert(sql: string, ...values: Value[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  #statement(sql: string): StatementSync {
    const existing = this.#prepared.get(sql);
    if (existing) return existing;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
