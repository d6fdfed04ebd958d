/** Input and output guardrails. */
import { z } from 'zod';
import type { Kit, Scenario } from '../kit.ts';
import { call, gate, say, settle } from './parts.ts';

type Verdict = 'pass' | 'trip' | 'throw';

/** A guardrail that notes what it was given. `runInParallel` counts for input only. */
const guard = (
  kit: Kit,
  name: string,
  verdict: Verdict,
  more: { runInParallel?: boolean; wait?: Promise<void> } = {},
) => ({
  name,
  runInParallel: more.runInParallel,
  execute: async (args: Record<string, unknown>) => {
    const { details: _details, ...seen } = args;
    kit.log(`guardrail ${name}`, seen);
    await more.wait;
    if (verdict === 'throw') throw new TypeError(`${name} broke`);
    return { tripwireTriggered: verdict === 'trip', outputInfo: { by: name } };
  },
});

const simple = (kit: Kit, more: Record<string, unknown>) =>
  kit.agent({ name: 'A', model: kit.model([[say(kit, 'Hello')]]), ...more });

const worker = (kit: Kit, more: Record<string, unknown>) =>
  kit.agent({
    name: 'A',
    model: kit.model([[call(kit, 'look')], [say(kit, 'Hello')]]),
    tools: [kit.tool('look')],
    ...more,
  });

