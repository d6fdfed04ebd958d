/** Agents as tools. */
import { z } from 'zod';
import type { AnyAgent, AnyResult, Kit, Scenario } from '../kit.ts';
import { approveAll, call, counted, say } from './parts.ts';

/** Outer A that calls `calls`; Sub answers with `sub`. Options go to asTool. */
function nest(
  kit: Kit,
  calls: ReturnType<typeof call>[],
  options: Record<string, unknown> = {},
  sub: Record<string, unknown> = {},
): AnyAgent {
  const inner = kit.agent({
    name: 'Sub Agent',
    instructions: 'I am Sub',
    model: kit.model([[say(kit, 'From Sub')]], 'model Sub'),
    ...sub,
  });
  return kit.agent({
    name: 'A',
    model: kit.model([calls, [say(kit, 'Done')]], 'model A'),
    tools: [asTool(inner, options)],
  });
}

/** asTool has overloads by its options; scenarios vary them. */
const asTool = (agent: AnyAgent, options: Record<string, unknown>) =>
  agent.asTool(options as Parameters<AnyAgent['asTool']>[0]);

const ask = (kit: Kit, text = 'Help') => [call(kit, 'Sub_Agent', 's1', { input: text })];

const asking = (kit: Kit, more: Record<string, unknown> = {}) => ({
  model: kit.model([[call(kit, 'pay', 'p1')], [say(kit, 'Sub paid')]], 'model Sub'),
  tools: [kit.tool('pay', 'paid', { needsApproval: true })],
  ...more,
});

