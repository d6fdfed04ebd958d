/** Sessions: load, merge, save, and what is saved when a run fails. */
import type { AgentInputItem, HandoffInputData, Session } from '@openai/agents';
import type { AnyAgent, Kit, RunOptions, Scenario } from '../kit.ts';
import { call, say } from './parts.ts';

const worker = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.agent({
    name: 'A',
    model: kit.model([[call(kit, 'look')], [say(kit, 'Found')]]),
    tools: [kit.tool('look')],
    ...more,
  });

const talker = (kit: Kit, ...texts: string[]) =>
  kit.agent({ name: 'A', model: kit.model(texts.map((text) => [say(kit, text)])) });

/** Runs with a session and notes what it holds at the end. */
async function kept(
  kit: Kit,
  agent: AnyAgent,
  options: RunOptions & { session?: never; context?: unknown } = {},
  more: Partial<Session> = {},
) {
  const session = kit.session([], more);
  const outcome = await kit.run(agent, 'Hi', { ...options, session });
  kit.log('session', session.items);
  return outcome;
}

export const scenarios: Scenario[] = [
  {
    name: 'sessions: a turn with a tool is saved, the next run loads it',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(worker(kit), 'Find', { session });
      await kit.run(talker(kit, 'Bye'), 'Thanks', { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'sessions: MemorySession',
    play: async (kit) => {
      const session = new kit.sdk.MemorySession({ sessionId: 's1', initialItems: [kit.sdk.user('Before')] });
      kit.log('id', await session.getSessionId());
      await kit.run(worker(kit), 'Find', { session });
      kit.log('items', await session.getItems());
      kit.log('last two', await session.getItems(2));
      kit.log('none', [await session.getItems(0), await session.getItems(-1)]);
      kit.log('popped', await session.popItem());
      await session.addItems([kit.sdk.user('More')]);
      kit.log('added', (await session.getItems()).length);
      await session.clearSession();
      kit.log('cleared', [await session.getItems(), await session.popItem()]);
      kit.log('id of its own', typeof (await new kit.sdk.MemorySession().getSessionId()));
    },
  },
  {
    name: 'sessions: MemorySession copies what goes in and out',
    modes: ['plain'],
    play: async (kit) => {
      const item = { type: 'message' as const, role: 'user' as const, content: 'One' };
      const session = new kit.sdk.MemorySession({ initialItems: [item] });
      item.content = 'Changed';
      const [out] = await session.getItems();
      if (out !== undefined && 'content' in out) out.content = 'Changed again';
      kit.log('kept', await session.getItems());
    },
  },
  {
    name: 'sessions: transactions of MemorySession',
    modes: ['plain'],
    play: async (kit) => {
      const { user } = kit.sdk;
      const session = new kit.sdk.MemorySession({ sessionId: 's1' });
      const append = { operationId: 'op1', transaction: { type: 'append_items' as const, items: [user('One')] } };
      await kit.attempt('append', () => session.applyHistoryTransaction(append));
      await kit.attempt('append again', () => session.applyHistoryTransaction(append));
      await kit.attempt('same id, other items', () =>
        session.applyHistoryTransaction({
          operationId: 'op1',
          transaction: { type: 'append_items', items: [user('Two')] },
        }),
      );
      await kit.attempt('replace', () =>
        session.applyHistoryTransaction({
          operationId: 'op2',
          transaction: { type: 'replace_suffix', expectedSuffix: [user('One')], replacement: [user('Uno')] },
        }),
      );
      await kit.attempt('replace what is not there', () =>
        session.applyHistoryTransaction({
          operationId: 'op3',
          transaction: { type: 'replace_suffix', expectedSuffix: [user('One')], replacement: [] },
        }),
      );
      kit.log('items', await session.getItems());
    },
  },
  {
    name: 'sessions: item input is merged like text',
    play: async (kit) => {
      const session = kit.session([kit.sdk.user('Before'), kit.sdk.assistant('Yes')]);
      await kit.run(talker(kit, 'Ok'), [kit.sdk.user('One'), kit.sdk.user('Two')], { session });
    },
  },
  {
    name: 'sessions: a callback merges',
    play: async (kit) => {
      const session = kit.session([kit.sdk.user('Old 1'), kit.sdk.user('Old 2')]);
      await kit.run(talker(kit, 'Ok'), 'New', {
        session,
        sessionInputCallback: (history: AgentInputItem[], added: AgentInputItem[]) => {
          kit.log('sessionInputCallback', [history, added]);
          return [...history.slice(-1), kit.sdk.system('Injected'), ...added];
        },
      });
      kit.log('session', session.items);
    },
  },
  {
    name: 'sessions: a callback reorders and rewrites',
    play: async (kit) => {
      const session = kit.session([kit.sdk.user('Old')]);
      await kit.run(talker(kit, 'Ok'), 'New', {
        session,
        sessionInputCallback: (history: AgentInputItem[], added: AgentInputItem[]) => [
          ...added.map((item) => ({ ...item, content: 'Rewritten' }) as AgentInputItem),
          ...history,
        ],
      });
      kit.log('session', session.items);
    },
  },
  {
    name: 'sessions: a callback that throws or returns no list',
    play: async (kit) => {
      await kit.run(talker(kit, 'Ok'), 'New', {
        session: kit.session(),
        sessionInputCallback: () => {
          throw new TypeError('callback broke');
        },
      });
      await kit.run(talker(kit, 'Ok'), 'New', {
        session: kit.session(),
        sessionInputCallback: () => 'nonsense' as unknown as AgentInputItem[],
      });
    },
  },
  {
    name: 'sessions: orphan calls of the history are not sent',
    play: async (kit) => {
      const orphan: AgentInputItem = {
        type: 'function_call',
        callId: 'o1',
        name: 'look',
        arguments: '{}',
        status: 'completed',
      };
      const session = kit.session([kit.sdk.user('Before'), orphan]);
      await kit.run(talker(kit, 'Ok'), 'New', { session });
    },
  },
  {
    name: 'sessions: ids of items are left out',
    play: async (kit) => {
      const model = kit.model([[kit.testing.assistantMessage('Hello', { id: 'msg_1', providerData: { vendor: 1 } })]]);
      await kept(kit, kit.agent({ name: 'A', model }));
    },
  },
  {
    name: 'sessions: max turns are exceeded',
    play: async (kit) => void (await kept(kit, worker(kit), { maxTurns: 1 })),
  },
  {
    name: 'sessions: the model fails at once',
    play: async (kit) => {
      await kept(kit, kit.agent({ name: 'A', model: kit.model([kit.testing.modelError(new Error('down'))]) }));
    },
  },
  {
    name: 'sessions: the model fails after a tool turn',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look')], kit.testing.modelError(new Error('down'))]);
      await kept(kit, kit.agent({ name: 'A', model, tools: [kit.tool('look')] }));
    },
  },
  {
    name: 'sessions: a tool is fatal',
    play: async (kit) => {
      const fail = kit.tool('fail', '', {
        errorFunction: null,
        execute: () => {
          throw new Error('no');
        },
      });
      const model = kit.model([[call(kit, 'look')], [call(kit, 'look', 'c2'), call(kit, 'fail')]]);
      await kept(kit, kit.agent({ name: 'A', model, tools: [kit.tool('look'), fail] }));
    },
  },
  {
    name: 'sessions: the model calls what is not there after a tool turn',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look')], [call(kit, 'other')]]);
      await kept(kit, kit.agent({ name: 'A', model, tools: [kit.tool('look')] }));
    },
  },
  {
    name: 'sessions: the model refuses',
    play: async (kit) => {
      await kept(
        kit,
        kit.agent({ name: 'A', model: kit.model([[kit.sdk.assistant([{ type: 'refusal', refusal: 'No.' }])]]) }),
      );
    },
  },
  {
    name: 'sessions: MemorySession when an output check trips after a tool turn',
    play: async (kit) => {
      const session = new kit.sdk.MemorySession({ sessionId: 's1' });
      const outputGuardrails = [{ name: 'out', execute: async () => ({ tripwireTriggered: true, outputInfo: null }) }];
      await kit.run(worker(kit, { outputGuardrails }), 'Hi', { session });
      kit.log('session', await session.getItems());
    },
  },
  {
    name: 'sessions: a handoff, plain and with a filter',
    play: async (kit) => {
      for (const inputFilter of [
        undefined,
        (data: HandoffInputData): HandoffInputData => ({ ...data, preHandoffItems: [], newItems: [] }),
      ]) {
        const session = kit.session();
        const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]]) });
        const model = kit.model([[call(kit, 'look')], [call(kit, 'transfer_to_B')]]);
        const handoffs = [kit.sdk.handoff(b, { inputFilter })];
        await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')], handoffs }), 'Go', { session });
        kit.log('session', session.items);
      }
    },
  },
  {
    name: 'sessions: loading fails',
    play: async (kit) =>
      void (await kept(
        kit,
        worker(kit),
        {},
        {
          getItems: async () => {
            throw new TypeError('cannot read');
          },
        },
      )),
  },
  {
    name: 'sessions: saving fails',
    play: async (kit) =>
      void (await kept(
        kit,
        worker(kit),
        {},
        {
          addItems: async () => {
            throw new TypeError('cannot write');
          },
        },
      )),
  },
  {
    name: 'sessions: with a conversation of the server nothing is sent twice',
    play: async (kit) => {
      const session = kit.session([kit.sdk.user('Before')]);
      await kit.run(worker(kit), 'Hi', { session, conversationId: 'conv-1' });
      kit.log('session', session.items);
    },
  },
  {
    name: 'sessions: compaction is asked for after each save',
    play: async (kit) => {
      const session = Object.assign(kit.session(), {
        runCompaction: async (args: unknown) => (kit.log('runCompaction', args), null),
      });
      await kit.run(talker(kit, 'Ok'), 'Hi', { session });
      await kit.run(worker(kit), 'Hi', { session });
    },
  },
  {
    name: 'sessions: history starts at the last compaction item',
    play: async (kit) => {
      const session = kit.session([
        kit.sdk.user('Old'),
        { type: 'compaction', encrypted_content: 'xyz' },
        kit.sdk.user('Recent'),
      ]);
      await kit.run(talker(kit, 'Ok'), 'Hi', { session });
    },
  },
  {
    name: 'sessions: a session that takes the run context',
    play: async (kit) => {
      const session = Object.assign(kit.session(), { acceptsRunContext: true as const });
      const { getItems, addItems } = session;
      const watched = {
        ...session,
        getItems: async (limit?: number, runContext?: unknown) => (
          kit.log('context at load', runContext),
          getItems(limit)
        ),
        addItems: async (items: AgentInputItem[], runContext?: unknown) => (
          kit.log('context at save', runContext),
          addItems(items)
        ),
      };
      await kit.run(talker(kit, 'Ok'), 'Hi', { session: watched });
    },
  },
];