export const scenarios: Scenario[] = [
  {
    name: 'guardrails: input checks that pass, blocking and parallel',
    play: async (kit) => {
      const inputGuardrails = [
        guard(kit, 'parallel', 'pass'),
        guard(kit, 'blocking', 'pass', { runInParallel: false }),
      ];
      await kit.run(simple(kit, { inputGuardrails }), 'Hi', {
        runner: kit.runner({ inputGuardrails: [guard(kit, 'runner', 'pass')] }),
      });
    },
  },
  {
    name: 'guardrails: input checks see items',
    play: async (kit) => {
      await kit.run(simple(kit, { inputGuardrails: [guard(kit, 'in', 'pass')] }), [
        kit.sdk.user('One'),
        kit.sdk.user('Two'),
      ]);
    },
  },
  {
    name: 'guardrails: a blocking input check trips before the model',
    play: async (kit) => {
      const session = kit.session();
      const inputGuardrails = [
        guard(kit, 'blocking', 'trip', { runInParallel: false }),
        guard(kit, 'parallel', 'pass'),
      ];
      await kit.run(simple(kit, { inputGuardrails }), 'Hi', { session });
    },
  },
  {
    name: 'guardrails: a quick parallel input check trips',
    play: async (kit) => {
      await kit.run(simple(kit, { inputGuardrails: [guard(kit, 'quick', 'trip')] }), 'Hi', { session: kit.session() });
    },
  },
  {
    name: 'guardrails: a slow parallel input check trips before any tool runs',
    play: async (kit) => {
      const slow = gate();
      const model = kit.model([
        kit.testing.modelResponder(async () => {
          void settle(5).then(() => slow.open());
          return [call(kit, 'look')];
        }),
        [say(kit, 'Hello')],
      ]);
      const agent = kit.agent({
        name: 'A',
        model,
        tools: [kit.tool('look')],
        inputGuardrails: [guard(kit, 'slow', 'trip', { wait: slow.promise })],
      });
      await kit.run(agent, 'Hi', { session: kit.session() });
    },
  },
  {
    name: 'guardrails: an input check that throws, blocking and parallel',
    play: async (kit) => {
      for (const runInParallel of [false, true]) {
        await kit.run(simple(kit, { inputGuardrails: [guard(kit, 'broken', 'throw', { runInParallel })] }), 'Hi', {
          session: kit.session(),
        });
      }
    },
  },
  {
    name: 'guardrails: input checks run on the first turn only',
    play: async (kit) => void (await kit.run(worker(kit, { inputGuardrails: [guard(kit, 'in', 'pass')] }), 'Hi')),
  },
  {
    name: 'guardrails: output checks that pass',
    play: async (kit) => {
      const agent = worker(kit, { outputGuardrails: [guard(kit, 'out', 'pass'), guard(kit, 'more', 'pass')] });
      await kit.run(agent, 'Hi', { runner: kit.runner({ outputGuardrails: [guard(kit, 'runner', 'pass')] }) });
    },
  },
  {
    name: 'guardrails: the details of an output check',
    play: async (kit) => {
      const out = {
        name: 'out',
        execute: async ({ details }: { details: unknown }) => (
          kit.log('details', details),
          { tripwireTriggered: false, outputInfo: null }
        ),
      };
      await kit.run(worker(kit, { outputGuardrails: [out] }), 'Hi');
    },
  },
  {
    name: 'guardrails: output checks see the parsed value',
    play: async (kit) => {
      const model = kit.model([[say(kit, '{"n":1}')]]);
      const agent = kit.agent({
        name: 'A',
        model,
        outputType: z.object({ n: z.number() }),
        outputGuardrails: [guard(kit, 'out', 'pass')],
      });
      await kit.run(agent, 'Hi');
    },
  },
  {
    name: 'guardrails: an output check trips without tools',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(simple(kit, { outputGuardrails: [guard(kit, 'out', 'trip')] }), 'Hi', { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'guardrails: an output check trips after a tool turn',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(worker(kit, { outputGuardrails: [guard(kit, 'out', 'trip')] }), 'Hi', { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'guardrails: an output check throws',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(simple(kit, { outputGuardrails: [guard(kit, 'out', 'throw')] }), 'Hi', { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'guardrails: one output check trips, one passes, one throws',
    play: async (kit) => {
      const outputGuardrails = [guard(kit, 'first', 'pass'), guard(kit, 'second', 'trip'), guard(kit, 'third', 'trip')];
      await kit.run(simple(kit, { outputGuardrails }), 'Hi');
    },
  },
  {
    name: 'guardrails: a blocked tool output is withheld',
    play: async (kit) => {
      const session = kit.session();
      const agent = worker(kit, {
        toolUseBehavior: 'stop_on_first_tool',
        outputGuardrails: [guard(kit, 'out', 'trip')],
      });
      const { error } = await kit.run(agent, 'Hi', { session });
      kit.log('session', session.items);
      const state = error instanceof kit.sdk.AgentsError ? error.state : undefined;
      kit.log('leaks', state?.toString().includes('look done'));
    },
  },
  {
    name: 'guardrails: the placeholder of a blocked tool output can be set',
    play: async (kit) => {
      const session = kit.session();
      const agent = worker(kit, {
        toolUseBehavior: 'stop_on_first_tool',
        outputGuardrails: [guard(kit, 'out', 'trip')],
      });
      await kit.run(agent, 'Hi', { session, outputGuardrailBlockedMessage: 'Hidden.' });
      kit.log('session', session.items);
    },
  },
  {
    name: 'guardrails: defineOutputGuardrail',
    play: async (kit) => {
      const defined = kit.sdk.defineOutputGuardrail({
        name: 'out',
        execute: async () => ({ tripwireTriggered: false, outputInfo: 1 }),
      });
      kit.log('defined', [defined.type, defined.name]);
      await kit.attempt('run', () =>
        defined.run({ agent: kit.agent({ name: 'A' }), agentOutput: 'x', context: new kit.sdk.RunContext({}) }),
      );
    },
  },
  {
    name: 'guardrails: hooks around checks that trip',
    play: async (kit) => {
      const instructions = () => (kit.log('instructions'), 'I');
      await kit.run(
        simple(kit, {
          instructions,
          inputGuardrails: [guard(kit, 'a', 'pass'), guard(kit, 'b', 'pass', { runInParallel: false })],
        }),
        'Hi',
      );
    },
  },
];
