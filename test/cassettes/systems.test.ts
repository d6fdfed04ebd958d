/**
 * Random systems of agents (handoffs, sub-agents, approvals, guardrails, structured output, sessions, failures) are
 * recorded and replayed, at the model and from the log: what can be seen of the runs is the same.
 */
import { expect, test } from 'vitest';
import { RunState } from '../../src/index.ts';
import type { RunEvent } from '../../src/kernel/index.ts';
import { cassette, cassetteOf } from '../../src/cassettes/index.ts';
import { fileAt } from '../../src/cassettes/folder.fixture.ts';
import { systemOf, type SystemSpec } from '../kill/systems.ts';
import { play, type Played } from './play.ts';

const RUNS = Number(process.env['BATON_PROPERTY_RUNS'] ?? 100);
const specs = Array.from({ length: RUNS }, (_, seed) => systemOf(seed + 1)).filter(({ race }) => !race);

/** A guardrail beside the model races with it: how far the model came when a run is stopped is left to chance. */
const races = ({ agents }: SystemSpec): boolean =>
  agents.some(({ inputChecks }) => inputChecks.some(({ blocking }) => !blocking));

/** What must be equal. Parallel sub-agents end in any order, and so do the entries of the usage. */
function comparable(spec: SystemSpec, { seen }: Played): unknown {
  const { status, output, error, usage } = seen;
  return races(spec) ? { status, output, error } : { ...seen, usage: JSON.stringify(usage).split('{').toSorted() };
}

const turned = (spec: SystemSpec): SystemSpec => ({ ...spec, stream: !spec.stream });

test('a replay of a recording is the same run', async () => {
  for (const spec of specs) {
    const file = fileAt(`${spec.seed}.json`);
    const recorded = await play(spec, (model) => cassette({ file, mode: 'record', model }));
    const tape = cassette({ file, mode: 'replay' });
    const replayed = await play(turned(spec), () => tape);
    expect(comparable(spec, replayed), `seed ${spec.seed}`).toEqual(comparable(spec, recorded));
    if (!races(spec)) await tape.assertComplete();
  }
  expect(specs.length).toBeGreaterThan(50);
});

/** Whether the log tells of each sub-agent all that matters: none waited for a person, none failed on the way. */
function isTold({ events }: { events: readonly RunEvent[] }, { agents }: SystemSpec): boolean {
  // What an extractor made of a structured answer is not that answer.
  if (agents.some(({ subs }) => subs.some(({ agent, extracts }) => extracts && agent.output === 'json'))) return false;
  return !events.some(
    (event) =>
      event.type === 'tool.waiting' || (event.type === 'tool.returned' && event.outcome === 'error' && event.usage),
  );
}

test('a replay of the cassette that a stored run exports is the same run', async () => {
  let compared = 0;
  for (const spec of specs) {
    const lived = await play(spec, (model) => model);
    const state = await RunState.fromString(lived.root, lived.state.toString());
    if (!isTold(state, spec)) continue;
    compared++;
    const tape = cassette({ data: cassetteOf(state) });
    const replayed = await play(turned(spec), () => tape);
    expect(comparable(spec, replayed), `seed ${spec.seed}`).toEqual(comparable(spec, lived));
    if (!races(spec)) await tape.assertComplete();
  }
  expect(compared).toBeGreaterThan(50);
});
