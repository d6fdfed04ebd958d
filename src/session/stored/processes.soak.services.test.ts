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
      // One more that appends nothing shows what the machine alone does to an event loop.
      const idle = startAppender({ ...store, name: 'idle', appends: 0, parallel: 4 });
      const appenders = Array.from({ length: 32 }, (_, n) =>
        startAppender({ ...store, name: `p${n}`, appends: 1875, parallel: 4 }),
      );
      await Promise.all([idle, ...appenders].map(({ ready }) => ready));
      const started = performance.now();
      for (const { go } of [idle, ...appenders]) go();
      const reports = await Promise.all(appenders.map(({ report }) => report));
      const seconds = (performance.now() - started) / 1000;
      for (const { stop } of [idle, ...appenders]) stop();
      const beside = (await idle.report).longestStallMs;
      const most = (key: 'longestStallMs' | 'ownStallMs' | 'longestRoundMs' | 'longestAppendMs'): string =>
        `${Math.max(...reports.map((report) => report[key])).toFixed(0)} ms`;
      process.stdout.write(
        `${driver}: 60,000 appends in ${seconds.toFixed(1)} s, longest append ${most('longestAppendMs')}; an event loop ` +
          `stood still for ${most('longestStallMs')} at most (that of an idle process beside them ${beside.toFixed(0)} ms), ` +
          `for ${most('ownStallMs')} without waiting for a processor, and computed for ${most('longestRoundMs')} of it\n`,
      );
      expect(Math.max(...reports.map(({ longestRoundMs }) => longestRoundMs))).toBeLessThan(250);
      expect(reports.flatMap(({ errors }) => errors)).toEqual([]);
      expect(reports.flatMap(({ done }) => done)).toHaveLength(60_000);
      expect(await inspectHistories(store, reports)).toEqual([]);
    },
    900_000,
  );
}
