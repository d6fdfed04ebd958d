/** Columns of rows as values. */
import type { Columns } from '../../store/sqlite/statements.ts';

export const text = (row: Columns, column: string): string | undefined => {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
};
export const number = (row: Columns, column: string): number => Number(row[column] ?? 0);

export function object(row: Columns, column: string): Record<string, unknown> | undefined {
  const value = parsed(row[column]);
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}

export function parsed(value: unknown): unknown {
  return typeof value === 'string' ? (JSON.parse(value) as unknown) : undefined;
}
