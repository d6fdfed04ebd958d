/** Processes that share one ledger in a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { expectKilledIsCounted, expectSharedCap } from './processes.fixture.ts';
import type { Shared } from './spender.fixture.ts';

let folder: string;
let shared: Shared;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-budget-'));
  shared = { kind: 'sqlite', at: join(folder, 'x.db'), tenant: 'acme' };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('four processes share a cap: the bill stays below it, and what fits is made', async () => {
  await expectSharedCap(shared);
}, 60_000);

test('a process that is killed leaves its calls counted: the bill stays below the cap', async () => {
  await expectKilledIsCounted(shared);
}, 60_000);
