/** The sessions of a tenant in Redis, as a place that can forget them. */
import { UserError } from '../../protocol/errors.ts';
import type { Deadline } from '../../store/deadline.ts';
import { persist } from '../../store/deadline.ts';
import type { ErasablePlace, Erasure } from '../../store/erase.ts';
import type { Command } from '../sqlite/commands.ts';
import type { Link, RedisClient } from '../../store/redis/connections.ts';
import type { judge as Judge } from './failure.ts';

/** Exactly one of `url` and `client`. */
export type RedisSessionsOptions = {
  /** As its sessions have it. */
  url?: string;
  client?: RedisClient;
  /** @default 'baton:session' */
  keyPrefix?: string;
  /** Whose sessions. @default 'default' */
  tenant?: string;
  /** How long a command may take, in milliseconds. @default 30000 */
  timeoutMs?: number;
};

/** How many keys a look at the keyspace goes through. */
const STEP = 1000;

/**
 * All sessions of a tenant in Redis, to erase: alone, or by a `RunStore` with the runs that wrote to them. Their keys
 * are looked for among all keys of the database, a thousand at a time. For sessions that grow old there is `ttlSeconds`.
 * Snapshots and append-only files are the operator's: `BGREWRITEAOF` and `BGSAVE` replace them.
 *
 * @throws UserError when an option is unfit
 *
 * @example no-run
 * import { redisSessions } from '@baton/agents';
 *
 * const sessions = redisSessions({ url: process.env['REDIS_URL'] ?? '', tenant: 'acme' });
 * console.log(await sessions.erase({ sessions: ['user_123'], runs: [] }));
 * await sessions.close();
 */
export function redisSessions(options: RedisSessionsOptions): ErasablePlace {
  const { url, client, keyPrefix = 'baton:session', tenant = 'default', timeoutMs = 30_000 } = options;
  if ((url === undefined) === (client === undefined)) {
    throw new UserError('redisSessions needs exactly one of `url` and `client`.');
  }
  if (tenant === '') throw new UserError('redisSessions option `tenant` must be a non-empty string.');
  let opening: Promise<Opened> | undefined;
  const send = async (args: string[]): Promise<unknown> => {
    const { link, place, judge } = await (opening ??= open(options));
    const deadline: Deadline = { at: performance.now() + timeoutMs, ms: timeoutMs };
    // To look, or to delete what may be gone: done twice is done once.
    const command: Command = { do: 'read', limit: 0, tolerant: false, tenant, session: '' };
    return persist(
      deadline,
      () => link.send(deadline, args),
      (error) => judge(error, { place, deadline, command, mayHaveWritten: false }),
    );
  };
  return {
    name: 'sessions',
    async erase({ sessions, all = false }: Erasure) {
      const of = `${keyPrefix}:{${encodeURIComponent(tenant)}:`;
      const ids = all ? undefined : sessions.map((id) => encodeURIComponent(id));
      // With one session the server leaves out the rest; the rule below is the one that counts.
      const [only, ...others] = ids ?? [];
      const pattern = `${glob(of)}${only !== undefined && others.length === 0 ? glob(only) : ''}*`;
      const erased = new Set<string>();
      if (ids?.length === 0) return 0;
      let cursor = '0';
      do {
        const reply = await send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(STEP)]);
        const [next, found]: unknown[] = Array.isArray(reply) ? reply : [];
        cursor = typeof next === 'string' ? next : '0';
        const keys = (Array.isArray(found) ? found.map(String) : []).filter((key) => key.startsWith(of));
        const mine = keys.filter((key) => !ids || isOf(sessionOf(key, of), ids));
        for (const key of mine) {
          await send(['UNLINK', key]);
          erased.add(sessionOf(key, of));
        }
      } while (cursor !== '0');
      return erased.size;
    },
    close: async () => (await opening?.catch(() => undefined))?.link.release(),
  };
}

/** The session's id as the key has it. */
const sessionOf = (key: string, of: string): string => key.slice(of.length, key.indexOf('}', of.length));

/** The session itself, or what a `BranchedSession` keeps for it. */
const isOf = (found: string, ids: readonly string[]): boolean =>
  ids.some((id) => found === id || found === `${id}%2Fbranches` || found.startsWith(`${id}%2Fbranch%2F`));

/** As a pattern that fits the text and nothing else. */
const glob = (text: string): string => text.replace(/[\\*?[\]]/g, String.raw`\$&`);

type Opened = { readonly link: Link; readonly place: string; readonly judge: typeof Judge };

async function open({ url = '', client }: RedisSessionsOptions): Promise<Opened> {
  const [{ linkOf, ownLink }, { judge }] = await Promise.all([
    import('../../store/redis/connections.ts'),
    import('./failure.ts'),
  ]);
  const place = client ? 'The Redis server' : `The Redis server at ${new URL(url).host}`;
  return { link: client ? linkOf(client) : ownLink(url, 'redisSessions'), place, judge };
}
