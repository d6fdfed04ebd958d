/** A board in Redis: for processes on many hosts. */
import { UserError } from '../../protocol/errors.ts';
import { node } from '../../protocol/node.ts';
import type { Link, RedisClient } from '../../store/redis/connections.ts';
import { SLOT_MS, type HealthBoard, type HealthReport, type HealthView } from './board.ts';
import type { Closed } from './breaker.ts';

/** Exactly one of `url` and `client`. */
export type RedisHealthBoardOptions = {
  /** Such as `redis://user:password@host:6379/0`; `rediss:` with TLS. Shared with other stores of the same URL. */
  url?: string;
  /** A connected client of `redis`. It stays yours: `close()` leaves it open. */
  client?: RedisClient;
  /** What the keys begin with. Without braces. Those who share it share their health. @default 'baton:health' */
  keyPrefix?: string;
  /** How often it is looked at while calls are made, in milliseconds. @default 1000 */
  everyMs?: number;
  /** How long an answer is waited for, in milliseconds. No call waits for it. @default 2000 */
  timeoutMs?: number;
};

/**
 * A board in Redis. It holds nothing for longer than it is true (a rest, or a minute), and may lose all of it.
 *
 * @example no-run
 * import { createRouter, redisHealthBoard } from '@baton/agents';
 *
 * const healthBoard = redisHealthBoard({ url: process.env['REDIS_URL'] ?? '' });
 * const models = createRouter({ healthBoard, models: { main: { model: 'openai/gpt-5.4', rpm: 500 } } });
 * @throws UserError when an option is unfit
 */
export function redisHealthBoard(options: RedisHealthBoardOptions): HealthBoard {
  const { url, client, keyPrefix = 'baton:health', everyMs = 1000, timeoutMs = 2000 } = options;
  if ((url === undefined) === (client === undefined)) {
    throw new UserError('redisHealthBoard needs exactly one of `url` and `client`.');
  }
  // The text is not repeated: it may hold a password.
  if (url !== undefined && !/^rediss?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw new UserError('redisHealthBoard option `url` must begin with redis:// or rediss://.');
  }
  if (keyPrefix === '' || /[{}]/.test(keyPrefix)) {
    throw new UserError(`redisHealthBoard option \`keyPrefix\` must be a text without braces. Got "${keyPrefix}".`);
  }
  for (const [name, ms] of Object.entries({ everyMs, timeoutMs })) {
    if (!(ms > 0)) throw new UserError(`redisHealthBoard option \`${name}\` must be above 0. Got ${ms}.`);
  }
  let opening: Promise<Link> | undefined;
  let isClosed = false;
  const hash = node.crypto.createHash('sha1').update(EXCHANGE).digest('hex');
  return {
    everyMs,
    async exchange(me, reports) {
      // Its routers may live on: each goes by what it knows itself.
      if (isClosed) return [];
      const link = await (opening ??= open(options));
      const deadline = { at: performance.now() + timeoutMs, ms: timeoutMs };
      return viewsOf(reports, await send((args) => link.send(deadline, args), { hash, keyPrefix, me, reports }));
    },
    async close() {
      isClosed = true;
      await (await opening)?.release();
    },
  };
}

/** Loaded late: most programs need none of it. */
async function open({ url = '', client }: RedisHealthBoardOptions): Promise<Link> {
  const { linkOf, ownLink } = await import('../../store/redis/connections.ts');
  return client ? linkOf(client) : ownLink(url, 'redisHealthBoard');
}

/**
 * Two keys an endpoint: why it rests, for as long as it does; and what was asked of it, by slots of time and process.
 * ARGV: who asks, the length of a slot in ms, then by fours: for how long it rests (0: no more, empty: nothing new), why,
 * requests, tokens. Gives by fours: why it rests or nothing, for how long, requests and tokens of others.
 */
const EXCHANGE = `
local me, answer = ARGV[1], {}
local time = redis.call('TIME')
local slot = math.floor((time[1] * 1000 + time[2] / 1000) / tonumber(ARGV[2]))
local slots = math.ceil(60000 / tonumber(ARGV[2]))
for i = 1, #KEYS / 2 do
  local rest, use, at = KEYS[2 * i - 1], KEYS[2 * i], 4 * i - 1
  local forMs, why, asked = ARGV[at], ARGV[at + 1], { r = tonumber(ARGV[at + 2]), t = tonumber(ARGV[at + 3]) }
  if forMs == '0' then redis.call('DEL', rest)
  elseif forMs ~= '' and redis.call('PTTL', rest) < tonumber(forMs) then redis.call('SET', rest, why, 'PX', forMs) end
  for unit, amount in pairs(asked) do
    if amount > 0 then
      redis.call('HINCRBY', use, string.format('%.0f %s %s', slot, unit, me), string.format('%.0f', amount))
      redis.call('PEXPIRE', use, 70000)
    end
  end
  local others = { r = 0, t = 0 }
  local all = redis.call('HGETALL', use)
  for j = 1, #all, 2 do
    local when, unit, who = string.match(all[j], '^(%d+) (%a) (.*)$')
    if tonumber(when) < slot - slots then redis.call('HDEL', use, all[j])
    elseif who ~= me then others[unit] = others[unit] + tonumber(all[j + 1]) end
  end
  local left = redis.call('PTTL', rest)
  answer[#answer + 1] = redis.call('GET', rest) or ''
  answer[#answer + 1] = string.format('%.0f', left)
  answer[#answer + 1] = string.format('%.0f', others.r)
  answer[#answer + 1] = string.format('%.0f', others.t)
end
return answer
`;

type Asked = { hash: string; keyPrefix: string; me: string; reports: readonly HealthReport[] };

async function send(
  command: (args: string[]) => Promise<unknown>,
  { hash, keyPrefix, me, reports }: Asked,
): Promise<readonly string[]> {
  // In braces is what Redis Cluster places a key by: one look is one script on one server.
  const keys = reports.flatMap(({ key }) => [`{${keyPrefix}}:rest:${key}`, `{${keyPrefix}}:use:${key}`]);
  const args = reports.flatMap(({ rests, requests, tokens }) => [
    rests === undefined ? '' : rests === null ? '0' : String(Math.ceil(rests.forMs)),
    rests?.why ?? '',
    String(requests),
    String(Math.round(tokens)),
  ]);
  const rest = [String(keys.length), ...keys, me, String(SLOT_MS), ...args];
  let reply: unknown;
  try {
    reply = await command(['EVALSHA', hash, ...rest]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    reply = await command(['EVAL', EXCHANGE, ...rest]);
  }
  return Array.isArray(reply) ? reply.map(String) : [];
}

const REASONS: readonly Closed['why'][] = ['cooldown', 'breaker', 'quota', 'config'];

function viewsOf(reports: readonly HealthReport[], reply: readonly string[]): HealthView[] {
  return reports.map(({ key }, at): HealthView => {
    const [said, forMs, requests, tokens] = reply.slice(4 * at, 4 * at + 4);
    const why = REASONS.find((reason) => reason === said);
    const rests = why && Number(forMs) > 0 ? { why, forMs: Number(forMs) } : undefined;
    return { key, ...(rests && { rests }), requests: Number(requests ?? 0), tokens: Number(tokens ?? 0) };
  });
}
