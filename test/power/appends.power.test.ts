/**
 * The power goes while processes append to runs and to sessions of one SQLite file, while checkpoints are under way and
 * while files are made and removed: what was acknowledged is there, and no half of anything.
 *
 * BATON_POWER_LOSSES says how many losses each test makes (100 unless set), BATON_POWER_SEED which.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAppender as startRuns, inspectRuns } from '../../src/log/processes.fixture.ts';
import type { Line as RunLine } from '../../src/log/appender.fixture.ts';
import { openLog } from '../../src/log/open.fixture.ts';
import { inspectStore, startAppender as startSessions } from '../../src/session/sqlite/processes.fixture.ts';
import type { Line as SessionLine } from '../../src/session/sqlite/appender.fixture.ts';
import type { Synchronous } from '../../src/store/sqlite/database.ts';
import type { DiskOptions } from './disk.ts';
import { DiskLog, type Step } from './disk-log.ts';
import { losePower, type Loss, LOSSES, places, SEED, skipped, unlogged, writeImage } from './power-loss.ts';

const RUNS = ['r0', 'r1', 'r2'];
const SESSIONS = 3;
/** Commits of each run. The long round fills the write-ahead log until it is begun anew. */
const ROUNDS = [10, 320, 20];

const children: ChildProcess[] = [];

/** So often all processes open the file, work and close it. */
async function work(folder: string, log: DiskLog, synchronous: Synchronous): Promise<void> {
  const path = join(folder, 'x.db');
  for (const [round, commits] of ROUNDS.entries()) {
    const runs = startRuns({ path, name: `l${round}`, runs: RUNS, commits, synchronous }, log.wrap);
    const job = {
      dbPath: path,
      name: `s${round}`,
      appends: commits * SESSIONS,
      sessions: SESSIONS,
      parallel: SESSIONS,
      synchronous,
    };
    const sessions = startSessions(job, log.wrap);
    children.push(runs.child, sessions.child);
    const reports = await Promise.all([
      runs.ended,
      sessions.ended,
      round === 1 ? { errors: [] } : scrub(path, `x${round}`, log),
    ]);
    expect(reports.flatMap((report) => report?.errors ?? ['no report'])).toEqual([]);
  }
}

