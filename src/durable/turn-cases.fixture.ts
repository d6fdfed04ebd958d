/** Runs of many processes on few sessions, for each store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endsOf, inspect, recoverAll, type Runner, says, startRunner } from './turn-processes.fixture.ts';
import { type Job, openSession, type Place } from './turn-runner.fixture.ts';

const ALL: Job['policies'] = ['queue', 'reject', 'interrupt', 'merge'];
const PROCESSES = Number(process.env['BATON_TURN_PROCESSES'] ?? 4);
const RUNS = Number(process.env['BATON_TURN_RUNS'] ?? 12);
const WAVES = 8;
const KILLS = Number(process.env['BATON_TURN_KILLS'] ?? 4);

export function processCases(kind: Place['kind'], url: string): void {
  let dir = '';
  let place: Place = { kind, url, logPath: '' };
  let runners: Runner[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'baton-turn-processes-'));
    place = { kind, url: kind === 'sqlite' ? join(dir, 'one.db') : url, logPath: join(dir, 'log.db') };
    runners = [];
  });
  afterEach(async () => {
    for (const { child } of runners) child.kill('SIGKILL');
    await Promise.all(runners.map(({ ended }) => ended));
    rmSync(dir, { recursive: true, force: true });
  });
  const start = (name: string, job: Partial<Job>): Runner => {
    const sessions = [`${dir}/a`, `${dir}/b`];
    const whole = {
      place,
      name,
      sessions,
      runs: RUNS,
      policies: ALL,
      durable: true,
      workMs: 30,
      ...job,
    };
    const runner = startRunner(whole);
    runners.push(runner);
    return runner;
  };
  /** Who meets whom is chance: processes come until all of it was seen. */
  const waves = async (job: Partial<Job>, isSeen: () => boolean): Promise<void> => {
    for (let wave = 0; wave < WAVES && !isSeen(); wave++) {
      for (let n = 0; n < PROCESSES; n++) start(`p${wave}-${n}`, job);
      await Promise.all(runners.map(({ ended }) => ended));
      expect(await inspect(place, runners)).toEqual([]);
    }
  };
  const counted = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const ends of endsOf(runners).values()) for (const end of ends.values()) counts[end] = (counts[end] ?? 0) + 1;
    return counts;
  };

  test('durable runs of many processes never interleave, whatever they do where a session is busy', async () => {
    // Each policy has its say.
    const missing = (): string[] => ['done', 'joined', 'busy', 'interrupted'].filter((end) => !counted()[end]);
    await waves({}, () => missing().length === 0);
    process.stdout.write(`${kind}: ${JSON.stringify(counted())}\n`);
    expect(missing()).toEqual([]);
  });

  test('runs that are not durable never interleave, and say why they cannot reach another process', async () => {
    const isRefused = (): boolean =>
      runners.some(({ lines }) => lines.some(({ error }) => error?.includes('nothing leads to it') ?? false));
    await waves({ durable: false }, isRefused);
    expect(isRefused()).toBe(true);
  });

  test('processes that are killed leave no turn behind, and their runs are taken up', async () => {
    for (let n = 0; n < KILLS; n++) {
      const victim = start(`v${n}`, { runs: 1000 });
      await says(victim, 'working');
      await sleep(Math.random() * 100);
      victim.child.kill('SIGKILL');
      await victim.ended;
      // The turns stay with its runs until somebody goes on with those.
      await recoverAll(place);
    }
    await start('heir', { runs: 4, policies: ['queue'] }).ended;
    const statuses = await recoverAll(place);
    expect([...statuses.values()].filter((status) => status === 'running')).toEqual([]);
    for (const { run, session } of runners.flatMap(({ lines }) => lines)) {
      // Whoever was killed did not hear of its end; the log has it.
      const ends = endsOf(runners).get(session);
      const end = ends?.get(run);
      if ((end === 'began' || end === 'left') && statuses.get(run) === 'finished') {
        runners[0]?.lines.push({ run, session, outcome: 'done' });
      }
    }
    expect(await inspect(place, runners)).toEqual([]);
  }, 600_000);

  test('a process that is stopped for long in its turn is fenced when it wakes', async () => {
    const sessions = [`${dir}/a`];
    const stopped = start('stopped', { sessions, runs: 1, durable: false, workMs: 3000 });
    await says(stopped, 'working');
    stopped.child.kill('SIGSTOP');
    const other = start('other', { sessions, runs: 1, durable: false, policies: ['queue'] });
    await says(other, 'done');
    stopped.child.kill('SIGCONT');
    await stopped.ended;
    expect(stopped.lines.at(-1)).toMatchObject({
      outcome: 'failed',
      error: expect.stringContaining('session/fenced'),
    });
    await using session = openSession(place, sessions[0] ?? '');
    const texts = JSON.stringify(await session.getItems());
    expect(texts).toContain('other-0');
    expect(texts).not.toContain('stopped-0');
    // Nobody has it any more.
    const turn = await session.takeTurn({ runId: 'r', onBusy: 'reject' });
    await turn.end();
  });
}
