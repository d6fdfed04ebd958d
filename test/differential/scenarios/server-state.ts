/** History held by a server, and what is sent to a model. */
import type { AgentInputItem, CallModelInputFilterArgs } from '@openai/agents';
import type { AnyAgent, Kit, Scenario } from '../kit.ts';
import { call, counted, say } from './parts.ts';

const three = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.agent({
    name: 'A',
    model: kit.model([
      counted(kit, 'r1', [call(kit, 'look', 'c1')]),
      counted(kit, 'r2', [call(kit, 'look', 'c2')]),
      counted(kit, 'r3', [say(kit, 'Done')]),
    ]),
    tools: [kit.tool('look')],
    ...more,
  });

const reasoning = { type: 'reasoning' as const, id: 'rs1', content: [{ type: 'input_text' as const, text: 'Hm' }] };

export const scenarios: Scenario[] = [
  {
    name: 'server state: previousResponseId advances and only deltas are sent',
    play: async (kit) => void (await kit.run(three(kit), 'Go', { previousResponseId: 'r0' })),
  },
  {
    name: 'server state: conversationId stays and only deltas are sent',
    play: async (kit) => void (await kit.run(three(kit), 'Go', { conversationId: 'conv-1' })),
  },
  {
    name: 'server state: both at once',
    play: async (kit) => void (await kit.run(three(kit), 'Go', { conversationId: 'conv-1', previousResponseId: 'r0' })),
  },
  {
    name: 'server state: resume after an approval sends the result only',
    play: async (kit) => {
      for (const options of [{ previousResponseId: 'r0' }, { conversationId: 'conv-1' }]) {
        const agent = kit.agent({
          name: 'A',
          tools: [kit.tool('pay', 'paid', { needsApproval: true })],
          model: kit.model([counted(kit, 'r1', [call(kit, 'pay')]), counted(kit, 'r2', [say(kit, 'Done')])]),
        });
        const first = await kit.done(agent, 'Go', options);
        const state = await kit.sdk.RunState.fromString<unknown, AnyAgent>(agent, first.state.toString());
        for (const asked of state.getInterruptions()) state.approve(asked);
        await kit.run(agent, state);
      }
    },
  },
  {
    name: 'server state: ignored handoffs are answered to the server',
    play: async (kit) => {
      const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]], 'model B') });
      const c = kit.agent({ name: 'C' });
      const model = kit.model([counted(kit, 'r1', [call(kit, 'transfer_to_B'), call(kit, 'transfer_to_C')])]);
      await kit.run(kit.agent({ name: 'A', model, handoffs: [b, c] }), 'Go', { conversationId: 'conv-1' });
    },
  },
  {
    name: 'server state: a reply without an id keeps the last one',
    play: async (kit) => {
      const usage = () => new kit.sdk.Usage();
      const model = kit.model([
        kit.testing.modelResponse({ output: [call(kit, 'look')], usage: usage() }),
        kit.testing.modelResponse({ output: [say(kit, 'Done')], usage: usage() }),
      ]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Go', { previousResponseId: 'r0' });
    },
  },
  {
    name: 'input filter: sees input and instructions, may rewrite both',
    play: async (kit) => {
      const session = kit.session([kit.sdk.user('Before')]);
      await kit.run(three(kit, { instructions: 'Original' }), 'Go', {
        session,
        callModelInputFilter: ({ modelData, agent, context }: CallModelInputFilterArgs) => {
          kit.log('filter', [modelData, agent, context]);
          const input = modelData.input.map((item) =>
            'content' in item && item.content === 'Go' ? ({ ...item, content: 'GO' } as AgentInputItem) : item,
          );
          return { input, instructions: `${modelData.instructions}!` };
        },
      });
      kit.log('session', session.items);
    },
  },
  {
    name: 'input filter: what it drops and adds',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(three(kit), 'Go', {
        session,
        callModelInputFilter: ({ modelData }: CallModelInputFilterArgs) => ({
          ...modelData,
          input: [kit.sdk.system('Added'), ...modelData.input.filter((item) => item.type !== 'function_call')],
        }),
      });
      kit.log('session', session.items);
    },
  },
  {
    name: 'input filter: its changes do not leak into the history',
    play: async (kit) => {
      const { result } = await kit.run(three(kit), 'Go', {
        callModelInputFilter: ({ modelData }: CallModelInputFilterArgs) => {
          for (const item of modelData.input) if (item.type === 'function_call_result') item.name = 'changed';
          return modelData;
        },
      });
      kit.log('history', result?.history);
    },
  },
  {
    name: 'input filter: of the runner, of the run',
    play: async (kit) => {
      const mark =
        (text: string) =>
        ({ modelData }: CallModelInputFilterArgs) => ({ ...modelData, instructions: text });
      const runner = kit.runner({ callModelInputFilter: mark('of the runner') });
      await kit.run(kit.agent({ name: 'A', model: kit.model([[say(kit, '1')]]) }), 'Go', { runner });
      await kit.run(kit.agent({ name: 'A', model: kit.model([[say(kit, '1')]]) }), 'Go', {
        runner,
        callModelInputFilter: mark('of the run'),
      });
    },
  },
  {
    name: 'input filter: throws, or returns nonsense',
    play: async (kit) => {
      const agent = () => kit.agent({ name: 'A', model: kit.model([[say(kit, '1')]]) });
      await kit.run(agent(), 'Go', {
        callModelInputFilter: () => {
          throw new TypeError('filter broke');
        },
      });
      await kit.run(agent(), 'Go', {
        callModelInputFilter: () => ({ input: 'text' }) as unknown as { input: AgentInputItem[] },
      });
    },
  },
  {
    name: 'reasoning ids: preserved, or omitted when asked to',
    play: async (kit) => {
      const agent = () =>
        kit.agent({
          name: 'A',
          model: kit.model([[reasoning, call(kit, 'look')], [say(kit, 'Done')]]),
          tools: [kit.tool('look')],
        });
      await kit.run(agent(), 'Go', { reasoningItemIdPolicy: 'preserve' });
      const session = kit.session();
      await kit.run(agent(), 'Go', { reasoningItemIdPolicy: 'omit', session });
      kit.log('session', session.items);
    },
  },
];
