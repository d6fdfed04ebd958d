/**
 * Before each test file: no network beyond loopback, and as many runs of a property as BATON_PROPERTY_RUNS says
 * (default: fast-check's 100).
 */
import '../scripts/lib/offline.ts';

const runs = Number(process.env['BATON_PROPERTY_RUNS'] ?? '');
if (runs > 0) {
  // Loaded where it is wanted only: it would cost each test file 50 ms.
  const { configureGlobal } = await import('fast-check');
  configureGlobal({ numRuns: runs });
}
