/** process.kill.test.ts with runs and sessions in PostgreSQL. */
import { test } from 'vitest';

if (process.env['BATON_POSTGRES_URL']) {
  // For this process and for those that it starts.
  process.env['BATON_KILL_ON'] = 'postgres';
  await import('./process.kill.test.ts');
} else {
  test.skip('processes on PostgreSQL need BATON_POSTGRES_URL', () => undefined);
}
