/** The sessions of a tenant in Redis, as a place that can forget them. */
import { UserError } from '../../protocol/errors.ts';
import type { Deadline } from '../../store/deadline.ts';
import { persist } from '../../store/deadline.ts';
import type { Listed, PlaceStore, SessionPlace } from '../place.ts';
import { sessionPlace } from '../place.ts';
import type { Command } from '../sqlite/commands.ts';
import type { Link, RedisClient } from '../../store/redis/connections.ts';
import { refusal } from '../turns/stored.ts';
import type { judge as Judge } from './failure.ts';
import type { keysOf as KeysOf } from './store.ts';

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

/** How many keys a look at the keyspace goes through, and how many sessions a page has. */
const STEP = 1000;

/**
 * All sessions of a tenant in Redis, to erase or to prune: alone, or by a `RunStore` with the runs that wrote to them.
 * Their keys are looked for among all keys of the database, a thousand at a time. For sessions that grow old there is
 * `ttlSeconds` too. Of a session that an earlier version wrote last nobody knows when that was: pruning leaves it.
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
export function redisSessions(options: RedisSessionsOptions): SessionPlace {
  const { url, client, keyPrefix = 'baton:session', tenant = 'default', timeoutMs = 30_000 } = options;
  if ((url === undefined) === (client === undefined)) {
    throw new UserError('redisSessions needs exactly one of `url` and `client`.');
  }
  if (tenant === '') throw new UserError('redisSessions option `tenant` must be a non-empty string.');
  return sessionPlace(placeStore(options, { keyPrefix, tenant, timeoutMs }));
}

type Settings = { readonly keyPrefix: string; readonly tenant: string; readonly timeoutMs: number };

function placeStore(options: RedisSessionsOptions, { keyPrefix, tenant, timeoutMs }: Settings): PlaceStore {
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> => (opening ??= open(options));
  const send = async (args: string[]): Promise<unknown> => {
    const { link, place, judge } = await opened();
    const deadline: Deadline = { at: performance.now() + timeoutMs, ms: timeoutMs };
    // To look, or to delete what may be gone: done twice is done once.
    const command: Command = { do: 'read', limit: 0, tolerant: false, tenant, session: '' };
    return persist(
      deadline,
      () => link.send(deadline, args),
      (error) => judge(error, { place, deadline, command, mayHaveWritten: false }),
    );
  };
  const of = `${keyPrefix}:{${encodeURIComponent(tenant)}:`;
  const look = async (session: string): Promise<Listed> => {
    const [head = '', , , , turn = ''] = (await opened()).keysOf({ keyPrefix }, { tenant, session });
    const [saved, line] = await Promise.all([send(['HGET', head, 'saved']), send(['GET', turn])]);
    return {
      id: session,
      savedAt: typeof saved === 'string' ? Number(saved) : undefined,
      isHeld: typeof line === 'string' && line.includes('"holder"'),
    };
  };
  return {
    async list(which) {
      const family = 'family' in which ? encodeURIComponent(which.family) : undefined;
      const after = 'after' in which ? which.after : '';
      const ids = (await idsOf(send, of, family ?? ''))
        .filter((id) => family === undefined || isOf(id, family))
        .map(decodeURIComponent)
        .filter((id) => id > after)
        .toSorted((a, b) => (a < b ? -1 : 1));
      const listed: Listed[] = [];
      for (const id of ids.slice(0, STEP)) listed.push(await look(id));
      return listed;
    },
    async eraseChunk(session, runs) {
      const { keysOf, script } = await opened();
      const keys = keysOf({ keyPrefix }, { tenant, session });
      const line = await send(['EVAL', script, String(keys.length), ...keys, ...runs]);
      if (typeof line === 'string' && line !== '') throw refusal('taken', line, session);
      return { more: false };
    },
    close: async () => (await opening?.catch(() => undefined))?.link.release(),
  };
}

type Send = (args: string[]) => Promise<unknown>;

/** Sessions that have a key, as keys have their ids. The server leaves out what it can tell by how they begin. */
async function idsOf(send: Send, of: string, beginning: string): Promise<string[]> {
  const ids = new Set<string>();
  let cursor = '0';
  do {
    const reply = await send(['SCAN', cursor, 'MATCH', `${glob(of)}${glob(beginning)}*`, 'COUNT', String(STEP)]);
    const [next, found]: unknown[] = Array.isArray(reply) ? reply : [];
    cursor = typeof next === 'string' ? next : '0';
    const keys = Array.isArray(found) ? found.map(String) : [];
    for (const key of keys) if (key.startsWith(of)) ids.add(sessionOf(key, of));
  } while (cursor !== '0');
  return [...ids];
}

/** The session's id as the key has it. */
const sessionOf = (key: string, of: string): string => key.slice(of.length, key.indexOf('}', of.length));

/** The session itself, or what a `BranchedSession` keeps for it. */
const isOf = (found: string, id: string): boolean =>
  found === id || found === `${id}%2Fbranches` || found.startsWith(`${id}%2Fbranch%2F`);

/** As a pattern that fits the text and nothing else. */
const glob = (text: string): string => text.replace(/[\\*?[\]]/g, String.raw`\$&`);

type Opened = {
  readonly link: Link;
  readonly place: string;
  readonly judge: typeof Judge;
  readonly keysOf: typeof KeysOf;
  /** That forgets a session. */
  readonly script: string;
};

async function open({ url = '', client }: RedisSessionsOptions): Promise<Opened> {
  const [{ linkOf, ownLink }, { judge }, { keysOf }, { SCRIPTS }] = await Promise.all([
    import('../../store/redis/connections.ts'),
    import('./failure.ts'),
    import('./store.ts'),
    import('./scripts.ts'),
  ]);
  const place = client ? 'The Redis server' : `The Redis server at ${new URL(url).host}`;
  const link = client ? linkOf(client) : ownLink(url, 'redisSessions');
  return { link, place, judge, keysOf, script: SCRIPTS.erase };
}