export const scenarios: Scenario[] = [
  {
    name: 'agent tools: a question and its answer',
    play: async (kit) => void (await kit.run(nest(kit, ask(kit)), 'Go')),
  },
  {
    name: 'agent tools: a name, a description, the schema of the input',
    play: async (kit) => {
      const options = { toolName: 'expert', toolDescription: 'Knows.' };
      await kit.run(nest(kit, [call(kit, 'expert', 's1', { input: 'x' })], options), 'Go');
    },
  },
  {
    name: 'agent tools: arguments that do not fit',
    play: async (kit) => {
      await kit.run(nest(kit, [call(kit, 'Sub_Agent', 's1', { question: 1 })]), 'Go');
      await kit.run(nest(kit, [call(kit, 'Sub_Agent', 's1', 'nonsense')]), 'Go');
    },
  },
  {
    name: 'agent tools: parameters of its own',
    play: async (kit) => {
      const parameters = z.object({ city: z.string().describe('Which city'), days: z.number() });
      const args = [call(kit, 'Sub_Agent', 's1', { city: 'Oslo', days: 2 })];
      await kit.run(nest(kit, args, { parameters }), 'Go');
      await kit.run(nest(kit, args, { parameters, includeInputSchema: true }), 'Go');
      const inputBuilder = (given: unknown) => (kit.log('inputBuilder', given), 'Built');
      await kit.run(nest(kit, args, { parameters, inputBuilder }), 'Go');
      await kit.run(nest(kit, args, { parameters, inputBuilder: async () => [kit.sdk.user('Built items')] }), 'Go');
    },
  },
  {
    name: 'agent tools: structured input is on the context of the sub-agent',
    play: async (kit) => {
      const parameters = z.object({ city: z.string() });
      const look = kit.tool('look', '', {
        execute: (_input: unknown, context: { context: unknown; toolInput?: unknown }) => {
          kit.log('context', [context.context, context.toolInput]);
          return 'ok';
        },
      });
      const sub = { model: kit.model([[call(kit, 'look')], [say(kit, 'From Sub')]], 'model Sub'), tools: [look] };
      const { result } = await kit.run(
        nest(kit, [call(kit, 'Sub_Agent', 's1', { city: 'Oslo' })], { parameters }, sub),
        'Go',
        { context: { user: 'Ann' } },
      );
      kit.log('outer', result?.runContext.toolInput);
    },
  },
  {
    name: 'agent tools: an extractor chooses the output',
    play: async (kit) => {
      const customOutputExtractor = async (result: AnyResult) => {
        kit.log('extractor', [
          result.finalOutput,
          result.newItems.map((item) => item.type),
          result.agentToolInvocation,
          result.lastAgent?.name,
        ]);
        return 'Extracted';
      };
      await kit.run(nest(kit, ask(kit), { customOutputExtractor }), 'Go');
    },
  },
  {
    name: 'agent tools: an extractor that throws',
    play: async (kit) => {
      const customOutputExtractor = () => {
        throw new TypeError('extractor broke');
      };
      await kit.run(nest(kit, ask(kit), { customOutputExtractor }), 'Go');
    },
  },
  {
    name: 'agent tools: a sub-agent with tools, usage adds up',
    play: async (kit) => {
      const sub = {
        model: kit.model(
          [counted(kit, 's1', [call(kit, 'look')]), counted(kit, 's2', [say(kit, 'From Sub')])],
          'model Sub',
        ),
        tools: [kit.tool('look')],
      };
      const { result } = await kit.run(nest(kit, ask(kit), {}, sub), 'Go');
      kit.log('same usage', result?.state.usage === result?.runContext.usage);
    },
  },
  {
    name: 'agent tools: a structured sub-agent',
    play: async (kit) => {
      const sub = { model: kit.model([[say(kit, '{"n":1}')]], 'model Sub'), outputType: z.object({ n: z.number() }) };
      await kit.run(nest(kit, ask(kit), {}, sub), 'Go');
    },
  },
  {
    name: 'agent tools: a sub-agent that ends with a tool',
    play: async (kit) => {
      const sub = {
        model: kit.model([[call(kit, 'look')]], 'model Sub'),
        tools: [kit.tool('look')],
        toolUseBehavior: 'stop_on_first_tool',
      };
      await kit.run(nest(kit, ask(kit), {}, sub), 'Go');
    },
  },
  {
    name: 'agent tools: a sub-agent that hands off',
    play: async (kit) => {
      const c = kit.agent({ name: 'C', model: kit.model([[say(kit, 'From C')]], 'model C') });
      const sub = { model: kit.model([[call(kit, 'transfer_to_C')]], 'model Sub'), handoffs: [c] };
      await kit.run(nest(kit, ask(kit), {}, sub), 'Go');
    },
  },
  {
    name: 'agent tools: a sub-agent that fails',
    play: async (kit) => {
      await kit.run(
        nest(kit, ask(kit), {}, { model: kit.model([kit.testing.modelError(new Error('down'))], 'model Sub') }),
        'Go',
      );
      const inputGuardrails = [
        { name: 'in', runInParallel: false, execute: async () => ({ tripwireTriggered: true, outputInfo: null }) },
      ];
      await kit.run(nest(kit, ask(kit), {}, { inputGuardrails }), 'Go');
    },
  },
  {
    name: 'agent tools: turns of the sub-agent',
    play: async (kit) => {
      const sub = () => ({
        model: kit.model([[call(kit, 'look')], [say(kit, 'From Sub')]], 'model Sub'),
        tools: [kit.tool('look')],
      });
      await kit.run(nest(kit, ask(kit), { runOptions: { maxTurns: 1 } }, sub()), 'Go');
      await kit.run(nest(kit, ask(kit), {}, sub()), 'Go', { maxTurns: 2 });
    },
  },
  {
    name: 'agent tools: settings of the runner are inherited, those of the tool win',
    play: async (kit) => {
      const model = (text: string) => kit.model([[say(kit, text)]], text);
      const runner = kit.runner({ modelSettings: { temperature: 0.1 }, workflowName: 'Outer' });
      await kit.run(nest(kit, ask(kit)), 'Go', { runner });
      await kit.run(nest(kit, ask(kit), { runConfig: { modelSettings: { temperature: 0.9 } } }), 'Go', { runner });
      await kit.run(nest(kit, ask(kit), { runConfig: { model: model('tool model') } }), 'Go');
    },
  },
  {
    name: 'agent tools: a session of the sub-agent',
    play: async (kit) => {
      const session = kit.session();
      await kit.run(nest(kit, ask(kit), { runOptions: { session } }), 'Go', { session: undefined });
      kit.log('session', session.items);
    },
  },
  {
    name: 'agent tools: its events reach the listener and the handlers',
    play: async (kit) => {
      const inner = kit.agent({ name: 'Sub', model: kit.model([[say(kit, 'From Sub')]], 'model Sub') });
      // A list for each listener: they run side by side, so only the order within a list is promised.
      const heard: Record<string, unknown[]> = { onStream: [], item: [], any: [] };
      const tool = inner.asTool({
        toolName: 'sub',
        onStream: ({ event, agent, toolCall }) =>
          void heard['onStream']?.push([event.type, agent.name, toolCall?.callId]),
      });
      tool.on('run_item_stream_event', ({ event }) => void heard['item']?.push(event.type));
      tool.on('*', ({ event }) => void heard['any']?.push(event.type));
      const agent = kit.agent({
        name: 'A',
        tools: [tool],
        model: kit.model([[call(kit, 'sub', 's1', { input: 'x' })], [say(kit, 'Done')]], 'model A'),
      });
      await kit.run(agent, 'Go');
      kit.log('heard', heard);
    },
  },
  {
    name: 'agent tools: a listener that throws does not matter',
    play: async (kit) => {
      await kit.run(
        nest(kit, ask(kit), {
          onStream: () => {
            throw new Error('listener broke');
          },
        }),
        'Go',
      );
    },
  },
  {
    name: 'agent tools: approval of the tool itself',
    play: async (kit) => {
      const agent = nest(kit, ask(kit), { needsApproval: true });
      await kit.run(agent, approveAll(await kit.done(agent, 'Go')));
    },
  },
  {
    name: 'agent tools: an approval inside bubbles up',
    play: async (kit) => {
      const agent = nest(kit, ask(kit), {}, asking(kit));
      const first = await kit.done(agent, 'Go');
      kit.log(
        'asked',
        first.interruptions.map((asked) => [asked.agent.name, asked.name, asked.arguments]),
      );
      await kit.run(agent, approveAll(first));
    },
  },
  {
    name: 'agent tools: an approval inside is rejected',
    play: async (kit) => {
      const agent = nest(kit, ask(kit), {}, asking(kit));
      const first = await kit.done(agent, 'Go');
      for (const asked of first.state.getInterruptions()) first.state.reject(asked, { message: 'No money.' });
      await kit.run(agent, first.state);
    },
  },
  {
    name: 'agent tools: an approval inside, through a string',
    play: async (kit) => {
      const agent = nest(kit, ask(kit), {}, asking(kit));
      const first = await kit.done(agent, 'Go', { context: { user: 'Ann' } });
      const state = await kit.sdk.RunState.fromString<unknown, AnyAgent>(agent, first.state.toString());
      kit.log(
        'asked',
        state.getInterruptions().map((asked) => [asked.agent.name, asked.name]),
      );
      for (const asked of state.getInterruptions()) state.approve(asked);
      await kit.run(agent, state);
    },
  },
  {
    name: 'agent tools: two sub-agents ask at once',
    play: async (kit) => {
      const one = kit.agent({ name: 'One', ...asking(kit) });
      const two = kit.agent({ name: 'Two', ...asking(kit) });
      const model = kit.model(
        [[call(kit, 'One', 's1', { input: '1' }), call(kit, 'Two', 's2', { input: '2' })], [say(kit, 'Done')]],
        'model A',
      );
      const agent = kit.agent({ name: 'A', model, tools: [asTool(one, {}), asTool(two, {})] });
      const first = await kit.done(agent, 'Go');
      const [asked] = first.state.getInterruptions();
      if (asked !== undefined) first.state.approve(asked);
      await kit.run(agent, approveAll(await kit.done(agent, first.state)));
    },
  },
  {
    name: 'agent tools: an agent tool is disabled',
    play: async (kit) => void (await kit.run(nest(kit, [call(kit, 'other')], { isEnabled: () => false }), 'Go')),
  },
  {
    name: 'agent tools: error handlers of the run do not reach the sub-agent',
    play: async (kit) => {
      const sub = () => ({
        model: kit.model([[kit.sdk.assistant([{ type: 'refusal', refusal: 'No.' }])]], 'model Sub'),
      });
      const errorHandlers = { default: () => (kit.log('handler'), { finalOutput: 'Handled' }) };
      await kit.run(nest(kit, ask(kit), {}, sub()), 'Go', { errorHandlers });
      await kit.run(nest(kit, ask(kit), { runOptions: { errorHandlers } }, sub()), 'Go');
    },
  },
];
