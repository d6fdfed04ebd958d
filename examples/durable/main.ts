/** A process is killed in the middle of a booking, and another one goes on: `npx node examples/durable/main.ts` */
import '../shared/model.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';

const folder = await mkdtemp(join(tmpdir(), 'durable-'));
process.env['DURABLE_FOLDER'] = folder;
const { bookings, newStore } = await import('./desk.ts');

// One process starts the run, and dies while it books.
console.log(styleText('bold', 'Process 1'), 'starts run trip-1: “Book me on LH 1042.”');
const first = spawn(process.execPath, [join(import.meta.dirname, 'first.ts')], {
  stdio: 'ignore',
  env: { ...process.env, DURABLE_CRASH: '1' },
});
const [, signal] = await once(first, 'exit');
if (signal !== 'SIGKILL') throw new Error('Process 1 ended before it booked.');
console.log(
  styleText('red', `  ✗ ${signal}`),
  `inside of book_flight. The airline has ${(await bookings()).length} booking.`,
);

// Another one takes over what the dead one had, as soon as its lease is over. `baton worker` does just this.
const diedAt = performance.now();
const store = newStore();
while ((await store.recover()).length === 0) await sleep(100);
const seconds = ((performance.now() - diedAt) / 1000).toFixed(1);
console.log(styleText('bold', 'Process 2'), `takes it over after ${seconds} s. What was done is not done again.`);

// Whether the booking was made, the log cannot know: a person is asked.
const state = await store.state('trip-1');
for (const item of state.getInterruptions()) {
  console.log(styleText('yellow', `  ? ${item.name} ${item.arguments}`), 'began and was cut off. Did it happen?');
  const made = (await bookings()).find((line) => line.endsWith(' trip-1/m1/c0'));
  console.log(styleText('dim', `    The airline's books: ${made ?? 'nothing under the key trip-1/m1/c0'}`));
  if (made) await store.confirm('trip-1', item.callId ?? '', 'Flight LH 1042 is booked.');
  else await store.approve('trip-1', item.callId ?? '');
}

// model says: You are booked on LH 1042.
const result = await store.resume('trip-1');
console.log(' ', result.finalOutput);
const calls = result.rawResponses.length;
console.log(
  styleText('green', `✓ ${result.state.status}:`),
  `${(await bookings()).length} booking, ${calls} model calls.`,
);

await store.close();
await rm(folder, { recursive: true });
