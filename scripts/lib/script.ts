/**
 * What the scripts share: the repository's root, running a command, durations, temporary folders and loud skips.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, without a slash at the end. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** A path inside the repository. */
export const at = (...parts: readonly string[]): string => join(root, ...parts);

export type Command = {
  readonly command: string;
  readonly args: readonly string[];
  /** @default the repository's root */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Collect the output instead of passing it on. @default false */
  readonly quiet?: boolean;
  /** Milliseconds until the command is stopped. @default no limit */
  readonly timeoutMs?: number;
};

/** How a command ended. `code` is 124 where it was stopped by its time limit. */
export type Ran = { readonly code: number; readonly ms: number; readonly output: string };

/** Runs a command with the repository's own binaries first in PATH, its own Node among them. */
export function execute({ command, args, cwd = root, env = {}, quiet = false, timeoutMs }: Command): Promise<Ran> {
  const started = performance.now();
  const path = `${at('node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      // Programs of the repository leave no traces in it.
      env: { ...process.env, PATH: path, BATON_TRACE_STORE: 'off', ...env },
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    let output = '';
    let late = false;
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const stop = (): void => {
      late = true;
      child.kill('SIGKILL');
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(stop, timeoutMs);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new Error(`Cannot start "${command}". Run "npm ci" first.`, { cause }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (late) output += `\nStopped after ${String(timeoutMs)} ms.\n`;
      resolve({ code: late ? 124 : (code ?? 1), ms: performance.now() - started, output });
    });
  });
}

/** `1.2 s`, or `340 ms` where it is less than a second. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Hands a fresh folder to `work` and removes it whatever happens. */
export async function withTemporary<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), `baton-${name}-`));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends the process well where a file that the step is about does not exist yet; in CI (`CI=true`) that is an error. */
export function need(step: string, file: string): void {
  if (existsSync(at(file))) return;
  skip(step, `${file} does not exist`);
}

/** Throws where there is no build to look at. */
export function built(): void {
  if (!existsSync(at('dist', 'index.js'))) throw new Error('dist/ is not built. Run "npm run build" first.');
}

/** How a skipped step ends where `scripts/check.ts` started it, so that its table can tell. */
export const SKIPPED = 75;

/** Ends the process with a loud line: status 0 on a developer's machine, 1 in CI. */
export function skip(step: string, why: string): never {
  const ci = process.env['CI'] === 'true';
  console.error(`!!! SKIPPED ${step}: ${why}.${ci ? ' In CI this is an error.' : ''}`);
  if (ci) process.exit(1);
  process.exit(process.env['BATON_CHECK'] === '1' ? SKIPPED : 0);
}

/** Prints each problem and ends the process with status 1, or says that all is well. */
export function conclude(problems: readonly string[], well: string): void {
  for (const problem of problems) console.error(`✗ ${problem}`);
  if (problems.length > 0) process.exit(1);
  console.log(`✓ ${well}`);
}

/** Runs `work` on each item, at most `workers` at a time; results keep the order of the items. */
export async function pool<T, R>(
  items: readonly T[],
  workers: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: workers }, lane));
  return results;
}
