/** Approvals: what may happen between a pause and its resume. */
import type { AnyAgent, Scenario } from '../kit.ts';
import { approveAll, call, payer, reread, say } from './parts.ts';

export const scenarios: Scenario[] = [
  {
    name: 'approvals: turns of a paused run',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      await kit.run(agent, approveAll(await kit.done(agent, 'Go', { maxTurns: 1 })), { maxTurns: 1 });
      const again = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      await kit.run(again, approveAll(await kit.done(again, 'Go', { maxTurns: 1 })), { maxTurns: 2 });
      const kept = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      await kit.run(kept, approveAll(await kit.done(kept, 'Go', { maxTurns: 1 })));
    },
  },
  {
    name: 'approvals: input added to a paused run',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      const first = await kit.done(agent, 'Go');
      first.state.addInput('And be quick.');
      first.state.addInput([kit.sdk.user('Please.')]);
      kit.log('pending', first.state.pendingInput);
      kit.log('reread', (await reread(kit, agent, first.state)).pendingInput);
      await kit.run(agent, approveAll(first));
      kit.log('pending after', first.state.pendingInput);
      await kit.attempt('addInput when finished', () => first.state.addInput('Too late'));
    },
  },
  {
    name: 'approvals: pending input can be cleared, and is checked by input guardrails',
    play: async (kit) => {
      const inputGuardrails = [
        {
          name: 'in',
          runInParallel: false,
          execute: async ({ input }: { input: unknown }) => (
            kit.log('input check', input),
            { tripwireTriggered: false, outputInfo: null }
          ),
        },
      ];
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]], { inputGuardrails });
      const first = await kit.done(agent, 'Go');
      first.state.addInput('Dropped');
      first.state.clearPendingInput();
      first.state.addInput('Kept');
      await kit.run(agent, approveAll(first));
    },
  },
  {
    name: 'approvals: a decision after the call was made',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      const first = await kit.done(agent, 'Go');
      const [asked] = first.state.getInterruptions();
      await kit.run(agent, approveAll(first));
      if (asked !== undefined) await kit.attempt('reject late', () => first.state.reject(asked));
    },
  },
  {
    name: 'approvals: states that cannot be read',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      const { RunState } = kit.sdk;
      await kit.attempt('no JSON', async () => void (await RunState.fromString(agent, 'nonsense')));
      await kit.attempt('no version', async () => void (await RunState.fromString(agent, '{}')));
    },
  },
  {
    name: 'approvals: a session must be passed again at resume',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      const session = kit.session();
      await kit.run(agent, approveAll(await kit.done(agent, 'Go', { session })));
      kit.log('session', session.items);
    },
  },
  {
    name: 'approvals: input guardrails do not run again without new input',
    play: async (kit) => {
      const inputGuardrails = [
        { name: 'in', execute: async () => (kit.log('input check'), { tripwireTriggered: false, outputInfo: null }) },
      ];
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]], { inputGuardrails });
      await kit.run(agent, approveAll(await kit.done(agent, 'Go')));
    },
  },
  {
    name: 'approvals: a hook decides through the context',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay', 'p1')], [call(kit, 'pay', 'p2')], [say(kit, 'Done')]]);
      const { state } = await kit.done(agent, 'Go');
      const [asked] = state.getInterruptions();
      if (asked === undefined) return;
      state.approve(asked);
      agent.once('agent_tool_end', (context) => context.approveTool(asked, { alwaysApprove: true }));
      await kit.run(agent, state);
    },
  },
  {
    name: 'approvals: states of another format',
    play: async (kit) => {
      const agent = payer(kit, [[call(kit, 'pay')], [say(kit, 'Done')]]);
      await kit.attempt(
        '1.20',
        async () => void (await kit.sdk.RunState.fromString(agent, '{"$schemaVersion":"1.20"}')),
      );
      await kit.attempt(
        '99.0',
        async () => void (await kit.sdk.RunState.fromString(agent, '{"$schemaVersion":"99.0"}')),
      );
    },
  },
  {
    name: 'approvals: a context of its own at resume',
    play: async (kit) => {
      const pay = kit.tool('pay', '', {
        needsApproval: true,
        execute: (_input: unknown, context: { context: unknown }) => (kit.log('context', context.context), 'paid'),
      });
      for (const contextStrategy of ['merge', 'replace'] as const) {
        const agent = kit.agent({
          name: 'A',
          model: kit.model([[call(kit, 'pay')], [say(kit, 'Done')]]),
          tools: [pay],
        });
        const first = await kit.done(agent, 'Go', { context: { user: 'Ann', old: true } });
        const context = new kit.sdk.RunContext<unknown>({ user: 'Bob' });
        const state = await kit.sdk.RunState.fromStringWithContext<unknown, AnyAgent>(
          agent,
          first.state.toString(),
          context,
          { contextStrategy },
        );
        for (const asked of state.getInterruptions()) state.approve(asked);
        await kit.run(agent, state);
      }
    },
  },
];
