/** Processes that share one ledger on a server, and processes that are killed. */
import { describe, test } from 'vitest';
import { expectCoveredAtEveryPoint, expectKilledIsCounted, expectSharedCap } from './processes.fixture.ts';
import type { Shared } from './spender.fixture.ts';

const SERVERS: [Shared['kind'], string][] = [
  ['postgres', process.env['BATON_POSTGRES_URL'] ?? ''],
  ['redis', process.env['BATON_REDIS_URL'] ?? ''],
];

for (const [kind, at] of SERVERS) {
  describe.skipIf(at === '')(`a ledger in ${kind}`, () => {
    const fresh = (): Shared => ({ kind, at, tenant: crypto.randomUUID() });

    test('four processes share a cap: the bill stays below it, and what fits is made', async () => {
      await expectSharedCap(fresh());
    }, 60_000);

    test('a process that is killed leaves its calls counted: the bill stays below the cap', async () => {
      await expectKilledIsCounted(fresh());
    }, 60_000);

    test('wherever a process dies, the books cover the bill, and the repeat is paid anew', async () => {
      await expectCoveredAtEveryPoint(fresh());
    }, 300_000);
  });
}
