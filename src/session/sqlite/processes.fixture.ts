/** Starts processes that append, and compares what they say with what is stored. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, Line, Report } from './appender.fixture.ts';
import { SQLiteSession } from './sqlite-session.ts';

export type Appender = {
  readonly child: ChildProcess;
  /** Appends that were acknowledged until now. */
  readonly acknowledged: Line[];
  readonly ended: Promise<Report | undefined>;
};

export function startAppender(job: Job): Appender {
  const script = fileURLToPath(new URL('./appender.fixture.ts', import.meta.url));
  // Threads that collect garbage together wait for each other, and for a processor, as if they slept.
  const child = spawn(process.execPath, ['--single-threaded-gc', script, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: Line[] = [];
  let report: Report | undefined;
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const said: Line | Report = JSON.parse(line);
      if ('errors' in said) report = said;
      else acknowledged.push(said);
    }
  });
  const ended = new Promise<Report | undefined>((resolve) => child.on('close', () => resolve(report)));
  return { child, acknowledged, ended };
}

/** What is wrong with the stored histories: lost, half, doubled or out of order. Nothing, when all is well. */
export async function inspectStore(
  dbPath: string,
  sessions: number,
  acknowledged: readonly Line[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const missing = new Set(acknowledged.map(([name, n, session]) => `${session} ${name} ${n}`));
  // One thread for all of them.
  await using keeper = new SQLiteSession('keeper', { dbPath });
  await keeper.getItems();
  for (let s = 0; s < sessions; s++) {
    await using session = new SQLiteSession(`s${s}`, { dbPath });
    const items = await session.getItems();
    const texts = items.map((item) => ('content' in item ? String(item.content) : ''));
    const newest = new Map<string, number>();
    for (let i = 0; i < texts.length; i += 2) {
      const [name = '', n] = texts[i]?.split(' ') ?? [];
      if (texts[i] !== `${name} ${n} first` || texts[i + 1] !== `${name} ${n} second`) {
        problems.push(`s${s}: "${texts[i]}" is followed by "${texts[i + 1]}"`);
      }
      if (Number(n) <= (newest.get(name) ?? -1)) problems.push(`s${s}: ${name} ${n} comes after ${newest.get(name)}`);
      newest.set(name, Number(n));
      missing.delete(`${s} ${name} ${n}`);
    }
  }
  for (const line of missing) problems.push(`lost: ${line}`);
  return problems;
}
