/**
 * The power goes while processes append to runs and to sessions of one SQLite file, while checkpoints are under way and
 * while files are made and removed: what was acknowledged is there, and no half of anything.
 *
 * BATON_POWER_LOSSES says how many losses each test makes (100 unless set), BATON_POWER_SEED which.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { startAppender as startRuns, inspectRuns } from '../../src/log/processes.fixture.ts';
import type { Line as RunLine } from '../../src/log/appender.fixture.ts';
import { openLog } from '../../src/log/open.fixture.ts';
import { inspectStore, startAppender as startSessions } from '../../src/session/sqlite/processes.fixture.ts';
import type { Line as SessionLine } from '../../src/session/sqlite/appender.fixture.ts';
import type { Synchronous } from '../../src/store/sqlite/database.ts';
import type { DiskOptions } from './disk.ts';
import { DiskLog, type Step } from './disk-log.ts';
import { losePower, type Loss, LOSSES, places, SEED, skipped, unlogged, writeImage } from './power-loss.ts';

const RUNS = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'];
const SESSIONS = 6;
const ROUNDS = 3;

/** Three times all processes open the file, work and close it. */
async function work(folder: string, log: DiskLog, synchronous: Synchronous): Promise<void> {
  const path = join(folder, 'x.db');
  for (let round = 0; round < ROUNDS; round++) {
    const runs = startRuns({ path, name: `l${round}`, runs: RUNS, commits: 30, padding: 9000, synchronous }, log.wrap);
    const job = { dbPath: path, name: `s${round}`, appends: 150, sessions: SESSIONS, parallel: SESSIONS, synchronous };
    const sessions = startSessions(job, log.wrap);
    const reports = await Promise.all([runs.ended, sessions.ended, scrub(path, `x${round}`, log)]);
    expect(reports.flatMap((report) => report?.errors ?? ['no report'])).toEqual([]);
  }
}

async function scrub(path: string, name: string, log: DiskLog): Promise<{ errors: string[] }> {
  const [command = '', ...args] = [...log.wrap, process.execPath, join(import.meta.dirname, 'scrubber.fixture.ts')];
  const child = spawn(command, [...args, path, name, '2'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { errors: code === 0 ? [] : [`the scrubber ended with ${String(code)}`] };
}

type Acknowledged = { readonly runs: RunLine[]; readonly sessions: SessionLine[]; readonly erased: string[] };

function acknowledgedIn(lines: readonly string[]): Acknowledged {
  const said = lines.map((line): unknown => JSON.parse(line)).filter((each) => Array.isArray(each));
  return {
    runs: said.filter((each) => each.length === 5) as unknown as RunLine[],
    sessions: said.filter((each) => each.length === 3) as unknown as SessionLine[],
    erased: said.flatMap((each) => (each[0] === 'erased' ? [String(each[1])] : [])),
  };
}

/** What is wrong with what is on the disk. */
async function inspect({ image, lines }: Loss, folder: string): Promise<string[]> {
  const { runs, sessions, erased } = acknowledgedIn(lines);
  writeImage(image, folder);
  const path = join(folder, 'x.db');
  try {
    const log = openLog(path, { timeoutMs: 5000 });
    const problems: string[] = [];
    // It can be written to: also where the power went before there were tables.
    await log.append({ runId: 'after', position: 0, fence: 0, create: { agent: 'a', worker: 'w' }, events: [] });
    problems.push(...(await inspectRuns(path, RUNS, runs)), ...(await inspectStore(path, SESSIONS, sessions)));
    for (const runId of erased) if (await log.read(runId)) problems.push(`${runId} was erased and is back`);
    await log.close();
    const db = new DatabaseSync(path);
    const found = [...db.prepare('PRAGMA integrity_check').all(), ...db.prepare('PRAGMA foreign_key_check').all()];
    db.close();
    if (JSON.stringify(found) !== '[{"integrity_check":"ok"}]') problems.push(`damaged: ${JSON.stringify(found)}`);
    return problems;
  } catch (error) {
    return [`damaged: ${String(error)}`];
  }
}

type Found = { losses: number; acknowledged: number; readonly problems: string[] };

async function lose(
  steps: readonly Step[],
  image: string,
  options: DiskOptions & { untilProblem?: boolean },
): Promise<Found> {
  const found: Found = { losses: 0, acknowledged: 0, problems: [] };
  await losePower({ ...options, steps, losses: LOSSES, seed: SEED }, async (loss) => {
    const problems = await inspect(loss, image);
    found.losses += 1;
    found.acknowledged += loss.lines.length;
    found.problems.push(
      ...problems.slice(0, 3).map((each) => `after step ${loss.at}, on the disk ${loss.way}: ${each}`),
    );
    return found.problems.length === 0 || (!options.untilProblem && found.problems.length < 20);
  });
  return found;
}

describe.skipIf(skipped())('loss of power', () => {
  test('full', { timeout: 600_000 }, async () => {
    const { folder, work: workFolder, image, remove } = places();
    const log = new DiskLog(folder, workFolder);
    let t = performance.now();
    await work(folder, log, 'full');
    console.log('worked', performance.now() - t);
    const steps = log.read();
    const counts = new Map<string, number>();
    for (const s of steps) {
      const k = `${s.do} ${'name' in s ? s.name : ''}`;
      counts.set(k, (counts.get(k) ?? 0) + 1);
    }
    console.log(Object.fromEntries(counts));
    expect(unlogged(steps, [], folder)).toEqual([]);
    t = performance.now();
    console.log(await lose(steps, image, {}), performance.now() - t);
    for (const [name, ignores] of [
      ['all', () => true],
      ['wal', (n: string) => n.endsWith('-wal')],
      ['db', (n: string) => n.endsWith('.db')],
      ['dir', (n: string) => n === '.'],
    ] as const) {
      t = performance.now();
      console.log(name, await lose(steps, image, { ignores, untilProblem: true }), performance.now() - t);
    }
    remove();
  });
});
