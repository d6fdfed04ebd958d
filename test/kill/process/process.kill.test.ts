/**
 * Real processes, killed with SIGKILL at random moments of running and of recovering, on a log in SQLite: every run
 * ends as if nobody had been killed, and what must not happen twice does not.
 *
 * BATON_KILLS says how many kills (200 unless set). Not tested here: loss of power.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sqliteLog, SQLiteSession, type RunInfo } from '../../../src/index.ts';
import type { Committed } from '../../../src/kernel/index.ts';
import { brokenLaws } from '../../kernel/laws.ts';
import { unequal, withoutResults } from '../compare.ts';
import { counted, live, normalState } from '../life.ts';
import { HISTORY } from '../history.ts';
import { random } from '../random.ts';
import { type SystemSpec, systemOf } from '../systems.ts';
import { database, Ledger, runIdOf } from './paths.ts';

const KILLS = Number(process.env['BATON_KILLS'] ?? '200');
const AT_ONCE = 6;

/** Starts the worker; kills it after `ms`, if given. Tells whether it got to its end. */
function life(folder: string, seeds: readonly number[], ms: number | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'worker.fixture.ts'), folder, seeds.join(',')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let wrong = '';
    child.stderr.on('data', (text: Buffer) => (wrong += text.toString()));
    child.stdout.on('data', (text: Buffer) => {
      const first = said === '';
      said += text.toString();
      if (first && ms !== undefined) setTimeout(() => child.kill('SIGKILL'), ms);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (said.includes('done')) return resolve(true);
      if (signal === 'SIGKILL') return resolve(false);
      reject(new Error(`The worker ended with ${signal ?? code}: ${wrong}`));
    });
  });
}

/** The same system as the processes run it. */
const undisturbed = (spec: SystemSpec): SystemSpec => ({
  ...spec,
  stream: false,
  session: spec.session === 'none' ? 'none' : 'memory',
});

const callIds = (state: unknown): string[] =>
  [...JSON.stringify(state).matchAll(/"callId":"([^"]+)"/g)].map(([, id]) => id ?? '');

type Counts = { kills: number; systems: number; inFlight: number; asked: number; once: number };

async function check(folder: string, seeds: readonly number[], counts: Counts): Promise<string[]> {
  const log = sqliteLog({ path: database(folder), synchronous: 'normal' });
  const ledger = counted(new Ledger(folder).keys);
  const problems: string[] = [];
  for (const [key, count] of ledger) {
    if (!key.startsWith('key ')) continue;
    counts.once += 1;
    if (count > 1) problems.push(`${key} was begun ${count} times`);
  }
  for (const seed of seeds) {
    const spec = systemOf(seed);
    const base = await live(undisturbed(spec), { durable: true });
    const root = await log.read(runIdOf(seed));
    if (!root) return [...problems, `run ${seed} was never begun`];
    // What was under way when a run stopped is not repeated after a kill: its results, and no more, may differ.
    const cut = new Set(base.outcome.status === 'finished' ? [] : callIds(base.outcome.state));
    const seen = (value: unknown): unknown => withoutResults(value, cut);
    const infos: RunInfo[] = [root.info];
    for (const info of infos) infos.push(...(await log.list({ parent: info.runId })).runs);
    for (const { runId, lease, status } of infos) {
      const events = ((await log.read(runId))?.events ?? []).map(({ event }) => event as Committed);
      problems.push(...brokenLaws(events).map((problem) => `${runId}: ${problem}`));
      if (lease.owner !== undefined) problems.push(`${runId} is ${status} and still leased to ${lease.owner}`);
      counts.asked += events.filter(({ type }) => type === 'effect.uncertain').length;
      counts.inFlight += events.filter((e) => e.type === 'effect.requested' && (e.effect.attempt ?? 1) > 1).length;
      if (runId === runIdOf(seed) && !spec.race) {
        const ours = normalState(events, runId);
        const found = unequal(seen(base.outcome.state), seen(ours)).slice(0, 3);
        problems.push(...found.map((each) => `system ${seed} ended otherwise: ${each}`));
      }
    }
    if (spec.session !== 'none' && !spec.race) {
      const session = new SQLiteSession(runIdOf(seed), { dbPath: database(folder), synchronous: 'normal' });
      const found = unequal(seen(base.outcome.session), seen(await session.getItems())).slice(0, 3);
      problems.push(...found.map((each) => `the session of system ${seed} is another: ${each}`));
      await session.close();
    }
  }
  await log.close();
  return problems;
}

test('runs whose processes are killed again and again end as if nobody had been killed', async () => {
  const counts: Counts = { kills: 0, systems: 0, inFlight: 0, asked: 0, once: 0 };
  const problems: string[] = [];
  const r = random(Date.now() % 1_000_000);
  for (let seed = 0; counts.kills < KILLS; seed += AT_ONCE) {
    const seeds = Array.from({ length: AT_ONCE }, (_, n) => seed + n);
    const folder = mkdtempSync(join(tmpdir(), 'baton-kill-'));
    for (const each of seeds) {
      if (systemOf(each).session === 'none') continue;
      const session = new SQLiteSession(runIdOf(each), { dbPath: database(folder), synchronous: 'normal' });
      await session.addItems(structuredClone(HISTORY));
      await session.close();
    }
    // From right after the start on; longer with each life, so that every system comes to its end.
    for (let n = 0; !(await life(folder, seeds, n > 40 ? undefined : r() * (15 + 10 * n))); n++) counts.kills += 1;
    counts.systems += AT_ONCE;
    problems.push(...(await check(folder, seeds, counts)));
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(JSON.stringify(counts));
  expect(problems).toEqual([]);
}, 3_600_000);
