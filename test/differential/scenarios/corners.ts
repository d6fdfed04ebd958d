/** What users do at the edges: readers that come twice, filters that say half, tools that leave off, odd replies. */
import type { AgentInputItem } from '@openai/agents';
import type { Kit, Scenario } from '../kit.ts';
import { call, payer, pause, reread, say } from './parts.ts';

/** A tool that leaves off as `fetch` does: it throws the reason of its signal. */
const leavesOff = (kit: Kit, controller: AbortController, more: Record<string, unknown> = {}) =>
  kit.tool('slow', '', {
    execute: async (_input: unknown, _context: unknown, details: { signal?: AbortSignal }) => {
      setTimeout(() => controller.abort(), 5);
      await pause(5000, details.signal);
    },
    ...more,
  });

async function aborted(kit: Kit, more: Record<string, unknown>): Promise<void> {
  const controller = new AbortController();
  const agent = kit.agent({
    name: 'A',
    model: kit.model([[call(kit, 'slow')], [say(kit, 'Done')]]),
    tools: [leavesOff(kit, controller, more)],
  });
  await kit.run(agent, 'Go', { signal: controller.signal });
}

export const scenarios: Scenario[] = [
  {
    name: 'abort: a tool that throws the reason of its signal',
    play: async (kit) => {
      await aborted(kit, {});
      await aborted(kit, { errorFunction: () => 'not asked' });
      await aborted(kit, { timeoutMs: 60_000 });
    },
  },
  {
    name: 'input filter: leaves out the instructions',
    play: async (kit) => {
      for (const instructions of [undefined, '']) {
        const agent = kit.agent({ name: 'A', instructions: 'Be brief.', model: kit.model([[say(kit, 'Hello')]]) });
        await kit.run(agent, 'Hi', {
          callModelInputFilter: ({ modelData: { input } }) =>
            instructions === undefined ? { input } : { input, instructions },
        });
      }
    },
  },
  {
    name: 'sessions: a call that nobody answered takes its thoughts along',
    play: async (kit) => {
      const asks = (callId: string): AgentInputItem => call(kit, 'look', callId);
      const thought = (id: string): AgentInputItem => ({ type: 'reasoning', id, content: [] });
      const result: AgentInputItem = {
        type: 'function_call_result',
        callId: 'c1',
        name: 'look',
        status: 'completed',
        output: { type: 'text', text: 'seen' },
      };
      const stored = [kit.sdk.user('One'), thought('r1'), asks('c1'), result, thought('r2'), thought('r3'), asks('c2')];
      await kit.run(kit.agent({ name: 'A', model: kit.model([[say(kit, 'Hello')]]) }), 'Two', {
        session: kit.session(stored),
      });
    },
  },
  {
    name: 'tools: images in the form of MCP',
    play: async (kit) => {
      for (const image of [
        { data: 'aGk=', mimeType: 'image/png' },
        { data: new Uint8Array([1, 2]), mimeType: 'image/gif' },
      ]) {
        const look = kit.tool('look', { type: 'image', ...image });
        await kit.run(
          kit.agent({ name: 'A', model: kit.model([[call(kit, 'look')], [say(kit, 'Done')]]), tools: [look] }),
          'Go',
        );
      }
    },
  },
  {
    name: 'turns: calls of machines that are not there',
    modes: ['plain'],
    play: async (kit) => {
      const calls = [
        {
          type: 'computer_call' as const,
          callId: 'c',
          status: 'completed' as const,
          action: { type: 'screenshot' as const },
        },
        { type: 'shell_call' as const, callId: 'c', status: 'completed' as const, action: { commands: ['ls'] } },
        {
          type: 'apply_patch_call' as const,
          callId: 'c',
          status: 'completed' as const,
          operation: { type: 'delete_file' as const, path: 'a' },
        },
      ];
      for (const made of calls) {
        await kit.run(kit.agent({ name: 'A', model: kit.model([[made], [say(kit, 'Done')]]) }), 'Go');
      }
    },
  },
  {
    name: 'turns: a final output that is not there yet',
    console: true,
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'approvals: what a question shows',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay', 'p1', { n: 1 })], [say(kit, 'Done')]]);
      const { interruptions } = await kit.done(agent, 'Go');
      const { functionToolStateKey: _, ...json } = { functionToolStateKey: '', ...interruptions[0]?.toJSON() };
      kit.log('json', json);
      kit.log('names', [interruptions[0]?.name, interruptions[0]?.toolName]);
    },
  },
  {
    name: 'agent tools: the state of a sub-agent that waits',
    modes: ['plain'],
    play: async (kit) => {
      const inner = kit.agent({
        name: 'Inner',
        model: kit.model([[call(kit, 'pay')], [say(kit, 'Paid')]]),
        tools: [kit.tool('pay', 'paid', { needsApproval: true })],
      });
      const agent = new kit.sdk.Agent({
        name: 'A',
        model: kit.model([[call(kit, 'ask', 'c1', { input: 'Pay' })], [say(kit, 'Done')]]),
        tools: [inner.asTool({ toolName: 'ask', toolDescription: 'Asks.' })],
      });
      const { state } = await kit.runner().run(agent, 'Go');
      for (const each of [state, await kit.sdk.RunState.fromString(agent, state.toString())]) {
        kit.log('waits', [each.hasPendingAgentToolRun('ask', 'c1'), each.hasPendingAgentToolRun('ask', 'c2')]);
        const text = each.getPendingAgentToolRun('ask', 'c1') ?? '';
        kit.log('its question', (await kit.sdk.RunState.fromString(inner, text)).getInterruptions()[0]?.name);
        kit.log('another', each.getPendingAgentToolRun('other', 'c1') ?? null);
      }
    },
  },
  {
    name: 'values: what tools returned, as JSON',
    play: async (kit) => {
      for (const [output, data] of [
        [{ a: 1 }, { card: 1 }],
        [['x'], undefined],
      ]) {
        const look = kit.tool('look', output, { customDataExtractor: () => data });
        const agent = kit.agent({
          name: 'A',
          model: kit.model([[call(kit, 'look')], [say(kit, 'Done')]]),
          tools: [look],
        });
        const { newItems } = await kit.done(agent, 'Go');
        kit.log('json', JSON.parse(JSON.stringify(newItems)));
      }
    },
  },
  {
    name: 'approvals: a lasting decision is for the agent that asked, over a handoff',
    play: async (kit) => {
      for (const alwaysApprove of [true, false]) {
        const pays = () => kit.tool('pay', 'paid', { needsApproval: true });
        const b = kit.agent({
          name: 'B',
          model: kit.model([[call(kit, 'pay', 'c2')], [say(kit, 'Done')]]),
          tools: [pays()],
        });
        const model = kit.model([[call(kit, 'pay', 'c0')], [call(kit, 'pay', 'c1')], [call(kit, 'transfer_to_B')]]);
        const a = kit.agent({ name: 'A', model, tools: [pays()], handoffs: [b] });
        const { state, interruptions } = await kit.done(a, 'Go');
        for (const asked of interruptions) {
          if (alwaysApprove) state.approve(asked, { alwaysApprove });
          else state.reject(asked, { alwaysReject: true });
        }
        await kit.run(a, await reread(kit, a, state));
      }
    },
  },
  {
    name: 'approvals: a lasting decision is for the agent that asked, among sub-agents',
    modes: ['plain'],
    play: async (kit) => {
      const pays = () => kit.tool('pay', 'paid', { needsApproval: true });
      const asks = (name: string) =>
        kit
          .agent({ name, model: kit.model([[call(kit, 'pay', `c-${name}`)], [say(kit, 'Paid')]]), tools: [pays()] })
          .asTool({ toolName: `ask_${name}`, toolDescription: 'Asks.' });
      const agent = kit.agent({
        name: 'A',
        model: kit.model([
          [call(kit, 'ask_B', 'b', { input: '' })],
          [call(kit, 'ask_C', 'c', { input: '' })],
          [say(kit, 'Done')],
        ]),
        tools: [asks('B'), asks('C'), pays()],
      });
      const { state, interruptions } = await kit.done(agent, 'Go');
      for (const asked of interruptions) state.approve(asked, { alwaysApprove: true });
      await kit.run(agent, state);
    },
  },
];
