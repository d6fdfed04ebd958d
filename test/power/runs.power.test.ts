/**
 * The power goes while processes carry out runs of random systems of agents in one folder: what is left on the disk is
 * taken up by other processes, every run ends as if nothing had happened, and what must not happen twice does not.
 *
 * BATON_POWER_RUN_LOSSES says how many losses are made (24 unless set), BATON_POWER_SEED which.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HISTORY } from '../kill/history.ts';
import { Oracle } from '../kill/process/oracle.ts';
import { findSystems } from '../kill/process/orders.ts';
import { openBudgets, openLog, openSession, type Place } from '../kill/process/paths.ts';
import { bundled, type Job, Workers } from '../kill/process/workers.ts';
import { times } from '../kill/random.ts';
import { systemOf } from '../kill/systems.ts';
import type { Before, DiskOptions } from './disk.ts';
import { DiskLog, type Step } from './disk-log.ts';
import { filesOf, losePower, type Loss, places, SEED, skipped, unlogged, writeImage } from './power-loss.ts';

const LOSSES = Number(process.env['BATON_POWER_RUN_LOSSES'] ?? '24');
const RUNS = 12;
/** Processes that share the folder. */
const TRACKS = 3;
const LEASE_MS = 600_000;

/** What happened outside of the computer stays as it is when the power goes. */
const isOutside = (name: string): boolean => name.endsWith('.ledger') || name.endsWith('.points');

type Case = { readonly runId: string; readonly seed: number };
type Worked = {
  readonly cases: readonly Case[];
  readonly base: readonly Before[];
  readonly steps: readonly Step[];
  readonly folder: string;
  readonly image: string;
};

const jobOf = ({ runId, seed }: Case, life: number): Job => {
  return { runId, seed, life, worker: `of-${runId}`, leaseMs: LEASE_MS, order: { do: 'live' } };
};

async function chooseCases(): Promise<Case[]> {
  const pool = times(120, (n) => n + 1000 * SEED);
  const once = await findSystems(pool, ['tool: once', 'tool: once, reconciled']);
  const others = await findSystems(pool, ['session save', 'sub-agent', 'handoff', 'decision']);
  const seeds = [...once.slice(0, RUNS / 2), ...others.filter((seed) => !once.includes(seed))].slice(0, RUNS);
  return seeds.map((seed, n) => ({ runId: `k${n}`, seed }));
}

/** The sessions that systems begin with. */
async function prepare(place: Place, cases: readonly Case[]): Promise<void> {
  for (const { runId, seed } of cases) {
    const spec = systemOf(seed);
    if (spec.session === 'none') continue;
    const session = openSession(place, runId, spec.session === 'plain');
    await session.addItems(structuredClone(HISTORY));
    await session.close();
  }
}

async function work(
  program: string,
  log: DiskLog,
  { folder, cases }: { folder: string; cases: readonly Case[] },
): Promise<void> {
  const workers = new Workers(program, { folder, store: 'sqlite' }, { ...log.env, ...FULL });
  const waiting = cases.values();
  const track = async (): Promise<void> => {
    const worker = await workers.take();
    for (const each of waiting) expect(await worker.begin(jobOf(each, 0))).toEqual({ how: 'done' });
  };
  await Promise.all(times(TRACKS, track));
  await workers.close();
}

const FULL = { BATON_KILL_SYNCHRONOUS: 'full' };

/** What a person outside has seen happen, and the log knows nothing of. */
const isForgotten = (problem: string): boolean => /must happen once|before its request was stored/.test(problem);

type Found = { losses: number; cutOff: number; begunAgain: number; readonly problems: string[] };

/** Takes up what is left on the disk. */
async function goOn(
  program: string,
  { image, ...loss }: Loss,
  { cases, parent, found }: { cases: readonly Case[]; parent: string; found: Found },
): Promise<void> {
  const place: Place = { folder: writeImage(image, join(parent, String(loss.n))), store: 'sqlite' };
  const log = openLog(place);
  const budgets = openBudgets(place);
  const workers = new Workers(program, place, FULL);
  try {
    const worker = await workers.take();
    for (const each of cases) {
      const oracle = new Oracle({ place, log, budgets }, each);
      const status = (await log.read(each.runId, { limit: 0 }))?.info.status;
      const points = image.get(`${each.runId}.points`)?.toString() ?? '';
      if (points === '') continue;
      const isOver = status === 'finished' || status === 'failed' || status === 'cancelled';
      // The process had heard that the end of the run was stored.
      if (points.includes('first|end|answer>') && !isOver)
        oracle.problems.push(`${each.runId} had ended and is ${status ?? 'gone'}`);
      if (!isOver) {
        await oracle.afterLife({ isKill: true });
        const ended = await worker.begin(jobOf(each, 1));
        if (ended === 'stopped' || ended.how !== 'done')
          oracle.problems.push(`${each.runId} ends with ${JSON.stringify(ended)}`);
        found.begunAgain += 1;
        found.cutOff += oracle.inFlight;
      }
      await oracle.atEnd();
      found.problems.push(...oracle.problems.map((each) => `step ${loss.at}, ${loss.way}: ${each}`));
    }
  } finally {
    await workers.close();
    await Promise.all([budgets.close(), log.close()]);
    rmSync(place.folder, { recursive: true });
  }
}

describe.skipIf(skipped())('the power goes during runs', { timeout: 3_600_000 }, () => {
  let program: string;
  let worked: Worked;
  const { folder, work: own, image, remove } = places();

  beforeAll(async () => {
    program = await bundled('worker.fixture');
    const cases = await chooseCases();
    const place: Place = { folder, store: 'sqlite' };
    await prepare(place, cases);
    const base = filesOf(folder);
    const log = new DiskLog(folder, own);
    await work(program, log, { folder, cases });
    worked = { cases, base, steps: log.read(), folder, image };
  });
  afterAll(() => {
    rmSync(program, { force: true });
    remove();
  });

  async function lose(options: DiskOptions, isEnough: (found: Found) => boolean = () => false): Promise<Found> {
    const { cases, base, steps } = worked;
    const found: Found = { losses: 0, cutOff: 0, begunAgain: 0, problems: [] };
    await losePower({ base, isOutside, ...options, steps, losses: LOSSES, seed: SEED }, async (loss) => {
      await goOn(program, loss, { cases, parent: image, found });
      found.losses += 1;
      return !isEnough(found);
    });
    return found;
  }

  test('all that happens to the files is in the log of disk accesses', () => {
    expect(unlogged(worked.steps, worked.base, folder)).toEqual([]);
  });

  test('every run is taken up and ends as if the power had stayed', async () => {
    const { problems, ...counts } = await lose({});
    console.log(`${worked.cases.length} runs, ${worked.steps.length} steps: ${JSON.stringify(counts)}`);
    expect(problems).toEqual([]);
    expect(counts.losses).toBe(LOSSES);
    expect(counts.cutOff).toBeGreaterThan(0);
  });

  test('a disk that does not sync the write-ahead log is noticed: what was begun was not stored', async () => {
    const { problems, losses } = await lose({ ignores: (name) => name.endsWith('-wal') }, (found) =>
      found.problems.some(isForgotten),
    );
    console.log(`after ${losses} losses: ${problems.find(isForgotten)}`);
    expect(problems.filter(isForgotten)).not.toEqual([]);
  });
});
