/** How a store in PostgreSQL is told where its database is. */
import { UserError } from '../../protocol/errors.ts';
import type { PostgresClient, PostgresPool } from './connections.ts';

/** Exactly one of `connectionString`, `pool` and `client`. */
export type PostgresConnectionOptions = {
  /**
   * Such as `postgres://user:password@host:5432/database`, in the forms that `pg` takes. Stores of one process with
   * the same settings share one pool, which the last of them closes.
   */
  connectionString?: string;
  /** Connections of that pool at most. @default 10 */
  maxConnections?: number;
  /** A `Pool` of `pg`. It stays yours: `close()` leaves it open. Set its `statement_timeout` and `lock_timeout`. */
  pool?: PostgresPool;
  /** A connected `Client` of `pg`. It stays yours, and does not connect again when it is cut. */
  client?: PostgresClient;
};

/** @throws UserError when an option is unfit */
export function checkConnection(options: PostgresConnectionOptions, kind: string): void {
  const { connectionString, pool, client, maxConnections = 10 } = options;
  const given = [connectionString, pool, client].filter((option) => option !== undefined);
  if (given.length !== 1) {
    throw new UserError(
      `${kind} needs exactly one of \`connectionString\`, \`pool\` and \`client\`. Got ${given.length}.`,
    );
  }
  if (connectionString === '') throw new UserError(`${kind} option \`connectionString\` is empty.`);
  if (!Number.isInteger(maxConnections) || maxConnections < 1) {
    throw new UserError(`${kind} option \`maxConnections\` must be 1 or more. Got ${maxConnections}.`);
  }
}
