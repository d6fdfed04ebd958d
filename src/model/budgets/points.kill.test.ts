/** A process that is really killed at each point between reserve and settle, with its ledger in a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectCoveredAtEveryPoint } from './processes.fixture.ts';

test('wherever a process dies, the books cover the bill, and the repeat is paid anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-budget-'));
  try {
    await expectCoveredAtEveryPoint({ kind: 'sqlite', at: join(folder, 'x.db'), tenant: 'acme' });
    expect.hasAssertions();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 300_000);
