/**
 * Real processes, killed with SIGKILL at every point of running and of recovering and at random moments, on a log in
 * SQLite (or PostgreSQL: process.kill.services.test.ts): every run ends as if nobody had been killed, and what must
 * not happen twice does not.
 *
 * BATON_KILLS says how many kills (400 unless set), BATON_KILL_FLOOR how many at least in each cell of phase, effect
 * and life (1 unless set; `npm run test:kill:full` makes 2,000 with 5), BATON_KILL_SEED chooses as an earlier run did,
 * BATON_KILL_MINUTES says how long it may take (55); what is not made by then is missing, and fails. Loss of power: test/power.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { campaign } from './campaign.ts';
import type { Store } from './paths.ts';
import { shortCells, tableOf } from './points.ts';

const KILLS = Number(process.env['BATON_KILLS'] ?? '400');
const FLOOR = Number(process.env['BATON_KILL_FLOOR'] ?? '1');
const SEED = Number(process.env['BATON_KILL_SEED'] ?? '1');
const MINUTES = Number(process.env['BATON_KILL_MINUTES'] ?? '55');
const store: Store = process.env['BATON_KILL_ON'] === 'postgres' ? 'postgres' : 'sqlite';

test(`runs on ${store} whose processes are killed again and again end as if nobody had been killed`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-kill-'));
  const begun = performance.now();
  const { cells, problems, ...counts } = await campaign({
    place: { folder, store },
    kills: KILLS,
    floor: FLOOR,
    seed: SEED,
    minutes: MINUTES,
  });
  console.log(tableOf(cells));
  console.log(
    JSON.stringify({ store, seed: SEED, ...counts, seconds: Math.round((performance.now() - begun) / 1000) }),
  );
  // What is left tells what went wrong.
  if (problems.length === 0) rmSync(folder, { recursive: true, force: true });
  expect(problems, `seed ${SEED}, folder ${folder}`).toEqual([]);
  expect(shortCells(cells, FLOOR), 'cells with too few kills').toEqual([]);
  expect(counts.kills).toBeGreaterThanOrEqual(KILLS);
  expect(counts.overtaken).toBeGreaterThanOrEqual(Math.floor(KILLS / 80));
  expect(counts.inFlight).toBeGreaterThanOrEqual(KILLS >= 2000 ? 200 : Math.floor(KILLS / 25));
}, 3_600_000);
