/** The harness that kills runs notices what it is there to notice: planted defects. */
import { expect, test } from 'vitest';
import type { Committed, State } from '../../src/kernel/index.ts';
import { differences } from './compare.ts';
import { Disk } from './disk.ts';
import { live, type LifeOptions } from './life.ts';
import { type SystemSpec, systemOf } from './systems.ts';

/** A system with tools whose undisturbed run finishes after some turns. */
async function goodSystem(): Promise<{ spec: SystemSpec; commits: number }> {
  for (let seed = 0; seed < 50; seed++) {
    const spec = systemOf(seed);
    const { outcome, commits, disk } = await live(spec);
    const tools = [...disk.logs.values()].flat().filter(({ type }) => type === 'tool.returned').length;
    if (outcome.status === 'finished' && !spec.race && tools >= 3 && disk.logs.size === 1) return { spec, commits };
  }
  throw new Error('None of the first systems is fit.');
}

async function found(sabotage: LifeOptions['sabotage']): Promise<string[]> {
  const { spec, commits } = await goodSystem();
  const base = await live(spec);
  const problems: string[] = [];
  for (let at = 0; at < commits; at++) {
    for (const when of ['before', 'after'] as const) {
      const killed = await live(spec, { kills: [{ at, when }], ...(sabotage && { sabotage }) });
      problems.push(...differences(spec, base, killed));
    }
  }
  return problems;
}

test('a kernel that does as it should passes', async () => {
  expect(await found(undefined)).toEqual([]);
});

test('a world that performs before it commits is noticed', async () => {
  // Stores a batch one commit later: what it asks for is begun in between.
  const sabotage: LifeOptions['sabotage'] = (committer) => {
    let held: [string, readonly Committed[], State] | undefined;
    return (runId, events, state) => {
      const before = held;
      held = [runId, structuredClone(events), state];
      if (before) void committer(...before);
      const over = events.some(({ type }) => /^run\.(finished|failed|cancelled|paused)$/.test(type));
      if (over) void committer(...held);
      if (over) held = undefined;
    };
  };
  expect((await found(sabotage)).join('\n')).toMatch(/begun before its request was stored/);
});

test('what was answered and is done again is noticed', async () => {
  // The process that comes back reads an old copy of the log, from before the first answer of a tool.
  const misread = (text: string): string => {
    const envelope = JSON.parse(text) as { run: { events: Committed[] } };
    const { events } = envelope.run;
    const first = events.findIndex(({ type }) => type === 'tool.returned');
    if (first >= 0) events.length = first;
    return JSON.stringify(envelope);
  };
  const { spec, commits } = await goodSystem();
  const base = await live(spec);
  const killed = await live(spec, { kills: [{ at: commits - 2, when: 'after' }], misread });
  expect(differences(spec, base, killed).join('\n')).toMatch(
    /tool \S+ was begun 2 times: 1 undisturbed, 0 lost in kills/,
  );
});

test('an effect that is done twice in one process is noticed', async () => {
  const { spec } = await goodSystem();
  const base = await live(spec);
  const twice = await live(spec);
  twice.disk.ledger.push(twice.disk.ledger.at(-1) ?? '');
  expect(differences(spec, base, twice).join()).toMatch(/was begun 2 times: 1 undisturbed, 0 lost/);
});

test('an answer that is stored twice adds nothing to the history, and is noticed', async () => {
  const sabotage: LifeOptions['sabotage'] = (committer) => (runId, events, state) =>
    committer(
      runId,
      events.flatMap((event): Committed[] => (event.type === 'tool.returned' ? [event, event] : [event])),
      state,
    );
  const { spec } = await goodSystem();
  const base = await live(spec);
  const twice = await live(spec, { sabotage });
  expect(twice.outcome.history).toEqual(base.outcome.history);
  expect(differences(spec, base, twice).join()).toMatch(/was answered 2 times/);
});

test('a dead disk takes nothing any more', () => {
  const disk = new Disk();
  disk.boot({ at: 0, when: 'after' });
  const event: Committed = { type: 'run.started', runId: 'r', agent: 'A', input: 'x', maxTurns: 1 };
  expect(() => disk.committer('r', [event])).toThrow();
  expect(() => disk.committer('r', [event])).toThrow();
  expect(disk.logs.get('r')).toHaveLength(1);
});