async function scrub(path: string, name: string, log: DiskLog): Promise<{ errors: string[] }> {
  const [command, ...args] = [...log.wrap, process.execPath, join(import.meta.dirname, 'scrubber.fixture.ts')];
  const child = spawn(command, [...args, path, name, '2'], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
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

let images = 0;

/** What is wrong with what is on the disk. */
async function inspect({ image, lines }: Loss, parent: string): Promise<string[]> {
  const { runs, sessions, erased } = acknowledgedIn(lines);
  // Each in a folder of its own: a damaged one may still be open.
  const folder = writeImage(image, join(parent, String(images++)));
  const path = join(folder, 'x.db');
  try {
    const log = openLog(path, { timeoutMs: 5000 });
    const problems: string[] = [];
    // It can be written to: also where the power went before there were tables.
    await log.append({ runId: 'after', position: 0, fence: 0, create: { agent: 'a', worker: 'w' }, events: [] });
    problems.push(...(await inspectRuns(path, RUNS, runs)), ...(await inspectStore(path, SESSIONS, sessions)));
    for (const runId of erased) {
      if (await log.read(runId)) problems.push(`${runId} was erased and is back`);
      const files = [...image].filter(([, bytes]) => bytes.includes(`secret of ${runId}`));
      problems.push(...files.map(([name]) => `what ${runId} was told was erased and is in ${name}`));
    }
    await log.close();
    const db = new DatabaseSync(path);
    const found = [...db.prepare('PRAGMA integrity_check').all(), ...db.prepare('PRAGMA foreign_key_check').all()];
    db.close();
    if (JSON.stringify(found) !== '[{"integrity_check":"ok"}]') problems.push(`damaged: ${JSON.stringify(found)}`);
    return problems;
  } catch (error) {
    return [`damaged: ${String(error)}`];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Found = { losses: number; acknowledged: number; readonly problems: string[] };
type LoseOptions = DiskOptions & {
  /** Ends at the first problem that it says yes to. @default at the twentieth of any kind */
  readonly until?: (problem: string) => boolean;
};

async function lose({ steps, image }: Worked, { until, ...options }: LoseOptions = {}): Promise<Found> {
  const found: Found = { losses: 0, acknowledged: 0, problems: [] };
  await losePower({ ...options, steps, losses: LOSSES, seed: SEED }, async (loss) => {
    const problems = await inspect(loss, image);
    found.losses += 1;
    found.acknowledged += loss.lines.length;
    found.problems.push(...problems.map((each) => `step ${loss.at}, ${loss.way}: ${each}`));
    return until ? !problems.some(until) : found.problems.length < 20;
  });
  return found;
}

const isDamaged = (problem: string): boolean => /\bdamaged: /.test(problem);
const isLost = (problem: string): boolean => /\blost: /.test(problem);

type Worked = { readonly steps: readonly Step[]; readonly folder: string; readonly image: string };
const removals: (() => void)[] = [];

async function worked(synchronous: Synchronous): Promise<Worked> {
  const { folder, work: workFolder, image, remove } = places();
  removals.push(remove);
  const log = new DiskLog(folder, workFolder);
  await work(folder, log, synchronous);
  return { steps: log.read(), folder, image };
}

describe.skipIf(skipped())('the power goes', { timeout: 3_600_000 }, () => {
  let full: Worked;
  beforeAll(async () => {
    full = await worked('full');
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const remove of removals) remove();
  });

  test('all that happens to the files is in the log of disk accesses', () => {
    expect(unlogged(full.steps, [], full.folder)).toEqual([]);
    const count = (what: string, name: string): number =>
      full.steps.filter((step) => step.do === what && 'name' in step && step.name === name).length;
    const syncs = count('sync', 'x.db-wal');
    console.log(
      `${full.steps.length} steps, ${syncs} syncs of the write-ahead log, of the database ${count('sync', 'x.db')}`,
    );
    // What is rare did happen: checkpoints, the log emptied, its file removed, and begun anew over its old content.
    expect(count('sync', 'x.db')).toBeGreaterThan(3);
    expect(count('truncate', 'x.db-wal')).toBeGreaterThan(0);
    expect(count('unlink', 'x.db-wal')).toBeGreaterThan(ROUNDS.length - 1);
    expect(begunAnew(full.steps)).toBeGreaterThan(0);
  });

  test("synchronous 'full': what was acknowledged is there, in order, and nothing by halves", async () => {
    const { problems, losses, acknowledged } = await lose(full);
    console.log(`${losses} losses, ${Math.round(acknowledged / losses)} acknowledgements before each`);
    expect(problems).toEqual([]);
    expect(losses).toBe(LOSSES);
  });

  test("synchronous 'normal': the newest commits may be gone, and nothing is damaged", async () => {
    const { problems, losses } = await lose(await worked('normal'), { until: () => false });
    console.log(`${losses} losses, ${problems.length} acknowledged commits lost`);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.filter((problem) => !isLost(problem))).toEqual([]);
  });

  test.each([
    ['nothing, and loses what was acknowledged', () => true, isLost],
    ['nothing, and damages the database', () => true, isDamaged],
    ['no write-ahead log', (name: string) => name.endsWith('-wal'), isLost],
    ['no database', (name: string) => name.endsWith('.db'), () => true],
    ['no folder', (name: string) => name === '.', isLost],
  ])('a disk that syncs %s is noticed', async (_, ignores, until) => {
    const { problems, losses } = await lose(full, { ignores, until });
    console.log(`after ${losses} losses: ${problems.find(until)}`);
    expect(problems.filter(until)).not.toEqual([]);
  });

  test('an acknowledgement that leaves before its commit is on the disk is noticed', async () => {
    const { problems, losses } = await lose({ ...full, steps: hasty(full.steps) }, { until: isLost });
    console.log(`after ${losses} losses: ${problems.find(isLost)}`);
    expect(problems.filter(isLost)).not.toEqual([]);
  });
});

/** What was said after a sync, said before it. */
function hasty(steps: readonly Step[]): Step[] {
  const changed: Step[] = [];
  for (const step of steps) {
    const before = step.do === 'say' ? changed.findLastIndex((each) => each.do === 'sync') : -1;
    changed.splice(before < 0 ? changed.length : before, 0, step);
  }
  return changed;
}

/** How often the write-ahead log was begun over what it held before. */
function begunAnew(steps: readonly Step[]): number {
  const ofWal = steps.filter((step) => 'name' in step && step.name === 'x.db-wal');
  return ofWal.filter((step, n) => step.do === 'write' && step.offset === 0 && ofWal[n - 1]?.do === 'sync').length;
}
