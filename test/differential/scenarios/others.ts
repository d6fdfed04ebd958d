/** Hosted tools, tools that act on a machine, hook failures, the testing room. */
import { z } from 'zod';
import type { AgentOutputItem } from '@openai/agents';
import type { AnyAgent, Kit, Scenario } from '../kit.ts';
import { approveAll, call, say } from './parts.ts';

const mcpAsk: AgentOutputItem = {
  type: 'hosted_tool_call',
  name: 'mcp_approval_request',
  id: 'mcpr_1',
  arguments: '{"q":1}',
  status: 'in_progress',
  providerData: {
    type: 'mcp_approval_request',
    server_label: 'docs',
    name: 'search',
    id: 'mcpr_1',
    arguments: '{"q":1}',
  },
};

const mcp = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.sdk.hostedMcpTool({
    serverLabel: 'docs',
    serverUrl: 'https://example.test/mcp',
    requireApproval: 'always',
    ...more,
  });

const withMcp = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.agent({ name: 'A', model: kit.model([[mcpAsk], [say(kit, 'Done')]]), tools: [mcp(kit, more)] });

const machine = (kit: Kit) => ({
  shell: kit.sdk.shellTool({
    shell: {
      run: async (action) => {
        kit.log('shell', action.commands);
        return { output: [{ stdout: 'out', stderr: '', outcome: { type: 'exit', exitCode: 0 } }] };
      },
    },
  }),
  patch: kit.sdk.applyPatchTool({
    editor: {
      createFile: async (operation) => (kit.log('create', operation), { status: 'completed', output: 'made' }),
      updateFile: async (operation) => (kit.log('update', operation), { status: 'completed', output: 'changed' }),
      deleteFile: async (operation) => (kit.log('delete', operation), { status: 'failed', output: 'not there' }),
    },
  }),
});

