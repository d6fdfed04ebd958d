import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Command } from './commands.ts';
import { openFileStore } from './stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'baton-stores-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const append: Command = { do: 'append', tenant: 't', session: 's', rows: [{ text: '{}' }] };

test('when the thread dies, what waits for it is told so, and the next command gets another thread', async () => {
  const store = openFileStore(join(folder, 'x.db'), 'full');
  await store.request(append, 5000);
  // A command that is none throws where nothing catches it.
  const fatal = store.request(null as unknown as Command, 5000);
  const waiting = store.request(append, 5000);
  await expect(fatal).rejects.toMatchObject({ code: 'session/lost' });
  await expect(waiting).rejects.toThrow(`The writer thread of ${join(folder, 'x.db')} ended before it answered`);
  await store.request(append, 5000);
  const { texts } = await store.request({ do: 'read', tenant: 't', session: 's', limit: -1, tolerant: false }, 5000);
  expect(texts?.slice(0, 2)).toEqual(['{}', '{}']);
  await store.release();
});

test('a file that nobody holds any more can be opened anew, with other options', async () => {
  const path = join(folder, 'y.db');
  const first = openFileStore(path, 'full');
  const second = openFileStore(path, 'full');
  await first.request(append, 5000);
  await first.release();
  expect(() => openFileStore(path, 'normal')).toThrow('already open');
  await second.release();
  const third = openFileStore(path, 'normal');
  expect(await third.request(append, 5000)).toEqual({ position: { generation: 1, first: 2, last: 2 } });
  await third.release();
});
