/** Starts processes that append, and compares what they say with what is stored. */
import { startProcess } from '../../store/processes.fixture.ts';
import type { Process } from '../../store/processes.fixture.ts';
import type { Job, Line } from './appender.fixture.ts';
import { SQLiteSession } from './sqlite-session.ts';

export const startAppender = (job: Job, wrap?: readonly string[]): Process<Line> =>
  startProcess<Line>(new URL('./appender.fixture.ts', import.meta.url), job, wrap);

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
