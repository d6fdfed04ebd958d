/** What holds for the kernel whatever the world answers, and in whatever order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { brokenLaws, picture } from '../../test/kernel/laws.ts';
import { lifeOf } from '../../test/kernel/world.ts';
import { random, upTo } from '../../test/kill/random.ts';
import {
  apply,
  type Committed,
  drive,
  fold,
  initialState,
  isOver,
  type RunEvent,
  type State,
  step,
  type World,
} from './index.ts';

const seeds = fc.nat({ max: 1_000_000 });

/** The lives that every run of the tests sees, so that what they cover never hangs on luck. */
const KNOWN = Array.from({ length: 500 }, (_, seed) => seed);

test('a run comes to its end, with a log that keeps all laws', async () => {
  const holds = async (seed: number): Promise<void> => {
    const { log, state, cap, problems } = await lifeOf(seed);
    expect(isOver(state.status)).toBe(true);
    expect([...problems, ...brokenLaws(log, cap)]).toEqual([]);
  };
  for (const seed of KNOWN) await holds(seed);
  await fc.assert(fc.asyncProperty(seeds, holds));
});

test('the fold of the log is the state, also after a round trip through JSON', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const { log, state } = await lifeOf(seed);
      expect(picture(fold(log, initialState()))).toBe(picture(state));
      expect(picture(fold(JSON.parse(JSON.stringify(log)) as Committed[], initialState()))).toBe(picture(state));
    }),
  );
});

test('no older state ever shows a change', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const pictures: string[] = [];
      const { states } = await lifeOf(seed, { seen: (state) => pictures.push(picture(state)) });
      expect(states.map(picture)).toEqual(pictures);
    }),
  );
});

test('a fork of an older state changes neither it nor the states after it', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const { log, states } = await lifeOf(seed);
      const before = states.map(picture);
      const from = states[upTo(random(seed), states.length - 1)] ?? initialState();
      fold(log.slice(-5), from);
      fold(log.slice(-9), from);
      expect(states.map(picture)).toEqual(before);
    }),
  );
});

test('where a run is paused or over, nothing is decided', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const { states, plan } = await lifeOf(seed);
      const idle = states.filter(({ status }) => status === 'paused' || isOver(status) || status === 'new');
      expect(idle.flatMap((state) => step(state, plan))).toEqual([]);
    }),
  );
});

test('a listener that throws ends the run, and the log keeps all laws', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const { log, state, cap, problems } = await lifeOf(seed, { throwing: true });
      expect(isOver(state.status)).toBe(true);
      expect([...problems, ...brokenLaws(log, cap)]).toEqual([]);
    }),
  );
});

test('apply takes any events in any order', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, seeds, async (seed, other) => {
      const [one, two] = [await lifeOf(seed), await lifeOf(other)];
      const r = random(seed ^ other);
      const events: RunEvent[] = [...one.log, ...two.log];
      let state: State = initialState();
      for (let n = 0; n < 80; n++) {
        const event = events[upTo(r, events.length - 1)];
        if (event) state = fold([event], state);
        expect(() => step(state, one.plan)).not.toThrow();
      }
    }),
  );
});

test('answers to what is not open change nothing', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const { log, states } = await lifeOf(seed);
      const state = states[upTo(random(seed), states.length - 1)] ?? initialState();
      const answers = log.filter((event) => 'id' in event && event.id !== undefined && event.type !== 'run.stopping');
      for (const event of answers) {
        const isOpen = 'id' in event && state.open.some(({ id }) => id === event.id);
        if (!isOpen && state.status !== 'stopping') expect(apply(state, event)).toBe(state);
      }
    }),
  );
});

test('a run that is cut off anywhere goes on from its log to an end, and its log keeps all laws', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const { log, plan, cap } = await lifeOf(seed);
      const cut = log.slice(0, upTo(random(seed + 1), log.length - 1) + 1);
      const from = fold(cut, initialState());
      if (from.status !== 'running' && from.status !== 'stopping') return;
      const after: Committed[] = [];
      let inbox: RunEvent[] = [{ type: 'run.recovered' }];
      const under: string[] = [];
      const world: World = {
        start: ({ id }) => void under.push(id),
        next: async () => ({
          type: 'effect.failed',
          id: under.shift() ?? '',
          error: { name: 'Error', message: 'broke' },
        }),
        inbox: () => inbox.splice(0),
        commit: (events) => void after.push(...events),
        notify: () => undefined,
        caught: () => ({ cause: 'callback', error: { name: 'Error', message: '' } }),
      };
      let end = await drive(from, plan, world);
      if (end.status === 'paused') {
        inbox = [{ type: 'run.stopping', cause: 'abort', error: { name: 'AbortError', message: 'enough' } }];
        inbox.unshift({ type: 'run.resumed', maxTurns: 0 });
        end = await drive(end, plan, world);
      }
      expect(isOver(end.status)).toBe(true);
      expect(brokenLaws([...cut, ...after], cap)).toEqual([]);
    }),
  );
});
