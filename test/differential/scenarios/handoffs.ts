/** Handoffs. */
import { z } from 'zod';
import type { HandoffInputData } from '@openai/agents';
import type { Kit, Scenario } from '../kit.ts';
import { call, say } from './parts.ts';

/** A hands off to B with `calls`; B answers. `give` makes the handoff from B. */
function pair(
  kit: Kit,
  calls: ReturnType<typeof call>[],
  give: (b: ReturnType<Kit['agent']>) => unknown = (b) => b,
  more: Record<string, unknown> = {},
) {
  const b = kit.agent({ name: 'B', instructions: 'I am B', model: kit.model([[say(kit, 'From B')]], 'model B') });
  return kit.agent({
    name: 'A',
    instructions: 'I am A',
    model: kit.model([calls, [say(kit, 'From A')]], 'model A'),
    handoffs: [give(b)],
    ...more,
  });
}

export const scenarios: Scenario[] = [
  {
    name: 'handoffs: A to B, B calls a tool',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'transfer_to_B')], [call(kit, 'look')], [say(kit, 'From B')]]);
      const b = kit.agent({ name: 'B', handoffDescription: 'Knows a lot.', model, tools: [kit.tool('look')] });
      await kit.run(kit.agent({ name: 'A', model, handoffs: [b] }), 'Go');
    },
  },
  {
    name: 'handoffs: there and back',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'transfer_to_B')], [call(kit, 'transfer_to_A')], [say(kit, 'From A')]]);
      const a = kit.agent({ name: 'A', model });
      const b = kit.agent({ name: 'B', model, handoffs: [a] });
      a.handoffs = [b];
      await kit.run(a, 'Go', { maxTurns: 3 });
    },
  },
  {
    name: 'handoffs: turns are counted over agents',
    play: async (kit) => void (await kit.run(pair(kit, [call(kit, 'transfer_to_B')]), 'Go', { maxTurns: 1 })),
  },
  {
    name: 'handoffs: a name with spaces',
    play: async (kit) => {
      const b = kit.agent({ name: 'Billing Agent #2', model: kit.model([[say(kit, 'From B')]]) });
      const handoff = kit.sdk.handoff(b);
      kit.log('handoff', [
        handoff.toolName,
        handoff.toolDescription,
        handoff.inputJsonSchema,
        handoff.strictJsonSchema,
        handoff.agentName,
      ]);
      kit.log('function tool', handoff.getHandoffAsFunctionTool());
      kit.log('transfer message', kit.sdk.getTransferMessage(b));
      const model = kit.model([[call(kit, handoff.toolName)]]);
      await kit.run(kit.agent({ name: 'A', model, handoffs: [handoff] }), 'Go');
    },
  },
  {
    name: 'handoffs: overrides and a callback',
    play: async (kit) => {
      const agent = pair(kit, [call(kit, 'escalate')], (b) =>
        kit.sdk.handoff(b, {
          toolNameOverride: 'escalate',
          toolDescriptionOverride: 'Asks the boss.',
          onHandoff: (context) => kit.log('onHandoff', context),
        }),
      );
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'handoffs: an input',
    play: async (kit) => {
      const agent = pair(kit, [call(kit, 'transfer_to_B', 'h1', { reason: 'angry' })], (b) =>
        kit.sdk.handoff(b, {
          inputType: z.object({ reason: z.string() }),
          onHandoff: (context, input) => kit.log('onHandoff', [context, input]),
        }),
      );
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'handoffs: inputs that do not fit',
    play: async (kit) => {
      for (const args of ['{"reason": 1}', 'nonsense', '']) {
        const agent = pair(kit, [call(kit, 'transfer_to_B', 'h1', args)], (b) =>
          kit.sdk.handoff(b, { inputType: z.object({ reason: z.string() }), onHandoff: () => kit.log('onHandoff') }),
        );
        await kit.run(agent, 'Go');
      }
    },
  },
  {
    name: 'handoffs: arguments without an input type are ignored',
    play: async (kit) => {
      await kit.run(pair(kit, [call(kit, 'transfer_to_B', 'h1', 'nonsense')]), 'Go');
      await kit.run(pair(kit, [call(kit, 'transfer_to_B', 'h1', '')]), 'Go');
    },
  },
  {
    name: 'handoffs: a callback that throws',
    play: async (kit) => {
      const thrown = new TypeError('callback broke');
      const agent = pair(kit, [call(kit, 'transfer_to_B')], (b) =>
        kit.sdk.handoff(b, {
          onHandoff: () => {
            throw thrown;
          },
        }),
      );
      const { error } = await kit.run(agent, 'Go');
      kit.log('same error', error === thrown);
    },
  },
  {
    name: 'handoffs: an input type without a callback',
    play: async (kit) => {
      const b = kit.agent({ name: 'B' });
      await kit.attempt('handoff', () => kit.sdk.handoff(b, { inputType: z.object({}) }).toolName);
    },
  },
  {
    name: 'handoffs: two in one reply, the first wins',
    play: async (kit) => {
      const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]], 'model B') });
      const c = kit.agent({ name: 'C', model: kit.model([[say(kit, 'From C')]], 'model C') });
      const model = kit.model([[call(kit, 'transfer_to_C', 'h1'), call(kit, 'transfer_to_B', 'h2')]], 'model A');
      await kit.run(kit.agent({ name: 'A', model, handoffs: [b, c] }), 'Go');
    },
  },
  {
    name: 'handoffs: beside tools, tools come first',
    play: async (kit) => {
      const calls = [call(kit, 'transfer_to_B', 'h1'), call(kit, 'look')];
      await kit.run(
        pair(kit, calls, (b) => b, { tools: [kit.tool('look')] }),
        'Go',
      );
    },
  },
  {
    name: 'handoffs: beside a message',
    play: async (kit) => {
      const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]], 'model B') });
      const model = kit.model([[say(kit, 'One moment'), call(kit, 'transfer_to_B')]], 'model A');
      await kit.run(kit.agent({ name: 'A', model, handoffs: [b] }), 'Go');
    },
  },
  {
    name: 'handoffs: beside a final tool, the handoff wins',
    play: async (kit) => {
      const calls = [call(kit, 'look'), call(kit, 'transfer_to_B')];
      await kit.run(
        pair(kit, calls, (b) => b, { tools: [kit.tool('look')], toolUseBehavior: 'stop_on_first_tool' }),
        'Go',
      );
    },
  },
  {
    name: 'handoffs: beside an approval, the run pauses in A',
    play: async (kit) => {
      const calls = [call(kit, 'transfer_to_B', 'h1'), call(kit, 'pay')];
      const agent = pair(kit, calls, (b) => b, { tools: [kit.tool('pay', 'paid', { needsApproval: true })] });
      const { state } = await kit.done(agent, 'Go');
      for (const asked of state.getInterruptions()) state.approve(asked);
      await kit.run(agent, state);
    },
  },
  {
    name: 'handoffs: a filter drops the tools',
    play: async (kit) => {
      const filter = (data: HandoffInputData): HandoffInputData => {
        kit.log('filter', [
          data.inputHistory,
          data.preHandoffItems.map((i) => i.type),
          data.newItems.map((i) => i.type),
          data.runContext,
        ]);
        const message = (item: { type: string }) => item.type === 'message_output_item';
        return {
          ...data,
          preHandoffItems: data.preHandoffItems.filter(message),
          newItems: data.newItems.filter(message),
        };
      };
      const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]], 'model B') });
      const model = kit.model([[call(kit, 'look')], [say(kit, 'Moving on'), call(kit, 'transfer_to_B')]], 'model A');
      const agent = kit.agent({
        name: 'A',
        model,
        tools: [kit.tool('look')],
        handoffs: [kit.sdk.handoff(b, { inputFilter: filter })],
      });
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'handoffs: a filter rewrites the input, the filter of the handoff beats the runner',
    play: async (kit) => {
      const rewrite =
        (text: string) =>
        (data: HandoffInputData): HandoffInputData => ({ ...data, inputHistory: text, newItems: [] });
      const own = pair(kit, [call(kit, 'transfer_to_B')], (b) =>
        kit.sdk.handoff(b, { inputFilter: rewrite('of the handoff') }),
      );
      await kit.run(own, 'Go', { runner: kit.runner({ handoffInputFilter: rewrite('of the runner') }) });
      const none = pair(kit, [call(kit, 'transfer_to_B')]);
      await kit.run(none, 'Go', { runner: kit.runner({ handoffInputFilter: rewrite('of the runner') }) });
    },
  },
  {
    name: 'handoffs: a filter that throws',
    play: async (kit) => {
      const broken = pair(kit, [call(kit, 'transfer_to_B')], (b) =>
        kit.sdk.handoff(b, {
          inputFilter: () => {
            throw new TypeError('filter broke');
          },
        }),
      );
      await kit.run(broken, 'Go');
    },
  },
  {
    name: 'handoffs: a filter and a conversation of the server exclude each other',
    play: async (kit) => {
      const agent = pair(kit, [call(kit, 'transfer_to_B')], (b) => kit.sdk.handoff(b, { inputFilter: (data) => data }));
      await kit.run(agent, 'Go', { conversationId: 'conv-1' });
    },
  },
  {
    name: 'handoffs: isEnabled',
    play: async (kit) => {
      const ask = (verdict: boolean) => (args: unknown) => {
        kit.log('isEnabled', args);
        return verdict;
      };
      await kit.run(
        pair(kit, [call(kit, 'transfer_to_B')], (b) => kit.sdk.handoff(b, { isEnabled: ask(true) })),
        'Go',
      );
      await kit.run(
        pair(kit, [call(kit, 'transfer_to_B')], (b) => kit.sdk.handoff(b, { isEnabled: ask(false) })),
        'Go',
      );
      await kit.run(
        pair(kit, [call(kit, 'transfer_to_B')], (b) => kit.sdk.handoff(b, { isEnabled: false })),
        'Go',
      );
    },
  },
  {
    name: 'handoffs: two to agents of one name',
    play: async (kit) => {
      const first = kit.agent({ name: 'B', model: kit.model([[say(kit, 'first')]], 'model 1') });
      const second = kit.agent({ name: 'B', model: kit.model([[say(kit, 'second')]], 'model 2') });
      const model = kit.model([[call(kit, 'transfer_to_B')]], 'model A');
      await kit.run(kit.agent({ name: 'A', model, handoffs: [first, second] }), 'Go');
    },
  },
  {
    name: 'handoffs: guardrails belong to the first and the last agent',
    play: async (kit) => {
      const input = (who: string) => ({
        name: `in ${who}`,
        execute: async () => (kit.log(`input ${who}`), { tripwireTriggered: false, outputInfo: who }),
      });
      const output = (who: string) => ({
        name: `out ${who}`,
        execute: async () => (kit.log(`output ${who}`), { tripwireTriggered: false, outputInfo: who }),
      });
      const b = kit.agent({
        name: 'B',
        model: kit.model([[say(kit, 'From B')]]),
        inputGuardrails: [input('B')],
        outputGuardrails: [output('B')],
      });
      const model = kit.model([[call(kit, 'transfer_to_B')]]);
      const a = kit.agent({
        name: 'A',
        model,
        handoffs: [b],
        inputGuardrails: [input('A')],
        outputGuardrails: [output('A')],
      });
      await kit.run(a, 'Go', {
        runner: kit.runner({ inputGuardrails: [input('runner')], outputGuardrails: [output('runner')] }),
      });
    },
  },
  {
    name: 'handoffs: a clone with overrides',
    play: async (kit) => {
      const b = kit.agent({ name: 'B' });
      const handoff = kit.sdk.handoff(b, { toolDescriptionOverride: 'One' });
      const copy = handoff.clone({ toolName: 'other', toolDescription: 'Two' });
      kit.log('copy', [
        copy.toolName,
        copy.toolDescription,
        copy.agentName,
        copy.agent === b,
        handoff.toolName,
        handoff.toolDescription,
      ]);
      kit.log('getHandoff', [kit.sdk.getHandoff(b).toolName, kit.sdk.getHandoff(handoff) === handoff]);
    },
  },
];
