import { defineConfig } from 'vitest/config';
import { threads } from './scripts/lib/bundle.ts';

/** `npm test` leaves these out: they kill processes, run for minutes, or need what is not here. See scripts/suite.ts. */
const heavy = [
  '**/*.kill.test.ts',
  '**/*.soak.test.ts',
  '**/*.services.test.ts',
  '**/*.local.test.ts',
  '**/*.power.test.ts',
];
const suite = process.env['BATON_SUITE'];
const soaks = '**/*.soak.services.test.ts';

export default defineConfig({
  // As in the package. From the sources each thread would strip the types of all its files anew, for each database that a
  // test opens: most of what the suite took. Who changes what runs in the thread while vitest watches starts it again.
  define: await threads(),
  resolve: {
    // What users write, in examples and their tests.
    alias: [
      { find: /^@baton\/agents$/, replacement: new URL('./src/index.ts', import.meta.url).pathname },
      { find: /^@baton\/agents\/(.+)$/, replacement: new URL('./src/$1/index.ts', import.meta.url).pathname },
    ],
  },
  test: {
    include: suite
      ? [`{src,test,scripts,examples,bench,apps}/**/*.${suite}.test.ts`]
      : ['{src,test,scripts,examples,bench,apps}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', ...(suite ? [] : heavy), ...(suite === 'services' ? [soaks] : [])],
    setupFiles: ['./test/setup.ts'],
    env: { NODE_ENV: 'test', BATON_TRACE_STORE: 'off' },
    // Long enough for a machine that does much else.
    testTimeout: suite ? 300_000 : 30_000,
    hookTimeout: suite ? 300_000 : 30_000,
    // All processors: unless told, vitest leaves one of two unused. Suites of processes and servers use them by themselves.
    ...(!suite && { maxWorkers: '100%' }),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: [
        '**/*.test.ts',
        '**/*.test-d.ts',
        '**/*.fixture.ts',
        // What speaks to servers is covered by `npm run test:services`.
        'src/*/{postgres,redis}/**',
        'src/model/budgets/{postgres,redis}/**',
        'src/model/budgets/{opened,operations}.ts',
        'src/model/health/redis-board.ts',
        'src/session/stored/**',
        // What runs in the writer thread is covered by the conformance suites; the counters do not see that thread.
        'src/sqlite-thread.ts',
        'src/store/sqlite/serve.ts',
        'src/log/sqlite/{leases,read,remove,rows,schema,tables,write}.ts',
        'src/model/budgets/sqlite/{schema,tables}.ts',
      ],
      reporter: [['text', { skipFull: true }], 'text-summary', 'lcovonly'],
      thresholds: {
        lines: 95,
        'src/kernel/**/*.ts': { branches: 100, lines: 100 },
      },
    },
  },
});
