/** Approvals: pause, decide, resume. */
import { z } from 'zod';
import { describeState } from '../describe.ts';
import type { Scenario } from '../kit.ts';
import { approveAll, call, payer, payTwice, reread, say } from './parts.ts';

export const scenarios: Scenario[] = [
  {
    name: 'approvals: approve and go on',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay', 'p1', { n: 1 })], [say(kit, 'Done')]]);
      const result = await kit.done(agent, 'Go');
      kit.log('state', describeState(result.state));
      await kit.run(agent, approveAll(result));
      kit.log('interruptions after', result.state.getInterruptions().length);
    },
  },
  {
    name: 'approvals: reject with the default text',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay', 'p1')], [say(kit, 'Done')]]);
      const { state } = await kit.done(agent, 'Go');
      for (const asked of state.getInterruptions()) state.reject(asked);
      await kit.run(agent, state);
    },
  },
  {
    name: 'approvals: reject with a message, and with the formatter',
    play: async (kit) => {
      const formatter = (args: unknown) => (kit.log('toolErrorFormatter', args), 'by the formatter');
      for (const message of ['Too dear.', undefined, '']) {
        const agent = payer(kit, [[call(kit, 'pay', 'p1')], [say(kit, 'Done')]]);
        const { state } = await kit.done(agent, 'Go');
        for (const asked of state.getInterruptions()) state.reject(asked, { message });
        await kit.run(agent, state, { toolErrorFormatter: formatter });
      }
    },
  },
  {
    name: 'approvals: other tools of the reply still run',
    play: async (kit) => {
      const agent = payer(kit, [
        [call(kit, 'look', 'l1'), call(kit, 'pay', 'p1'), call(kit, 'look', 'l2')],
        [say(kit, 'Done')],
      ]);
      const result = await kit.done(agent, 'Go');
      kit.log('state', describeState(result.state));
      await kit.run(agent, approveAll(result));
    },
  },
  {
    name: 'approvals: partly decided pauses again',
    play: async (kit) => {
      const agent = payTwice(kit);
      const first = await kit.done(agent, 'Go');
      const [one] = first.state.getInterruptions();
      if (one !== undefined) first.state.approve(one);
      const second = await kit.done(agent, first.state);
      await kit.run(agent, approveAll(second));
    },
  },
  {
    name: 'approvals: nothing decided pauses again',
    play: async (kit) => {
      const agent = payTwice(kit);
      const first = await kit.done(agent, 'Go');
      await kit.run(agent, first.state);
    },
  },
  {
    name: 'approvals: always approve covers the other call and later turns',
    play: async (kit) => {
      const agent = payer(kit, [
        [call(kit, 'pay', 'p1'), call(kit, 'pay', 'p2')],
        [call(kit, 'pay', 'p3')],
        [say(kit, 'Done')],
      ]);
      const { state } = await kit.done(agent, 'Go');
      const [one] = state.getInterruptions();
      if (one !== undefined) state.approve(one, { alwaysApprove: true });
      kit.log('still listed', state.getInterruptions().length);
      await kit.run(agent, state);
    },
  },
  {
    name: 'approvals: always reject covers later turns, with its message',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay', 'p1')], [call(kit, 'pay', 'p2')], [say(kit, 'Done')]]);
      const { state } = await kit.done(agent, 'Go');
      for (const asked of state.getInterruptions()) state.reject(asked, { alwaysReject: true, message: 'Never.' });
      await kit.run(agent, state);
    },
  },
  {
    name: 'approvals: an exact decision beats a lasting one',
    play: async (kit) => {
      const agent = payTwice(kit);
      const { state } = await kit.done(agent, 'Go');
      const [one, two] = state.getInterruptions();
      if (one !== undefined) state.approve(one, { alwaysApprove: true });
      if (two !== undefined) state.reject(two);
      await kit.run(agent, state);
    },
  },
  {
    name: 'approvals: the last decision wins',
    play: async (kit) => {
      const agent = payTwice(kit);
      const { state } = await kit.done(agent, 'Go');
      const [one, two] = state.getInterruptions();
      if (one === undefined || two === undefined) return;
      state.approve(one);
      state.reject(one);
      state.reject(two);
      state.approve(two);
      await kit.run(agent, state);
    },
  },
  {
    name: 'approvals: through a string',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'look', 'l1'), call(kit, 'pay', 'p1', { n: 1 })], [say(kit, 'Done')]]);
      const first = await kit.done(agent, 'Go', { context: { user: 'Ann' } });
      const state = await reread(kit, agent, first.state);
      kit.log('reread', describeState(state));
      for (const asked of state.getInterruptions()) state.approve(asked);
      const second = await kit.done(agent, state);
      kit.log('context', second.runContext.context);
    },
  },
  {
    name: 'approvals: decided, then through a string',
    play: async (kit) => {
      const agent = payTwice(kit);
      const first = await kit.done(agent, 'Go');
      const [one, two] = first.state.getInterruptions();
      if (one !== undefined) first.state.approve(one);
      if (two !== undefined) first.state.reject(two, { message: 'Not this one.' });
      await kit.run(agent, await reread(kit, agent, first.state));
    },
  },
  {
    name: 'approvals: the same string resumed twice',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay', 'p1')], [say(kit, 'Done 1')], [say(kit, 'Done 2')]]);
      const first = await kit.done(agent, 'Go');
      for (let round = 0; round < 2; round += 1) {
        const state = await reread(kit, agent, first.state);
        for (const asked of state.getInterruptions()) state.approve(asked);
        await kit.run(agent, state);
      }
    },
  },
  {
    name: 'approvals: in a later agent, through a string',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'transfer_to_B')], [call(kit, 'pay', 'p1')], [say(kit, 'Done')]]);
      const b = kit.agent({ name: 'B', model, tools: [kit.tool('pay', 'paid', { needsApproval: true })] });
      const a = kit.agent({ name: 'A', model, handoffs: [b] });
      const first = await kit.done(a, 'Go');
      const state = await reread(kit, a, first.state);
      kit.log('reread', describeState(state));
      for (const asked of state.getInterruptions()) state.approve(asked);
      await kit.run(a, state);
    },
  },
  {
    name: 'approvals: needsApproval is asked with parsed arguments, once',
    play: async (kit) => {
      const needsApproval = async (context: unknown, input: unknown, callId: unknown) => {
        kit.log('needsApproval', [context, input, callId]);
        return (input as { n: number }).n > 1;
      };
      const pay = kit.tool('pay', 'paid', { needsApproval });
      const model = kit.model([
        [call(kit, 'pay', 'p1', { n: 1 }), call(kit, 'pay', 'p2', { n: 2 })],
        [say(kit, 'Done')],
      ]);
      const agent = kit.agent({ name: 'A', model, tools: [pay] });
      await kit.run(agent, approveAll(await kit.done(agent, 'Go')));
    },
  },
  {
    name: 'approvals: needsApproval on malformed and on misfit arguments',
    play: async (kit) => {
      const pay = kit.sdk.tool({
        name: 'pay',
        description: 'Pays.',
        parameters: z.object({ n: z.number() }),
        needsApproval: async (_context, input) => (kit.log('needsApproval', input), false),
        execute: (input) => (kit.log('execute pay', input), 'paid'),
      });
      for (const args of ['{"n":', '{"n":"one"}']) {
        const model = kit.model([[call(kit, 'pay', 'p1', args)], [say(kit, 'Done')]]);
        const agent = kit.agent({ name: 'A', model, tools: [pay] });
        const { result } = await kit.run(agent, 'Go');
        if (result !== undefined && result.interruptions.length > 0) await kit.run(agent, approveAll(result));
      }
    },
  },
  {
    name: 'approvals: needsApproval that throws',
    play: async (kit) => {
      const pay = kit.tool('pay', 'paid', {
        needsApproval: async () => {
          throw new TypeError('asking broke');
        },
      });
      const agent = kit.agent({ name: 'A', model: kit.model([[call(kit, 'pay')], [say(kit, 'Done')]]), tools: [pay] });
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'approvals: beside stop_on_first_tool the pause wins',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'look'), call(kit, 'pay')], [say(kit, 'Done')]], {
        toolUseBehavior: 'stop_on_first_tool',
      });
      await kit.run(agent, approveAll(await kit.done(agent, 'Go')));
    },
  },
  {
    name: 'approvals: a pause leaves output guardrails and sessions waiting',
    play: async (kit) => {
      const outputGuardrails = [
        { name: 'out', execute: async () => (kit.log('output check'), { tripwireTriggered: false, outputInfo: null }) },
      ];
      const agent = payer(kit, [[call(kit, 'look'), call(kit, 'pay')], [say(kit, 'Done')]], { outputGuardrails });
      const session = kit.session();
      const first = await kit.done(agent, 'Go', { session });
      await kit.run(agent, approveAll(first), { session });
      kit.log('session', session.items);
    },
  },
  {
    name: 'approvals: guardrails before the approval when asked to',
    play: async (kit) => {
      const { allow, rejectContent } = kit.sdk.ToolGuardrailFunctionOutputFactory;
      for (const verdict of [allow(), rejectContent('Not even asked.')]) {
        const guard = kit.sdk.defineToolInputGuardrail({
          name: 'pre',
          run: async () => (kit.log('guardrail'), verdict),
        });
        const pay = kit.tool('pay', 'paid', { needsApproval: true, inputGuardrails: [guard] });
        const agent = kit.agent({
          name: 'A',
          model: kit.model([[call(kit, 'pay')], [say(kit, 'Done')]]),
          tools: [pay],
        });
        const options = { toolExecution: { preApprovalInputGuardrails: true } };
        const { result } = await kit.run(agent, 'Go', options);
        if (result !== undefined && result.interruptions.length > 0) await kit.run(agent, approveAll(result), options);
      }
    },
  },
];
