/** Where several parts of a run meet, and a difference was suspected. */
import type { AnyState, Kit, Scenario } from '../kit.ts';
import { approveAll, call, counted, pause, reread, say, settle } from './parts.ts';
import { asTool, relay, three } from './systems.ts';

const guard = (kit: Kit, name: string, ms: number, tripwireTriggered = false) => ({
  name,
  execute: async () => {
    kit.log(`${name} begins`);
    if (ms > 0) await settle(ms);
    kit.log(`${name} ends`);
    return { tripwireTriggered, outputInfo: { by: name } };
  },
});

const paused = (kit: Kit, session?: unknown) => {
  const agent = kit.agent({
    name: 'A',
    model: kit.model([
      counted(kit, 'r-1', [call(kit, 'look', 'l1'), call(kit, 'pay', 'p1'), call(kit, 'pay', 'p2')]),
      counted(kit, 'r-2', [call(kit, 'pay', 'p3')]),
      counted(kit, 'r-3', [say(kit, 'Done')]),
    ]),
    tools: [kit.tool('look'), kit.tool('pay', 'paid', { needsApproval: true })],
  });
  return { agent, options: session === undefined ? {} : { session: session as never } };
};

export const scenarios: Scenario[] = [
  {
    name: 'suspects: a question two sub-agents deep, approved',
    play: async (kit) => {
      const agent = three(kit);
      const first = await kit.done(agent, 'Go');
      kit.log(
        'asked',
        first.interruptions.map((item) => [item.agent.name, item.name]),
      );
      await kit.run(agent, approveAll(first));
    },
  },
  {
    name: 'suspects: a question two sub-agents deep, rejected through a string',
    play: async (kit) => {
      const agent = three(kit);
      const first = await kit.done(agent, 'Go');
      const state = await reread(kit, agent, first.state);
      for (const item of state.getInterruptions()) state.reject(item, { message: 'Not today.' });
      await kit.run(agent, state);
    },
  },
  {
    name: 'suspects: events of a sub-agent that is asked for approval reach onStream',
    play: async (kit) => {
      // Told beside the hooks, not between them.
      const told: Record<string, string[]> = { B: [], C: [] };
      const onStream = ({ agent, event }: { agent: { name: string }; event: { type: string; name?: string } }) =>
        told[agent.name]?.push(event.name ?? event.type);
      const agent = three(kit, { onStream });
      const first = await kit.done(agent, 'Go');
      await settle();
      await kit.run(agent, approveAll(first));
      await settle();
      kit.log('told', told);
    },
  },
  {
    name: 'suspects: the usage of a run with a handoff and a sub-agent, as tools and hooks see it',
    play: async (kit) => {
      const sub = kit.agent({ name: 'Sub', model: kit.model([counted(kit, 's-1', [say(kit, 'From Sub')])], 'Sub') });
      const spy = kit.tool('look', '', {
        execute: (_input: unknown, context: { usage: object }) => {
          kit.log('usage in a tool', context.usage);
          return 'seen';
        },
      });
      const b = kit.agent({
        name: 'B',
        model: kit.model(
          [
            counted(kit, 'b-1', [call(kit, 'Sub', 's1', { input: 'x' })]),
            counted(kit, 'b-2', [call(kit, 'look', 'l1')]),
            counted(kit, 'b-3', [say(kit, 'From B')]),
          ],
          'B',
        ),
        tools: [asTool(sub), spy],
      });
      b.on('agent_end', (context) => kit.log('usage at the end', context.usage));
      const model = kit.model([counted(kit, 'a-1', [call(kit, 'transfer_to_B', 'h1')])], 'A');
      await kit.run(kit.agent({ name: 'A', model, handoffs: [b] }), 'Go');
    },
  },
  {
    name: 'suspects: ids of responses over a handoff, and over a pause',
    play: async (kit) => {
      await kit.run(relay(kit), 'Go');
      const { agent } = paused(kit);
      const first = await kit.done(agent, 'Go');
      kit.log('paused at', first.lastResponseId);
      const second = await kit.done(agent, approveAll(first));
      await kit.run(agent, approveAll(second));
    },
  },
  {
    name: 'suspects: a relay with a session, twice',
    play: async (kit) => {
      const session = kit.session();
      const agent = relay(kit);
      await kit.run(agent, 'One', { session });
      await kit.run(agent, 'Two', { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: a filter of a handoff that keeps all, with a session',
    play: async (kit) => {
      const session = kit.session([kit.sdk.user('Before')]);
      const filter = (data: { newItems: unknown[]; preHandoffItems: unknown[]; inputHistory: unknown }) => {
        kit.log('filter', [data.newItems.length, data.preHandoffItems.length, data.inputHistory]);
        return data;
      };
      await kit.run(relay(kit, { filter }), 'Go', { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: an input filter of the model beside a handoff and a session',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(relay(kit), 'Go', {
        session,
        callModelInputFilter: ({ modelData, agent }) => {
          kit.log(`filter for ${agent.name}`, modelData.input.length);
          return { ...modelData, input: modelData.input.slice(-3) };
        },
      });
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: a filter that rewrites the input at each call, with a session',
    play: async (kit) => {
      const session = kit.session();
      const model = kit.model([[call(kit, 'look', 'l1')], [call(kit, 'look', 'l2')], [say(kit, 'Done')]]);
      let calls = 0;
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Go', {
        session,
        callModelInputFilter: ({ modelData }) => {
          calls += 1;
          const stamped = (text: string) => ({ ...kit.sdk.user(text), content: `${text}${calls}` });
          return {
            ...modelData,
            input: modelData.input.map((item) =>
              'role' in item && item.role === 'user' && typeof item.content === 'string' ? stamped(item.content) : item,
            ),
          };
        },
      });
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: parallel input guardrails beside a quick tool turn',
    play: async (kit) => {
      const tools = [kit.tool('look')];
      for (const slow of [guard(kit, 'slow', 20), guard(kit, 'trips', 20, true)]) {
        const model = kit.model([[call(kit, 'look')], [say(kit, 'Done')]]);
        const inputGuardrails = [guard(kit, 'quick', 0), slow];
        const session = kit.session();
        await kit.run(kit.agent({ name: 'A', model, tools, inputGuardrails }), 'Go', { session });
        kit.log('session', session.items);
      }
    },
  },
  {
    name: 'suspects: guardrails of the runner and of the agent, both trip',
    play: async (kit) => {
      const model = kit.model([[say(kit, 'Done')], [say(kit, 'Done')]]);
      const of = (kind: string, names: string[]) => ({ [kind]: names.map((name) => guard(kit, name, 0, true)) });
      const blocking = (names: string[]) =>
        names.map((name) => ({ ...guard(kit, name, 0, true), runInParallel: false }));
      const runner = kit.runner({ inputGuardrails: blocking(['runner']) });
      await kit.run(kit.agent({ name: 'A', model, inputGuardrails: blocking(['agent']) }), 'Go', { runner });
      await settle();
      const output = kit.runner(of('outputGuardrails', ['runner']));
      await kit.run(kit.agent({ name: 'A', model, ...of('outputGuardrails', ['agent']) }), 'Go', { runner: output });
      await settle();
    },
  },
  {
    name: 'suspects: output guardrails, hooks and the session, in their order',
    play: async (kit) => {
      const agent = relay(kit, { b: { outputGuardrails: [guard(kit, 'out', 0)] } });
      await kit.run(agent, 'Go', { session: kit.session() });
    },
  },
  {
    name: 'suspects: one of three tools fails, one is slow, one asks',
    play: async (kit) => {
      const fail = () => {
        throw new TypeError('disk is full');
      };
      const slow = async () => (await settle(10), 'slow done');
      const agent = kit.agent({
        name: 'A',
        model: kit.model([
          [call(kit, 'fail'), call(kit, 'slow'), call(kit, 'pay'), call(kit, 'look')],
          [say(kit, 'Done')],
        ]),
        tools: [
          kit.tool('fail', '', { execute: fail }),
          kit.tool('slow', '', { execute: slow }),
          kit.tool('pay', 'paid', { needsApproval: async () => true }),
          kit.tool('look'),
        ],
      });
      const first = await kit.done(agent, 'Go', { session: kit.session() });
      await kit.run(agent, approveAll(first), { session: kit.session() });
    },
  },
  {
    name: 'suspects: partly decided, through strings, with a session',
    // Streamed, the published SDK saves a rejection later.
    modes: ['plain'],
    play: async (kit) => {
      const session = kit.session();
      const { agent, options } = paused(kit, session);
      let state: AnyState = (await kit.done(agent, 'Go', options)).state;
      for (let round = 0; round < 4 && state.getInterruptions().length > 0; round += 1) {
        state = await reread(kit, agent, state);
        const [one] = state.getInterruptions();
        if (one !== undefined && round > 0) state.approve(one);
        else if (one !== undefined) state.reject(one);
        state = (await kit.done(agent, state, options)).state;
      }
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: a decision on a context, on other arguments than the call has',
    modes: ['plain'],
    play: async (kit) => {
      for (const n of [1, 2]) {
        const model = kit.model([[call(kit, 'pay', 'p1', { n })], [say(kit, 'Done')]]);
        const agent = kit.agent({ name: 'A', model, tools: [kit.tool('pay', 'paid', { needsApproval: true })] });
        const context = new kit.sdk.RunContext({});
        const raw = { type: 'function_call', name: 'pay', callId: 'p1', arguments: '{ "n": 1 }', status: 'completed' };
        context.approveTool(new kit.sdk.RunToolApprovalItem(raw as never, agent));
        await kit.run(agent, 'Go', { context });
      }
    },
  },
  {
    name: 'suspects: abort while the second tool works, then resume',
    play: async (kit) => {
      const controller = new AbortController();
      const slow = async (_input: unknown, _context: unknown, details?: { signal?: AbortSignal }) => {
        kit.log('slow begins');
        void settle(5).then(() => controller.abort());
        await pause(300, details?.signal);
        return 'slow done';
      };
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look'), call(kit, 'slow')], [say(kit, 'Done')]]),
        tools: [kit.tool('look'), kit.tool('slow', '', { execute: slow })],
      });
      await kit.run(agent, 'Go', { signal: controller.signal });
    },
  },
  {
    name: 'suspects: turns of a sub-agent run out, with a handler of its own',
    play: async (kit) => {
      const again = Array.from({ length: 3 }, (_, n) => [call(kit, 'look', `l${n}`)]);
      const runOptions = { maxTurns: 2, errorHandlers: { maxTurns: () => ({ finalOutput: 'Sub gave up' }) } };
      for (const options of [{ runOptions }, { runOptions: { maxTurns: 2 } }]) {
        const sub = kit.agent({ name: 'Sub', model: kit.model(again, 'Sub'), tools: [kit.tool('look')] });
        const model = kit.model([[call(kit, 'Sub', 's1', { input: 'x' })], [say(kit, 'Done')]], 'A');
        await kit.run(kit.agent({ name: 'A', model, tools: [asTool(sub, options)] }), 'Go');
      }
    },
  },
  {
    name: 'suspects: a final tool beside a tool that asks, and after it',
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look'), call(kit, 'pay')], [say(kit, 'Done')]]),
        tools: [kit.tool('look'), kit.tool('pay', 'paid', { needsApproval: true })],
        toolUseBehavior: { stopAtToolNames: ['pay'] },
      });
      const session = kit.session();
      const first = await kit.done(agent, 'Go', { session });
      await kit.run(agent, approveAll(first), { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: a sub-agent with a session of its own, called twice',
    play: async (kit) => {
      const session = kit.session();
      const model = kit.model([[say(kit, 'One')], [say(kit, 'Two')]], 'Sub');
      const sub = kit.agent({ name: 'Sub', model });
      const calls = ['s1', 's2'].map((id) => [call(kit, 'Sub', id, { input: id })]);
      const outer = kit.model([...calls, [say(kit, 'Done')]], 'A');
      await kit.run(kit.agent({ name: 'A', model: outer, tools: [asTool(sub, { runOptions: { session } })] }), 'Go');
      kit.log('session', session.items);
    },
  },
  {
    name: 'suspects: a history with reasoning, calls and a pause is the input of the next run',
    play: async (kit) => {
      const thought = (id: string) =>
        ({ type: 'reasoning', id, content: [{ type: 'input_text', text: 'Hm.' }] }) as never;
      const model = kit.model([
        [thought('rs_1'), call(kit, 'look')],
        [thought('rs_2'), say(kit, 'First')],
        [say(kit, 'Second')],
      ]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const first = await kit.done(agent, 'Go');
      await kit.run(agent, [...first.history, kit.sdk.user('And?')]);
    },
  },
  {
    name: 'suspects: text of a stream over tool turns and a handoff',
    modes: ['stream'],
    play: async (kit) => {
      const result = await kit.runner().run(relay(kit), 'Go', { stream: true });
      const texts: string[] = [];
      for await (const text of result.toTextStream()) texts.push(text);
      await result.completed;
      kit.log('texts', texts);
      kit.log('seen', [result.finalOutput, result.lastResponseId, result.currentTurn, result.newItems.length]);
    },
  },
  {
    name: 'suspects: errors of a session and of a guardrail in a sub-agent',
    play: async (kit) => {
      const broken = kit.session([], {
        addItems: () => {
          throw new RangeError('no room');
        },
      });
      for (const more of [{ runOptions: { session: broken } }, {}]) {
        const inputGuardrails = Object.keys(more).length > 0 ? [] : [{ ...guard(kit, 'in', 0, true) }];
        const sub = kit.agent({ name: 'Sub', model: kit.model([[say(kit, 'One')]], 'Sub'), inputGuardrails });
        const model = kit.model([[call(kit, 'Sub', 's1', { input: 'x' })], [say(kit, 'Done')]], 'A');
        await kit.run(kit.agent({ name: 'A', model, tools: [asTool(sub, more)] }), 'Go');
      }
    },
  },
  {
    name: 'suspects: handlers of errors, a session and a state that goes on',
    play: async (kit) => {
      const session = kit.session();
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look', 'l1')], [call(kit, 'look', 'l2')], [say(kit, 'Done')]]),
        tools: [kit.tool('look')],
      });
      const errorHandlers = { maxTurns: () => ({ finalOutput: 'Enough.', includeInHistory: true }) };
      await kit.run(agent, 'Go', { session, maxTurns: 1, errorHandlers });
      await kit.run(agent, [...session.items, kit.sdk.user('And now?')], { maxTurns: 3 });
      kit.log('session', session.items);
    },
  },
];
