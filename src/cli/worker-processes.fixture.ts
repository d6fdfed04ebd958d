/** Starts workers and processes that begin runs, each a real one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export type Started = {
  readonly child: ChildProcess;
  /** What it wrote, a line each. */
  readonly lines: string[];
  /** Resolves with the line that looks so; rejects where it ends before. */
  said(pattern: RegExp): Promise<string>;
  ended: Promise<unknown>;
};

function start(args: readonly string[], env: Record<string, string>): Started {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BATON_TRACE_STORE: 'off', NO_COLOR: '1', ...env },
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const heard = (chunk: Buffer): void => {
    lines.push(...chunk.toString().split('\n').filter(Boolean));
    for (const look of waiting) look();
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  const ended = once(child, 'close');
  const said = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find((each) => pattern.test(each));
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      void ended.then(() => reject(new Error(`It ended without saying ${pattern}:\n${lines.join('\n')}`)));
      look();
    });
  return { child, lines, said, ended };
}

export const startWorker = (folder: string, ...more: string[]): Started =>
  start([at('./main.ts'), 'worker', at('./worker.fixture.ts'), '--every', '1', ...more], { WORKER_FOLDER: folder });

/** A worker of another module. */
export const startWorkerOf = (module: string): Started => start([at('./main.ts'), 'worker', module], {});

export const startRun = (folder: string, runId: string): Started =>
  start([at('./worker.fixture.ts')], { WORKER_FOLDER: folder, WORKER_RUN: runId });

/** What the tool did: `begin it <pid> <attempt>`. */
export function ledger(folder: string): string[] {
  try {
    return readFileSync(join(folder, 'ledger.txt'), 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
