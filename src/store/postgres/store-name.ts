/** When two stores of a process are in one database: only then can one commit what the other writes. */
import type { PostgresConnectionOptions } from './options.ts';

let count = 0;
const names = new Map<string, string>();
const givenNames = new WeakMap<object, string>();

/**
 * The same for the same connection string, pool or client, and for nothing else: the same database under another user
 * may be another schema. Holds neither user nor password.
 */
export function storeNameOf({ connectionString, pool, client }: PostgresConnectionOptions): string {
  const given = pool ?? client;
  if (given) {
    const name = givenNames.get(given) ?? `postgres:${pool ? 'pool' : 'client'}#${++count}`;
    givenNames.set(given, name);
    return name;
  }
  const text = connectionString ?? '';
  const known = names.get(text);
  if (known !== undefined) return known;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const name = `postgres:${url ? `//${url.host}${url.pathname}` : ''}#${++count}`;
  names.set(text, name);
  return name;
}
