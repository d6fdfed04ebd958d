/** airline.kill.test.ts with runs and sessions in PostgreSQL. */
import { test } from 'vitest';

if (process.env['BATON_POSTGRES_URL']) {
  process.env['BATON_KILL_ON'] = 'postgres';
  await import('./airline.kill.test.ts');
} else {
  test.skip('airline conversations on PostgreSQL need BATON_POSTGRES_URL', () => undefined);
}
