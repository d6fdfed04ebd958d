import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AgentInputItem } from '../../protocol/items.ts';
import { SessionError } from '../errors.ts';
import { MemorySession } from '../memory-session.ts';
import type { Session } from '../types.ts';
import { EncryptedSession } from './encrypted-session.ts';

const keys = [{ id: 'k1', key: new Uint8Array(32).fill(7) }];
const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const NOTICED = ['session/tampered', 'session/wrong-key', 'session/reordered', 'session/plaintext'];

/** Rows of a session of some items, as the store has them. */
async function rowsOf(
  contents: readonly string[],
  scope: { sessionId?: string; tenant?: string } = {},
): Promise<string[]> {
  const inner = new MemorySession({ sessionId: scope.sessionId ?? 's1' });
  await new EncryptedSession(inner, { keys, tenant: scope.tenant }).addItems(contents.map(user));
  return (await inner.getItems()).map((row) => JSON.stringify(row));
}

/** A store that holds just these rows, whatever they are. */
function storeOf(rows: readonly string[]): Session {
  const parsed: AgentInputItem[] = rows.map((row) => JSON.parse(row) as AgentInputItem);
  return new MemorySession({ sessionId: 's1', initialItems: parsed });
}

async function verdict(rows: readonly string[]): Promise<unknown> {
  try {
    return await new EncryptedSession(storeOf(rows), { keys }).getItems();
  } catch (error) {
    return error instanceof SessionError ? error.code : error;
  }
}

test('every changed character of a row is noticed', async () => {
  const rows = await rowsOf(['one', 'two', 'three']);
  const alphabet = 'AZaz09-_:.{}"';
  const missed: string[] = [];
  for (const [at, row] of rows.entries()) {
    for (let n = 0; n < row.length; n++) {
      for (const character of [alphabet[n % alphabet.length] ?? 'A', 'B', String.fromCharCode(row.charCodeAt(n) ^ 1)]) {
        if (character === row[n]) continue;
        const changed = row.slice(0, n) + character + row.slice(n + 1);
        try {
          JSON.parse(changed);
        } catch {
          continue;
        }
        const found = await verdict(rows.with(at, changed));
        if (!NOTICED.includes(String(found))) missed.push(`${at}/${n}: ${JSON.stringify(found)}`);
      }
    }
  }
  expect(missed).toEqual([]);
});

test('rows in any other order, repeated or left out are noticed, but for a cut end', async () => {
  const contents = ['a', 'b', 'c', 'd', 'e'];
  const rows = await rowsOf(contents);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(rows.length - 1), { maxLength: 8 }), async (order) => {
      const found = await verdict(order.map((n) => rows[n] ?? ''));
      const isPrefix = order.every((n, index) => n === index);
      if (isPrefix) expect(found).toEqual(contents.slice(0, Math.max(0, order.length - 1)).map(user));
      else expect(found).toBe('session/reordered');
    }),
  );
});

test('rows of another session, another tenant or before a pop are noticed in any place', async () => {
  const mine = await rowsOf(['a', 'b', 'c']);
  const inner = new MemorySession({ sessionId: 's1' });
  const popped = new EncryptedSession(inner, { keys });
  await popped.addItems(['a', 'b'].map(user));
  const [old = ''] = (await inner.getItems(1)).map((row) => JSON.stringify(row));
  await popped.popItem();
  await popped.addItems(['B', 'C'].map(user));
  const now = (await inner.getItems()).map((row) => JSON.stringify(row));
  expect(await verdict(now.with(2, old))).toBe('session/reordered');

  const session = await rowsOf(['a', 'b', 'c'], { sessionId: 's2' });
  const tenant = await rowsOf(['a', 'b', 'c'], { tenant: 'other' });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(session, tenant), fc.nat(3), fc.nat(3), async (others, from, to) => {
      expect(await verdict(mine.with(to, others[from] ?? ''))).toBe('session/tampered');
      expect(await verdict(mine.toSpliced(to + 1, 0, others[from] ?? ''))).toBe('session/tampered');
    }),
  );
});

test('any JSON comes back as it was, and a random history behaves as a plain one', async () => {
  const item = fc.record({
    type: fc.constant('unknown' as const),
    providerData: fc.dictionary(fc.string(), fc.jsonValue()),
  });
  const command = fc.oneof(
    fc.record({ do: fc.constant('add' as const), items: fc.array(item, { maxLength: 3 }) }),
    fc.record({ do: fc.constant('pop' as const) }),
    fc.record({ do: fc.constant('clear' as const) }),
    fc.record({
      do: fc.constant('read' as const),
      limit: fc.option(fc.integer({ min: -1, max: 6 }), { nil: undefined }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
      const [plain, session] = [new MemorySession(), new EncryptedSession(new MemorySession(), { keys })];
      for (const each of commands) {
        if (each.do === 'add') for (const one of [plain, session]) await one.addItems(each.items);
        if (each.do === 'clear') for (const one of [plain, session]) await one.clearSession();
        if (each.do === 'pop') expect(json(await session.popItem())).toBe(json(await plain.popItem()));
        if (each.do === 'read')
          expect(json(await session.getItems(each.limit))).toBe(json(await plain.getItems(each.limit)));
      }
      expect(json(await session.getItems())).toBe(json(await plain.getItems()));
    }),
  );
});

const json = (value: unknown): string => JSON.stringify(value) ?? 'undefined';
