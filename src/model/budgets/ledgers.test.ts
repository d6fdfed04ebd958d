/** Ledgers of this machine, by the suite of all; those on servers are tested beside their code. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { budgetLedgerConformance } from '../../testing/index.ts';
import { expectAgreement } from './agreement.fixture.ts';
import { memoryLedger, sqliteLedger } from './index.ts';

describe('memoryLedger', () => {
  for (const { name, run } of budgetLedgerConformance({ create: memoryLedger })) test(name, run);
});

describe('sqliteLedger', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-ledger-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const open = (): ReturnType<typeof sqliteLedger> => sqliteLedger({ path: join(folder, 'x.db') });
  for (const { name, run } of budgetLedgerConformance({ create: open, reopen: open })) test(name, run);

  test('agrees with one in memory on every sequence of calls', async () => {
    await expectAgreement(open, 30);
  });
});
