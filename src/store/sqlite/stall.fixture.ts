/**
 * How long the event loop of this process stood still, and how much of that was this process's doing. On a machine
 * with more to do than processors, a thread also stands still because it waits for one; Linux says for how long.
 *
 * Started as a program it has a second thread that answers it now and then, and knows no store: what the machine alone
 * does to the event loop of such a process. Its threads wait for each other's locks while the one that has them waits
 * for a processor, which Linux does not count.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

export type Stall = {
  /** The longest time by which a timer was late. */
  readonly longestStallMs: number;
  /** The same, less the time in which the thread was ready to run and had no processor. */
  readonly ownStallMs: number;
  /** When that was, since the measure began. */
  readonly ownStallAtMs: number;
  /** The longest time that the thread computed between two rounds. The rest of its own part it slept, such as for a disk. */
  readonly longestRoundMs: number;
};

const TICK_MS = 5;

/**
 * Begins to measure. The function gives what was found until then, and ends it.
 *
 * @param apart for how long, since it began, the process did what is not to count: reporting to the test
 */
export function measureStall(apart: () => number = () => 0): () => Stall {
  const began = performance.now();
  let [longestStallMs, ownStallMs, ownStallAtMs, longestRoundMs] = [0, 0, 0, 0];
  let [last, times, excused] = [performance.now(), threadTimes(), apart()];
  const tick = (): void => {
    const [now, timesNow] = [performance.now(), threadTimes()];
    const late = now - last - TICK_MS - (apart() - excused);
    longestStallMs = Math.max(longestStallMs, late);
    longestRoundMs = Math.max(longestRoundMs, timesNow.computed - times.computed);
    const own = late - (timesNow.waited - times.waited);
    if (own > ownStallMs) [ownStallMs, ownStallAtMs] = [own, now - began];
    [last, times, excused] = [performance.now(), threadTimes(), apart()];
    timer = setTimeout(tick, TICK_MS);
  };
  let timer = setTimeout(tick, TICK_MS);
  return () => {
    clearTimeout(timer);
    return { longestStallMs, ownStallMs, ownStallAtMs, longestRoundMs };
  };
}

/** Of this thread since it began, in milliseconds: on a processor, and waiting for one. 0 where the system does not tell. */
function threadTimes(): { readonly computed: number; readonly waited: number } {
  try {
    const [computed = 0, waited = 0] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ').map(Number);
    return { computed: computed / 1e6, waited: waited / 1e6 };
  } catch {
    return { computed: 0, waited: 0 };
  }
}

/** Starts processes that only watch their event loops. The function ends them, and tells the most of each. */
export function startControls(count = 4): () => Promise<Stall> {
  const controls = Array.from({ length: count }, () => startControl());
  return async () => {
    const found = await Promise.all(controls.map((end) => end()));
    const most = (key: keyof Stall): number => Math.max(...found.map((one) => one[key]));
    return {
      longestStallMs: most('longestStallMs'),
      ownStallMs: most('ownStallMs'),
      ownStallAtMs: most('ownStallAtMs'),
      longestRoundMs: most('longestRoundMs'),
    };
  };
}

function startControl(): () => Promise<Stall> {
  const args = ['--single-threaded-gc', fileURLToPath(import.meta.url), CONTROL];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = once(child, 'close');
  return async () => {
    child.stdin?.end();
    await closed;
    return JSON.parse(output);
  };
}

const CONTROL = 'control';
const ECHO = `const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (text) => parentPort.postMessage(text));`;

if (process.argv[2] === CONTROL && process.argv[1] === fileURLToPath(import.meta.url)) {
  const echo = new Worker(ECHO, { eval: true });
  const timer = setInterval(() => echo.postMessage('x'.repeat(200)), 4 * TICK_MS);
  const stalled = measureStall();
  process.stdin.resume();
  await once(process.stdin, 'end');
  clearInterval(timer);
  process.stdout.write(JSON.stringify(stalled()));
  await echo.terminate();
}