export const scenarios: Scenario[] = [
  {
    name: 'hosted tools: how they are sent',
    play: async (kit) => {
      const tools = [
        kit.sdk.webSearchTool(),
        kit.sdk.fileSearchTool(['vs_1'], { maxNumResults: 3 }),
        kit.sdk.codeInterpreterTool(),
        kit.sdk.imageGenerationTool(),
        mcp(kit, { requireApproval: 'never' }),
      ];
      await kit.run(kit.agent({ name: 'A', model: kit.model([[say(kit, 'Done')]]), tools }), 'Go');
    },
  },
  {
    name: 'hosted tools: an MCP approval pauses',
    play: async (kit) => {
      const agent = withMcp(kit);
      await kit.run(agent, approveAll(await kit.done(agent, 'Go')));
    },
  },
  {
    name: 'hosted tools: an MCP approval is rejected',
    play: async (kit) => {
      const agent = withMcp(kit);
      const { state } = await kit.done(agent, 'Go');
      for (const asked of state.getInterruptions()) state.reject(asked);
      await kit.run(agent, state);
    },
  },
  {
    name: 'hosted tools: onApproval answers at once',
    play: async (kit) => {
      for (const approve of [true, false]) {
        const onApproval = async (context: unknown, asked: { name?: string; rawItem: unknown }) => {
          kit.log('onApproval', [context, asked.name, asked.rawItem]);
          return { approve, reason: 'because' };
        };
        await kit.run(withMcp(kit, { onApproval }), 'Go');
      }
    },
  },
  {
    name: 'machine tools: shell and patch run after functions, in the order of the model',
    play: async (kit) => {
      const { shell, patch } = machine(kit);
      const replies: AgentOutputItem[] = [
        {
          type: 'apply_patch_call',
          callId: 'p1',
          status: 'completed',
          operation: { type: 'create_file', path: 'a.txt', diff: '+hi' },
        },
        { type: 'shell_call', callId: 's1', status: 'completed', action: { commands: ['ls'] } },
        call(kit, 'look'),
        {
          type: 'apply_patch_call',
          callId: 'p2',
          status: 'completed',
          operation: { type: 'delete_file', path: 'b.txt' },
        },
      ];
      const model = kit.model([replies, [say(kit, 'Done')]]);
      await kit.run(kit.agent({ name: 'A', model, tools: [shell, patch, kit.tool('look')] }), 'Go');
    },
  },
  {
    name: 'tool schemas: an output schema is checked',
    play: async (kit) => {
      for (const value of [{ n: 1 }, { n: 'one' }]) {
        const tool = kit.tool('one', value, { outputSchema: z.object({ n: z.number() }) });
        await kit.run(
          kit.agent({ name: 'A', model: kit.model([[call(kit, 'one')], [say(kit, 'Done')]]), tools: [tool] }),
          'Go',
        );
      }
    },
  },
  {
    name: 'tool schemas: what a zod schema becomes',
    modes: ['plain'],
    play: async (kit) => {
      const schemas = {
        optional: z.object({ a: z.string().optional() }),
        nullable: z.object({ a: z.string().nullable() }),
        described: z.object({ a: z.string().describe('The a') }).describe('All'),
        choice: z.object({ a: z.enum(['x', 'y']), b: z.union([z.string(), z.number()]) }),
        nested: z.object({ list: z.array(z.object({ n: z.number().int().min(1) })) }),
        literal: z.object({ kind: z.literal('k'), flag: z.boolean().default(false) }),
        map: z.object({ any: z.record(z.string(), z.number()) }),
      };
      for (const [name, parameters] of Object.entries(schemas)) {
        await kit.attempt(name, () => {
          const made = kit.sdk.tool({ name, description: '', parameters, execute: () => '' });
          return [made.parameters, made.strict];
        });
      }
    },
  },
  {
    name: 'tool schemas: an optional parameter, absent and null',
    play: async (kit) => {
      const tool = kit.sdk.tool({
        name: 'one',
        description: 'One.',
        parameters: z.object({ a: z.string().optional(), b: z.string() }),
        execute: (input) => (kit.log('execute', input), 'ok'),
      });
      const calls = [call(kit, 'one', 'c1', { b: 'x' }), call(kit, 'one', 'c2', { a: null, b: 'x' })];
      await kit.run(kit.agent({ name: 'A', model: kit.model([calls, [say(kit, 'Done')]]), tools: [tool] }), 'Go');
    },
  },
  {
    name: 'hooks: a listener that throws at each point',
    play: async (kit) => {
      for (const point of ['agent_start', 'agent_tool_end', 'agent_handoff', 'agent_end'] as const) {
        const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]]) });
        const model = kit.model([[call(kit, 'look')], [call(kit, 'transfer_to_B')]]);
        const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')], handoffs: [b] });
        const runner = kit.runner();
        const thrown = new TypeError(`${point} broke`);
        runner.on(point, () => {
          throw thrown;
        });
        const { error } = await kit.run(agent, 'Hi', { runner });
        kit.log('same error', [point, error === thrown]);
      }
    },
  },
  {
    name: 'hooks: a listener reads the usage so far',
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        tools: [kit.tool('look'), kit.tool('pay', 'paid', { needsApproval: true })],
        model: kit.model([[call(kit, 'look')], [call(kit, 'pay')], [say(kit, 'Done')]]),
      });
      agent.on('agent_tool_end', (context, tool) => kit.log('usage at', [tool.name, context.usage.requests]));
      await kit.run(agent, approveAll(await kit.done(agent, 'Go')));
    },
  },
  {
    name: 'concurrency: one state cannot be resumed twice at once',
    modes: ['plain'],
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        tools: [kit.tool('pay', 'paid', { needsApproval: true })],
        model: kit.model([[call(kit, 'pay')], [say(kit, 'Done')], [say(kit, 'Done twice')]]),
      });
      const state = approveAll(await kit.done(agent, 'Go'));
      const runner = kit.runner();
      const both = await Promise.allSettled([runner.run(agent, state), runner.run(agent, state)]);
      kit.log(
        'both',
        both.map((one) => (one.status === 'fulfilled' ? one.value.finalOutput : one.reason)),
      );
    },
  },
  {
    name: 'concurrency: one agent in several runs at once',
    modes: ['plain'],
    play: async (kit) => {
      const answers = ['1', '2', '3'];
      const agent = new kit.sdk.Agent<unknown>({
        name: 'A',
        model: kit.model(
          answers.map(() => kit.testing.modelResponder(({ request }) => [say(kit, JSON.stringify(request.input))])),
        ),
      });
      const results = await Promise.all(answers.map((text) => new kit.sdk.Runner().run(agent, text)));
      kit.log(
        'answers',
        results.map((result) => result.finalOutput),
      );
    },
  },
  {
    name: 'streams: toStream, and events hold the items of the result',
    modes: ['stream'],
    play: async (kit) => {
      const agent: AnyAgent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look')], [say(kit, 'Done')]]),
        tools: [kit.tool('look')],
      });
      const result = await kit.runner().run(agent, 'Go', { stream: true });
      const items: unknown[] = [];
      for await (const event of result.toStream()) if (event.type === 'run_item_stream_event') items.push(event.item);
      await result.completed;
      kit.log(
        'same items',
        items.map((item, i) => item === result.newItems[i]),
      );
    },
  },
  {
    name: 'testing: a script that runs out, and one that is left over',
    play: async (kit) => {
      const short = new kit.testing.ScriptedModel([[call(kit, 'look')]]);
      await kit.run(kit.agent({ name: 'A', model: short, tools: [kit.tool('look')] }), 'Go');
      const long = new kit.testing.ScriptedModel([[say(kit, '1')], [say(kit, '2')]]);
      await kit.run(kit.agent({ name: 'A', model: long }), 'Go');
      await kit.attempt('assertComplete', () => long.assertComplete());
      kit.log('counts', [
        short.calls.length,
        long.calls.length,
        long.remainingSteps,
        long.firstCall?.index,
        long.lastCall?.streamed,
      ]);
      await kit.attempt('nonsense', () => new kit.testing.ScriptedModel(['text' as unknown as []]).remainingSteps);
    },
  },
  {
    name: 'testing: responders see the call',
    play: async (kit) => {
      const model = kit.model([
        kit.testing.modelResponder(({ index, streamed, request }) => [
          say(kit, `${index} ${streamed} ${request.systemInstructions}`),
        ]),
      ]);
      await kit.run(kit.agent({ name: 'A', instructions: 'I', model }), 'Go');
    },
  },
];
