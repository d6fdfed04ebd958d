/** A process is killed in the middle of a booking, and another one goes on: `npx node examples/durable/main.ts` */
import '../shared/model.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = await mkdtemp(join(tmpdir(), 'durable-'));
process.env['DURABLE_FOLDER'] = folder;
const { bookings, newStore } = await import('./desk.ts');

// One process starts the run, and dies while it books.
const first = spawn(process.execPath, [join(import.meta.dirname, 'first.ts')], {
  stdio: ['ignore', 'inherit', 'ignore'],
  env: { ...process.env, DURABLE_CRASH: '1' },
});
const [, signal] = await once(first, 'exit');
console.log(`First process: ended by ${signal}; the airline has ${(await bookings()).length} booking.`);

// Another one takes over what the dead one had, as soon as its lease is over.
const store = newStore();
let taken = await store.recover();
while (taken.length === 0) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  taken = await store.recover();
}

// Nothing that was done is done again. Whether the booking was made, the log cannot know: a person is asked.
const state = await store.state('trip-1');
for (const item of state.getInterruptions()) {
  console.log(`Run trip-1 asks: ${item.name}(${item.arguments}) began and was cut off. Did it happen?`);
  const made = (await bookings()).some((line) => line.endsWith('trip-1/m1/c0'));
  console.log(made ? 'The airline says: yes.' : 'The airline says: no.');
  if (made) await store.confirm('trip-1', item.callId ?? '', 'Flight LH 1042 is booked.');
  else await store.approve('trip-1', item.callId ?? '');
}

// model says: You are booked on LH 1042.
const result = await store.resume('trip-1');
console.log(result.finalOutput);
console.log(`${(await bookings()).length} booking, status ${result.state.status}.`);

await store.close();
await rm(folder, { recursive: true });
