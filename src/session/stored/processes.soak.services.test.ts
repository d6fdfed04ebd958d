import { expect, test } from 'vitest';
import { inspectHistories, startAppender } from './appender.fixture.ts';

const servers = [
  { driver: 'postgres', url: process.env['BATON_POSTGRES_URL'] ?? '' },
  { driver: 'redis', url: process.env['BATON_REDIS_URL'] ?? '' },
] as const;

for (const { driver, url } of servers) {
  test.skipIf(url === '')(
    `32 processes, 200 sessions, 60,000 appends on ${driver}`,
    async () => {
      const store = { driver, url, prefix: `soak-${crypto.randomUUID()}`, sessions: 200 };
      const started = performance.now();
      const reports = await Promise.all(
        Array.from({ length: 32 }, (_, n) => startAppender({ ...store, name: `p${n}`, appends: 1875, parallel: 4 })),
      );
      const seconds = (performance.now() - started) / 1000;
      const stall = Math.max(...reports.map(({ longestStallMs }) => longestStallMs));
      const longest = Math.max(...reports.map(({ longestAppendMs }) => longestAppendMs));
      process.stdout.write(
        `${driver}: 60,000 appends in ${seconds.toFixed(1)} s, longest append ${longest.toFixed(0)} ms, ` +
          `longest stall of an event loop ${stall.toFixed(0)} ms\n`,
      );
      expect(reports.flatMap(({ errors }) => errors)).toEqual([]);
      expect(reports.flatMap(({ done }) => done)).toHaveLength(60_000);
      expect(await inspectHistories(store, reports)).toEqual([]);
    },
    900_000,
  );
}
