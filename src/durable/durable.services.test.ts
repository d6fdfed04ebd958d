/** The tests of durable runs, on PostgreSQL: `kinds` of logs.fixture.ts is that in this suite. */
import { test } from 'vitest';
import { kinds } from './logs.fixture.ts';

if (kinds.length > 0) {
  await import('./run-store.test.ts');
  await import('./recovery.test.ts');
  await import('./worker.test.ts');
  await import('./ask-timeout.test.ts');
  await import('./policies.test.ts');
  await import('./look-on.test.ts');
  await import('./reserved.test.ts');
  await import('./copies.test.ts');
  await import('./decide.test.ts');
  await import('./needs.test.ts');
} else {
  test.skip('durable runs on PostgreSQL need BATON_POSTGRES_URL', () => undefined);
}
