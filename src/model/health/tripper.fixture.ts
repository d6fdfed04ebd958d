/** A process whose calls of one target all fail, until it says that the breaker is open. */
import { fileURLToPath } from 'node:url';
import { createRouter } from '../router/index.ts';
import { failure, FakeModel, textOf } from '../router/router.fixture.ts';
import { redisHealthBoard } from './index.ts';

export type Job = { url: string; keyPrefix: string };

async function trip({ url, keyPrefix }: Job): Promise<void> {
  const a = new FakeModel('a', ...Array.from({ length: 10 }, () => failure('server')));
  const healthBoard = redisHealthBoard({ url, keyPrefix, everyMs: 50 });
  const router = createRouter({
    models: { main: [a, new FakeModel('b')] },
    healthBoard,
    sticky: false,
    retry: { maxAttempts: 1 },
  });
  for (let n = 0; n < 10; n++) await textOf(router('main'));
  // The last call: the breaker is open here.
  console.log(await textOf(router('main')), a.asked);
  const said = async (): Promise<boolean> => {
    const [view] = await healthBoard.exchange('look', [{ key: 'acme/a test @', requests: 0, tokens: 0 }]);
    return view?.rests !== undefined;
  };
  while (!(await said())) await new Promise((resolve) => setTimeout(resolve, 20));
  await healthBoard.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // The word of redis-board.services.test.ts.
  await trip(JSON.parse(process.env['BATON_JOB'] ?? '{}') as Job);
}
