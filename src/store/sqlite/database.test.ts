import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteLog } from '../../log/index.ts';
import { sqliteLedger } from '../../model/budgets/index.ts';
import { SQLiteSession } from '../../session/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-mode-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mode = (file: string): string => (statSync(join(folder, file)).mode & 0o777).toString(8);
/** Of a file that is in use, so that its journal and shared memory are there. */
const modes = (): Record<string, string> => Object.fromEntries(readdirSync(folder).map((file) => [file, mode(file)]));

type Used = { readonly close: () => Promise<void> };
const stores: Record<string, (path: string) => Promise<Used>> = {
  SQLiteSession: async (dbPath) => {
    const session = new SQLiteSession('s', { dbPath });
    await session.addItems([{ type: 'message', role: 'user', content: 'My number is 4711.' }]);
    return session;
  },
  sqliteLog: async (path) => {
    const log = sqliteLog({ path });
    await log.append({ runId: 'r', position: 0, fence: 0, create: { agent: 'A', worker: 'w' }, events: [] });
    return log;
  },
  sqliteLedger: async (path) => {
    const ledger = sqliteLedger({ path });
    await ledger.balance({ tenant: 't', budget: 'b' });
    return ledger;
  },
};

describe.runIf(process.platform !== 'win32').each(Object.entries(stores))('the file of %s', (_name, use) => {
  test("is its owner's alone, with its journal and shared memory", async () => {
    const store = await use(join(folder, 'x.db'));
    expect(modes()).toEqual({ 'x.db': '600', 'x.db-wal': '600', 'x.db-shm': '600' });
    await store.close();
  });

  test('keeps the mode that it has', async () => {
    writeFileSync(join(folder, 'x.db'), '');
    chmodSync(join(folder, 'x.db'), 0o640);
    const store = await use(join(folder, 'x.db'));
    expect(modes()).toEqual({ 'x.db': '640', 'x.db-wal': '640', 'x.db-shm': '640' });
    await store.close();
  });

  test("is its owner's alone behind a link, too", async () => {
    symlinkSync(join(folder, 'x.db'), join(folder, 'link.db'));
    const store = await use(join(folder, 'link.db'));
    expect(mode('x.db')).toBe('600');
    await store.close();
  });
});
