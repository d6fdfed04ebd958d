/** The sessions of a tenant in a PostgreSQL database, as a place that can forget them. */
import { UserError } from '../../protocol/errors.ts';
import type { Deadline } from '../../store/deadline.ts';
import { persist } from '../../store/deadline.ts';
import type { Connections, Rows } from '../../store/postgres/connections.ts';
import { checkConnection } from '../../store/postgres/options.ts';
import type { PostgresConnectionOptions } from '../../store/postgres/options.ts';
import type { Listed, SessionPlace } from '../place.ts';
import { familyOf, sessionPlace } from '../place.ts';
import type { Command } from '../sqlite/commands.ts';
import type { judge as Judge } from './failure.ts';
import type { migrateSessions as Migrate } from './schema.ts';
import type { refused as Refused } from './store.ts';

/** Exactly one of `connectionString`, `pool` and `client`. */
export type PostgresSessionsOptions = PostgresConnectionOptions & {
  /** Whose sessions. @default 'default' */
  tenant?: string;
  /** How long a call may take, in milliseconds, with waiting and connecting again. @default 30000 */
  timeoutMs?: number;
};

/** Rows a statement. */
const CHUNK = 1000;
const SAVED = `(SELECT floor(extract(epoch FROM saved_at) * 1000) FROM baton_session_items AS i
  WHERE i.tenant = s.tenant AND i.session = s.session ORDER BY seq DESC LIMIT 1) AS saved_at`;
const HELD = `EXISTS (SELECT 1 FROM baton_session_turns AS t WHERE t.tenant = s.tenant AND t.session = s.session
  AND t.line LIKE '%"holder"%') AS is_held`;
const KNOWN = '(SELECT tenant, session FROM baton_sessions UNION SELECT tenant, session FROM baton_session_turns)';
const LIST = `SELECT session, ${SAVED}, ${HELD} FROM ${KNOWN} AS s WHERE tenant = $1 AND`;
const SQL = {
  family: `${LIST} (session = $2 OR session = $3 OR (session > $4 AND session < $5)) ORDER BY session`,
  after: `${LIST} session > $2 ORDER BY session LIMIT ${CHUNK}`,
  erase: 'SELECT baton_session_erase($1, $2, $3, $4) AS more',
} as const;

/**
 * All sessions of a tenant in a PostgreSQL database, to erase or to prune: alone, or by a `RunStore` with the runs that
 * wrote to them. Rows are deleted; that `VACUUM` frees their pages, and what backups and the server's write-ahead log
 * hold, is up to whoever runs the server.
 *
 * @throws UserError when an option is unfit
 *
 * @example no-run
 * import { postgresSessions } from '@baton/agents';
 *
 * const sessions = postgresSessions({ connectionString: process.env['DATABASE_URL'] ?? '', tenant: 'acme' });
 * console.log(await sessions.erase({ sessions: ['user_123'], runs: [] }));
 * await sessions.close();
 */
export function postgresSessions(options: PostgresSessionsOptions): SessionPlace {
  checkConnection(options, 'postgresSessions');
  const { tenant = 'default', timeoutMs = 30_000 } = options;
  if (tenant === '') throw new UserError('postgresSessions option `tenant` must be a non-empty string.');
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> => {
    opening ??= open(options).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  const ask = async (sql: string, values: unknown[], session = ''): Promise<Rows> => {
    const deadline: Deadline = { at: performance.now() + timeoutMs, ms: timeoutMs };
    const { connections, place, judge, migrateSessions, refused } = await opened();
    // Done twice is done once: what is gone is not counted by rows.
    const command: Command = { do: 'read', limit: 0, tolerant: false, tenant, session };
    return persist(
      deadline,
      async () => {
        await migrateSessions((text, given) => connections.query(deadline, text, given), place);
        return connections.query(deadline, sql, values);
      },
      (error) => judge(refused(error, { session }), { place, deadline, command, mayHaveWritten: false }),
    );
  };
  return sessionPlace({
    list: async (of) =>
      'family' in of
        ? (await ask(SQL.family, [tenant, ...familyOf(of.family)])).map(listed)
        : (await ask(SQL.after, [tenant, of.after])).map(listed),
    eraseChunk: async (session, runs) => {
      const [row] = await ask(SQL.erase, [tenant, session, CHUNK, runs], session);
      return { more: row?.['more'] === true };
    },
    close: async () => (await opening?.catch(() => undefined))?.connections.release(),
  });
}

const listed = (row: Rows[number]): Listed => ({
  id: String(row['session']),
  savedAt: row['saved_at'] === null ? undefined : Number(row['saved_at']),
  isHeld: row['is_held'] === true,
});

type Opened = {
  readonly connections: Connections;
  readonly place: string;
  readonly judge: typeof Judge;
  readonly migrateSessions: typeof Migrate;
  readonly refused: typeof Refused;
};

async function open(options: PostgresSessionsOptions): Promise<Opened> {
  const [{ connectionsOf }, { judge }, { migrateSessions }, { refused }] = await Promise.all([
    import('../../store/postgres/connections.ts'),
    import('./failure.ts'),
    import('./schema.ts'),
    import('./store.ts'),
  ]);
  return { ...(await connectionsOf(options, 'postgresSessions')), judge, migrateSessions, refused };
}
