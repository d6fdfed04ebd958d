import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startRedis } from '../../../scripts/services/redis.ts';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { RedisSession } from './redis-session.ts';
import type { RedisSessionOptions } from './redis-session.ts';

const url = process.env['BATON_REDIS_URL'] ?? '';
const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
let sessions = 0;
const freshId = (): string => `r${process.pid}-${++sessions}`;
const codeOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

test.each<[string, unknown, string]>([
  ['', { url: 'redis://x' }, '`sessionId` must be a non-empty string'],
  ['s', { url: 'redis://x', requireTenant: true }, 'needs option `tenant`'],
  ['s', { url: 'redis://x', timeoutMs: Number.NaN }, '`timeoutMs` must be above 0'],
  ['s', {}, 'exactly one of `url` and `client`'],
  ['s', { url: 'redis://x', client: {} }, 'exactly one of `url` and `client`'],
  ['s', { url: 'http://:secret@x' }, 'must begin with redis:// or rediss://.'],
  ['s', { url: 'redis://x', keyPrefix: 'a{b}' }, '`keyPrefix` must be a text without braces'],
  ['s', { url: 'redis://x', ttlSeconds: 0 }, '`ttlSeconds` must be above 0'],
  ['s', { url: 'redis://x', ttlSeconds: 1, ttlMode: 'x' }, "`ttlMode` must be 'sliding' or 'fixed'"],
])('the id %j with %j is refused', (id, options, message) => {
  expect(() => new RedisSession(id, options as RedisSessionOptions)).toThrow(message);
  expect(() => new RedisSession(id, options as RedisSessionOptions)).toThrow(UserError);
});

test('without the package redis the error says what to install', async () => {
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => { if (name === 'redis') throw new Error('none'); return next(name, context); } });`;
  const module = new URL('./redis-session.ts', import.meta.url).href;
  const script = `import { RedisSession } from '${module}';
    await new RedisSession('s', { url: 'redis://x' }).getItems().catch((e) => console.log(e.code, e.message));`;
  const preload = `data:text/javascript,${encodeURIComponent(hooks)}`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--import', preload, '--input-type=module', '-e', script]);
  expect(stdout).toContain('user/error RedisSession needs the package redis. Run "npm install redis"');
});

describe.skipIf(url === '')('keys', () => {
  const raw = createClient({ url });
  beforeAll(async () => void (await raw.connect()));
  afterAll(() => raw.destroy());
  const keysOf = (id: string): string[] =>
    ['head', 'items', 'ops', 'calls'].map((part) => `baton:session:{default:${id}}:${part}`);
  const call: AgentInputItem = { type: 'function_call', callId: 'c', name: 'f', arguments: '{}', status: 'completed' };

  test('a clear leaves no trace of what was said', async () => {
    const id = freshId();
    const session = new RedisSession(id, { url });
    await session.append([user('secret'), call], { operationId: 'o' });
    const [head = '', items = '', ops = '', calls = ''] = keysOf(id);
    const salt = await raw.hGet(head, 'salt');
    await session.clearSession();
    expect(await raw.exists([items, calls])).toBe(0);
    expect(await raw.hGet(head, 'salt')).not.toBe(salt);
    expect(JSON.stringify(await raw.hGetAll(ops))).not.toContain('secret');
    await session.close();
  });

  test('all keys of a session end together; every change puts that off, reading does not', async () => {
    const id = freshId();
    const session = new RedisSession(id, { url, ttlSeconds: 1000 });
    const ends = (): Promise<number[]> => Promise.all(keysOf(id).map((key) => raw.pExpireTime(key)));
    await session.append([user('a'), call], { operationId: 'o' });
    const first = await ends();
    expect(new Set(first).size).toBe(1);
    await sleep(5);
    await session.getItems();
    expect(await ends()).toEqual(first);
    await session.addItems([user('b')]);
    const second = await ends();
    expect(new Set(second).size).toBe(1);
    expect(second[0]).toBeGreaterThan(first[0] ?? Infinity);
    // A session that is opened without one does not break what another set.
    const other = new RedisSession(id, { url });
    await other.clearSession();
    await other.append([user('c'), call], { operationId: 'o2' });
    expect(await ends()).toEqual(second);
    await Promise.all([session.close(), other.close()]);
  });

  test('a fixed time to live counts from the first change', async () => {
    const id = freshId();
    const session = new RedisSession(id, { url, ttlSeconds: 1000, ttlMode: 'fixed' });
    await session.append([user('a'), call], { operationId: 'o' });
    const first = await raw.pExpireTime(keysOf(id)[0] ?? '');
    await sleep(5);
    await session.clearSession();
    await session.append([user('b'), call], { operationId: 'p' });
    for (const key of keysOf(id)) expect(await raw.pExpireTime(key)).toBe(first);
    await session.close();
  });

  test('a session whose time is over is empty', async () => {
    const id = freshId();
    const session = new RedisSession(id, { url, ttlSeconds: 0.05 });
    await session.append([user('a'), call], { operationId: 'o' });
    while ((await session.getItems()).length > 0) await sleep(10);
    expect(await raw.exists(keysOf(id))).toBe(0);
    await session.close();
  });

  test('a server that has forgotten the scripts is told them again', async () => {
    const session = new RedisSession(freshId(), { url });
    await session.addItems([user('a')]);
    await raw.scriptFlush();
    await session.addItems([user('b')]);
    expect(await session.getItems()).toEqual([user('a'), user('b')]);
    await session.close();
  });

  test('a server that threw the head away gives no position twice', async () => {
    const id = freshId();
    const session = new RedisSession(id, { url });
    await session.append([user('a'), user('b')]);
    await raw.del(keysOf(id)[0] ?? '');
    expect(await session.append([user('c')])).toMatchObject({ first: 3, last: 3 });
    await session.close();
  });

  test('keys that hold something else are said and left alone', async () => {
    const id = freshId();
    await raw.set(keysOf(id)[1] ?? '', 'mine');
    const session = new RedisSession(id, { url });
    await expect(session.addItems([user('a')])).rejects.toThrow('choose another keyPrefix');
    expect(await raw.get(keysOf(id)[1] ?? '')).toBe('mine');
    expect(await raw.exists(keysOf(id)[0] ?? '')).toBe(0);
    await session.close();
  });

  test('keys of a newer version are refused and not changed', async () => {
    await raw.set('newer:schema', '99');
    const session = new RedisSession(freshId(), { url, keyPrefix: 'newer' });
    expect(await codeOf(session.addItems([user('a')]))).toBe('session/newer-schema');
    expect(await raw.keys('newer:*')).toEqual(['newer:schema']);
    await session.close();
  });

  test('half characters in ids of operations and calls are kept apart', async () => {
    const session = new RedisSession(freshId(), { url });
    for (const id of ['\ud83d', '\udc00', '\ufffd', '\ud83d']) await session.append([user('x')], { operationId: id });
    expect(await session.getItems()).toHaveLength(3);
    await session.close();
  });

  test('a client that is handed in stays open', async () => {
    const session = new RedisSession(freshId(), { client: raw });
    await session.addItems([user('a')]);
    expect(await session.getItems()).toEqual([user('a')]);
    await session.close();
    expect(await raw.ping()).toBe('PONG');
  });

  test('a process that forgets to close its session ends', async () => {
    const module = new URL('./redis-session.ts', import.meta.url).href;
    const script = `import { RedisSession } from '${module}';
      const session = new RedisSession('${freshId()}', { url: process.env.BATON_REDIS_URL });
      await session.addItems([{ type: 'message', role: 'user', content: 'a' }]);
      console.log((await session.getItems()).length);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('1\n');
  });
});

