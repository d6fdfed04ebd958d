/** The harness that kills processes notices what it is there to notice: planted defects, each within a few kills. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { times } from '../random.ts';
import { campaign } from './campaign.ts';
import type { Mutant } from './mutants.ts';
import { findSystems, type Plan } from './orders.ts';
import { type Cell, cellOf, type Order, type Subject, WHEN } from './points.ts';

/** How many kills a defect may take at most to be noticed. */
const MOST_KILLS = 40;
const SYSTEMS = times(300, (n) => n);
const TOOLS: readonly Subject[] = ['tool: read', 'tool: idempotent', 'tool: once', 'tool: once, reconciled'];

/** Lives end where tools act, and then are left to end. */
function inTools(subjects: readonly Subject[], seeds: readonly number[]): (n: number) => Plan {
  const cells: Cell[] = WHEN.flatMap((when) =>
    subjects.flatMap((subject) => cellOf(when, { subject, phase: 'after act' })),
  );
  const order: Order = { do: 'die in', cells };
  return (n) => ({ seed: seeds[n % seeds.length] ?? 0, next: (life) => (life < 2 ? order : { do: 'live' }) });
}

/** First lives stand still at a commit until another worker has ended their run. */
const standing =
  (seeds: readonly number[]) =>
  (n: number): Plan => ({
    seed: seeds[n % seeds.length] ?? 0,
    next: (life) => (life === 0 ? { do: 'stop', at: 4 + (n % 6) } : { do: 'live' }),
  });

async function noticed(mutant: Mutant | undefined, orders: (n: number) => Plan): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-mutant-'));
  const kills = mutant ? MOST_KILLS : MOST_KILLS / 2;
  const made = await campaign({
    place: { folder, store: 'sqlite' },
    kills,
    seed: 1,
    orders,
    ...(mutant && { mutant }),
  });
  rmSync(folder, { recursive: true, force: true });
  const { kills: n, runs, overtaken } = made;
  console.log(
    `${mutant ?? 'no defect'}: ${made.problems.length} problems after ${n} kills, ${overtaken} overtaken, ${runs} runs`,
  );
  return made.problems;
}

test('without a defect nothing is noticed', async () => {
  const seeds = await findSystems(SYSTEMS, TOOLS);
  const orders = [inTools(TOOLS, seeds), standing(seeds)];
  const found = await noticed(undefined, (n) => (orders[n % orders.length] ?? standing(seeds))(n));
  expect(found).toEqual([]);
});

test('a log that performs before it commits is noticed', async () => {
  const seeds = await findSystems(SYSTEMS, TOOLS);
  const problems = await noticed('performs before it commits', inTools(TOOLS, seeds));
  expect(problems.join('\n')).toMatch(/begun before its request was stored/);
});

test('a tool that must act once and is made to act again is noticed', async () => {
  const once: readonly Subject[] = ['tool: once'];
  const seeds = await findSystems(SYSTEMS, once);
  const problems = await noticed('forgets that once began', inTools(once, seeds));
  expect(problems.join('\n')).toMatch(/must happen once and was begun [23] times/);
});

test('an answer that is stored twice is noticed', async () => {
  const seeds = await findSystems(SYSTEMS, TOOLS);
  const problems = await noticed('answers twice', inTools(TOOLS, seeds));
  expect(problems.join('\n')).toMatch(/was answered 2 times/);
});

test('a log without a fence is noticed where a process goes on that was overtaken', async () => {
  const seeds = await findSystems(SYSTEMS, TOOLS);
  const problems = await noticed('has no fence', standing(seeds));
  expect(problems.join('\n')).toMatch(/who was overtaken wrote/);
});
