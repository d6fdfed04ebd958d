/** What every server's session must do when its server or its network fails: cases for the tests of the drivers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Running } from '../../../scripts/services/service.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import { SessionError } from '../errors.ts';
import type { PositionedSession } from '../../testing/session-cases/support.ts';
import { startProxy } from '../../store/proxy.fixture.ts';

type Opened = PositionedSession & { close(): Promise<void> };
export type Trouble = {
  readonly open: (id: string, options: { url: string; timeoutMs?: number }) => Opened;
  /** A server of its own, which the cases end and start. */
  readonly start: () => Promise<Running>;
  readonly urlOf: (running: Running) => string;
  readonly password: (url: string) => string;
};

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const textsOf = (items: AgentInputItem[]): string[] =>
  items.map((item) => ('content' in item ? String(item.content) : ''));
const errorOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => error,
  );

/** @param url of a server that keeps running */
export function troubleCases(url: string, { open, start, urlOf, password }: Trouble): void {
  test.each(['kill', 'stop'] as const)(
    'a server that is restarted (%s) while sessions write: they wait and go on, and nothing acknowledged is lost',
    async (how) => {
      const running = await start();
      const address = urlOf(running);
      const sessions = Array.from({ length: 8 }, (_, n) => open(`s${n}`, { url: address }));
      const acknowledged = sessions.map((): string[] => []);
      const errors: unknown[] = [];
      let isOver = false;
      const writing = sessions.map(async (session, s) => {
        for (let n = 0; !isOver; n++) {
          const text = `${s}/${n}`;
          const error = await errorOf(session.append([user(`${text} a`), user(`${text} b`)], { operationId: text }));
          if (error) errors.push(error);
          else acknowledged[s]?.push(text);
        }
      });
      for (let round = 0; round < 3; round++) {
        const before = acknowledged.flat().length;
        while (acknowledged.flat().length < before + 100) await sleep(5);
        await running.restart(how);
      }
      await sleep(300);
      isOver = true;
      await Promise.all(writing);
      expect(errors).toEqual([]);
      for (const [s, session] of sessions.entries()) {
        const expected = (acknowledged[s] ?? []).flatMap((text) => [`${text} a`, `${text} b`]);
        expect(textsOf(await session.getItems())).toEqual(expected);
        await session.close();
      }
      await running.stop();
    },
    120_000,
  );

  test('a server that is down is waited for within the time, and then the error says so; afterwards calls go through', async () => {
    const running = await start();
    const address = urlOf(running);
    const session = open('s', { url: address, timeoutMs: 700 });
    await session.addItems([user('a')]);
    const proxied = await startProxy(address);
    await proxied.close();
    const nobody = open('s', { url: proxied.url, timeoutMs: 300 });
    const error = await errorOf(nobody.addItems([user('b')]));
    expect(error).toMatchObject({ code: 'session/unreachable' });
    await nobody.close();
    expect(textsOf(await session.getItems())).toEqual(['a']);
    await session.close();
    await running.stop();
  }, 60_000);

  test('a connection that is cut is made again', async () => {
    const proxy = await startProxy(url);
    const session = open(`cut-${crypto.randomUUID()}`, { url: proxy.url });
    for (let n = 0; n < 5; n++) {
      await session.append([user(`${n}`)], { operationId: `o${n}` });
      proxy.cut();
    }
    expect(textsOf(await session.getItems())).toEqual(['0', '1', '2', '3', '4']);
    await session.close();
    await proxy.close();
  });

  test('an answer that is lost on the way: an operation is asked for again and done once', async () => {
    const proxy = await startProxy(url);
    const session = open(`lost-${crypto.randomUUID()}`, { url: proxy.url });
    await session.getItems();
    for (let n = 0; n < 5; n++) {
      proxy.cutAfterNextRequest();
      await session.append([user(`${n}`)], { operationId: `o${n}` });
    }
    expect(textsOf(await session.getItems())).toEqual(['0', '1', '2', '3', '4']);
    await session.close();
    await proxy.close();
  });

  test('an answer that is lost on the way: without an operation id the error says that nobody knows', async () => {
    const proxy = await startProxy(url);
    const session = open(`unsure-${crypto.randomUUID()}`, { url: proxy.url });
    await session.getItems();
    proxy.cutAfterNextRequest();
    expect(await errorOf(session.addItems([user('a')]))).toMatchObject({ code: 'session/lost' });
    expect(textsOf(await session.getItems())).toEqual(['a']);
    proxy.cutAfterNextRequest();
    // A driver that looks before it takes may have lost the look only, and then goes on.
    const popped = await session.popItem().catch((error: unknown) => error);
    if (popped instanceof Error) expect(popped).toMatchObject({ code: 'session/lost' });
    else expect(popped).toEqual(user('a'));
    expect(await session.getItems()).toEqual([]);
    await session.close();
    await proxy.close();
  });

  test('a network that swallows everything ends in an error within the time, and the next call gets a new connection', async () => {
    const proxy = await startProxy(url);
    const session = open(`hole-${crypto.randomUUID()}`, { url: proxy.url, timeoutMs: 400 });
    await session.addItems([user('a')]);
    proxy.swallow(true);
    for (const act of [() => session.addItems([user('b')]), () => session.getItems()]) {
      const error = await errorOf(act());
      expect(error).toBeInstanceOf(SessionError);
      expect(['session/lost', 'session/unreachable']).toContain(error instanceof SessionError ? error.code : '');
    }
    proxy.swallow(false);
    await session.addItems([user('c')]);
    expect(textsOf(await session.getItems())).toEqual(['a', 'c']);
    await session.close();
    await proxy.close();
  });

  test('a wrong password fails at once, and no error holds a password', async () => {
    const secret = 'sesame-open-please';
    const wrong = url.replace(password(url), secret);
    const session = open('s', { url: wrong });
    const error = await errorOf(session.addItems([user('a')]));
    expect(error).toMatchObject({ code: 'session/cannot-open' });
    const proxied = open('s', { url: wrong.replace(/:\d+(\/|$)/, ':1$1'), timeoutMs: 200 });
    const other = await errorOf(proxied.addItems([user('a')]));
    for (const one of [error, other]) {
      const all = one instanceof Error ? `${one.stack} ${String(one.cause)} ${JSON.stringify(one)}` : '';
      expect(all).not.toBe('');
      expect(all).not.toContain(secret);
      expect(all).not.toContain(password(url));
    }
    await Promise.all([session.close(), proxied.close()]);
  });
}