describe.skipIf(url === '')('settings of the server', () => {
  const original = console.warn;
  let lines: string[] = [];
  beforeEach(() => {
    lines = [];
    console.warn = (line: string) => void lines.push(line);
  });
  afterEach(() => (console.warn = original));

  test('a server that keeps what it acknowledges is not warned of', async () => {
    const session = new RedisSession(freshId(), { url, requireDurable: true });
    await session.addItems([user('a')]);
    await session.close();
    expect(lines).toEqual([]);
  });

  test('one that does not is warned of once, or refused on request', async () => {
    const running = await startRedis({ appendonly: 'no', maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' });
    const address = running.env['BATON_REDIS_URL'] ?? '';
    const [one, other] = [new RedisSession('a', { url: address }), new RedisSession('b', { url: address })];
    await Promise.all([one.addItems([user('a')]), other.addItems([user('b')])]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('may lose sessions: appendonly is not "yes"');
    expect(lines[0]).toContain('maxmemory-policy is "allkeys-lru"');
    const strict = new RedisSession('a', { url: address, requireDurable: true });
    expect(await codeOf(strict.addItems([user('c')]))).toBe('session/not-durable');
    expect(await one.getItems()).toEqual([user('a')]);
    await Promise.all([one.close(), other.close(), strict.close()]);
    await running.stop();
  });

  test('where CONFIG is forbidden INFO tells it; where both are, that is said', async () => {
    const running = await startRedis({ appendonly: 'no' });
    const address = running.env['BATON_REDIS_URL'] ?? '';
    const admin = createClient({ url: address });
    await admin.connect();
    const as = (name: string): string => address.replace(/\/\/[^@]*@/, `//${name}:pw@`);
    await admin.sendCommand(['ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', '-config']);
    await admin.sendCommand(['ACL', 'SETUSER', 'less', 'on', '>pw', '~*', '+@all', '-config', '-info']);
    for (const name of ['app', 'less']) {
      const session = new RedisSession(name, { url: as(name) });
      await session.addItems([user('a')]);
      await session.close();
    }
    expect(lines[0]).toContain('appendonly is not "yes"');
    expect(lines[1]).toContain('it does not tell its settings');
    admin.destroy();
    await running.stop();
  });

  test('a server without memory, and a replica, refuse with typed errors and change nothing', async () => {
    const running = await startRedis();
    const address = running.env['BATON_REDIS_URL'] ?? '';
    const admin = createClient({ url: address });
    await admin.connect();
    const session = new RedisSession('s', { url: address });
    await session.append([user('a')]);
    await admin.configSet('maxmemory', '1');
    expect(await codeOf(session.addItems([user('b'), user('c')]))).toBe('session/full');
    expect(await session.getItems()).toEqual([user('a')]);
    await admin.configSet('maxmemory', '0');
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
    expect(await codeOf(session.addItems([user('d')]))).toBe('session/read-only');
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    expect(await session.append([user('e')])).toMatchObject({ first: 2, last: 2 });
    admin.destroy();
    await session.close();
    await running.stop();
  });

  test('in a cluster all keys of a session are in one slot, whatever its id', async () => {
    const running = await startRedis({ 'cluster-enabled': 'yes' });
    const address = running.env['BATON_REDIS_URL'] ?? '';
    const admin = createClient({ url: address });
    await admin.connect();
    await admin.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    for (const id of ['a', '}{', '{x}', 'ü:€', '%7B']) {
      const session = new RedisSession(id, { url: address, tenant: '{t}' });
      await session.append([user(id)], { operationId: 'o' });
      expect(await session.popItem()).toEqual(user(id));
      await session.clearSession();
      await session.close();
    }
    admin.destroy();
    await running.stop();
  });
});
