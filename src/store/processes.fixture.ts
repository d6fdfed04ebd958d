/** Processes that append and write a line for each append that was acknowledged, in sessions and in logs. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Stall } from './sqlite/stall.fixture.ts';

/** What a process says at its end. */
export type Report = Stall & { readonly errors: readonly string[] };

export type Process<Line> = {
  readonly child: ChildProcess;
  /** What was acknowledged until now. */
  readonly acknowledged: Line[];
  /** Of one that is held: its modules are loaded and its file is open. */
  readonly ready: Promise<void>;
  /** Lets one that is held begin. */
  readonly go: () => void;
  readonly ended: Promise<Report | undefined>;
};

/** Processes that start keep the machine busy: where only the work counts, each waits until all are ready. */
export type Held = { readonly held?: boolean };

/** Of a process that is held: says that it is ready, and waits for the word to go. */
export async function standBy({ held = false }: Held): Promise<void> {
  if (!held) return;
  say({ ready: true });
  await once(process.stdin, 'data');
  process.stdin.destroy();
}

/** Writes a line at once: a kill right after it finds it written. A pipe that is full for a moment is waited for. */
export function say(line: object): void {
  const from = performance.now();
  let rest: Uint8Array = Buffer.from(`${JSON.stringify(line)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  said += performance.now() - from;
}
let said = 0;
/** For how long lines were written: the doing of the test. */
export const saidForMs = (): number => said;

/**
 * Starts the program `script`, which gets the job as its argument.
 *
 * @param wrap a command that gets the process to start as its last arguments
 */
export function startProcess<Line>(script: URL, job: Held, wrap: readonly string[] = []): Process<Line> {
  const [command, ...before] = [...wrap, process.execPath];
  // Threads that collect garbage together wait for each other, and for a processor, as if they slept.
  const args = [...before, '--single-threaded-gc', fileURLToPath(script), JSON.stringify(job)];
  const child = spawn(command, args, { stdio: [job.held ? 'pipe' : 'ignore', 'pipe', 'inherit'] });
  const acknowledged: Line[] = [];
  let isReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => (isReady = resolve));
  let report: Report | undefined;
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const said: Line | Report | { ready: true } = JSON.parse(line);
      if (isReport(said)) report = said;
      else if (typeof said === 'object' && said !== null && 'ready' in said) isReady();
      else acknowledged.push(said);
    }
  });
  const ended = new Promise<Report | undefined>((resolve) => child.on('close', () => resolve(report)));
  return { child, acknowledged, ready, go: () => child.stdin?.write('go'), ended };
}

const isReport = (said: unknown): said is Report => typeof said === 'object' && said !== null && 'errors' in said;
