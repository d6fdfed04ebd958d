/** Structured outputs and agents as values. */
import { z } from 'zod';
import type { Kit, Scenario } from '../kit.ts';
import { call, say } from './parts.ts';

const shape = z.object({ n: z.number(), note: z.string().optional() });
const schema = {
  type: 'json_schema' as const,
  name: 'weather',
  strict: true,
  schema: {
    type: 'object' as const,
    properties: { n: { type: 'number' } },
    required: ['n'],
    additionalProperties: false as const,
  },
};

const typed = (kit: Kit, texts: string[], outputType: unknown, more: Record<string, unknown> = {}) =>
  kit.agent({ name: 'A', model: kit.model(texts.map((text) => [say(kit, text)])), outputType, ...more });

export const scenarios: Scenario[] = [
  {
    name: 'outputs: a zod object',
    play: async (kit) =>
      void (await kit.run(
        typed(kit, ['{"n":1,"note":"x","extra":true}'], z.object({ n: z.number(), note: z.string() })),
        'Go',
      )),
  },
  {
    name: 'outputs: a zod object with optional, default and transform',
    play: async (kit) => {
      await kit.run(typed(kit, ['{"n":1}'], shape), 'Go');
      const rich = z.object({ day: z.string().transform((text) => new Date(text)), level: z.number().default(3) });
      await kit.run(typed(kit, ['{"day":"2026-01-01T00:00:00Z"}'], rich), 'Go');
    },
  },
  {
    name: 'outputs: text that is not JSON, JSON that does not fit',
    play: async (kit) => {
      const outputType = z.object({ n: z.number() });
      await kit.run(typed(kit, ['no json'], outputType), 'Go');
      await kit.run(typed(kit, ['{"n":"one"}'], outputType), 'Go');
      await kit.run(typed(kit, ['{"n":1} and more'], outputType), 'Go');
    },
  },
  {
    name: 'outputs: an empty structured output runs again',
    play: async (kit) => void (await kit.run(typed(kit, ['', '{"n":1}'], z.object({ n: z.number() })), 'Go')),
  },
  {
    name: 'outputs: a JSON schema is not checked',
    play: async (kit) => {
      await kit.run(typed(kit, ['{"n":1}'], schema), 'Go');
      await kit.run(typed(kit, ['{"n":"one"}'], schema), 'Go');
      await kit.run(typed(kit, ['no json'], schema), 'Go');
    },
  },
  {
    name: 'outputs: structured text beside a tool call is not final',
    play: async (kit) => {
      const model = kit.model([[say(kit, '{"n":1}'), call(kit, 'look')], [say(kit, '{"n":2}')]]);
      await kit.run(
        kit.agent({ name: 'A', model, outputType: z.object({ n: z.number() }), tools: [kit.tool('look')] }),
        'Go',
      );
    },
  },
  {
    name: 'outputs: the type of the last agent counts',
    play: async (kit) => {
      const b = kit.agent({
        name: 'B',
        model: kit.model([[say(kit, '{"n":1}')]]),
        outputType: z.object({ n: z.number() }),
      });
      await kit.run(kit.agent({ name: 'A', model: kit.model([[call(kit, 'transfer_to_B')]]), handoffs: [b] }), 'Go');
    },
  },
  {
    name: 'outputs: through a string',
    play: async (kit) => {
      const agent = typed(kit, ['{"n":1}'], z.object({ n: z.number() }));
      const first = await kit.done(agent, 'Go');
      const state = await kit.sdk.RunState.fromString(agent, first.state.toString());
      await kit.run(agent, state);
    },
  },
  {
    name: 'agents: defaults',
    modes: ['plain'],
    play: async (kit) => {
      const agent = new kit.sdk.Agent({ name: 'A' });
      const {
        name,
        instructions,
        prompt,
        handoffDescription,
        handoffs,
        model,
        modelSettings,
        tools,
        mcpServers,
        mcpConfig,
        inputGuardrails,
        outputGuardrails,
        outputType,
        toolUseBehavior,
        resetToolChoice,
      } = agent;
      kit.log('fields', {
        name,
        instructions,
        prompt,
        handoffDescription,
        handoffs,
        model,
        modelSettings,
        tools,
        mcpServers,
        mcpConfig,
        inputGuardrails,
        outputGuardrails,
        outputType,
        toolUseBehavior,
        resetToolChoice,
      });
      kit.log('more', [
        agent.outputSchemaName,
        agent.toJSON(),
        agent.hasExplicitToolConfig(),
        kit.sdk.Agent.DEFAULT_MODEL_PLACEHOLDER,
        JSON.stringify(agent),
      ]);
      for (const model of ['gpt-5', 'gpt-4.1', 'gpt-5.6-luna'])
        kit.log(`settings of ${model}`, new kit.sdk.Agent({ name: 'A', model }).modelSettings);
    },
  },
  {
    name: 'agents: names that cannot be',
    modes: ['plain'],
    play: async (kit) => {
      for (const name of ['', '  ', undefined, 7]) {
        await kit.attempt(`name ${String(name)}`, () => new kit.sdk.Agent({ name: name as string }).name);
      }
      await kit.attempt('no options', () => Reflect.construct(kit.sdk.Agent, [{}]));
    },
  },
  {
    name: 'agents: clone',
    modes: ['plain'],
    play: async (kit) => {
      const tools = [kit.tool('one')];
      const agent = new kit.sdk.Agent({
        name: 'A',
        instructions: 'I',
        tools,
        modelSettings: { temperature: 0.5 },
        model: 'gpt-4.1',
      });
      const copy = agent.clone({ name: 'B' });
      kit.log('copy', [
        copy.name,
        copy.instructions,
        copy.tools === agent.tools,
        copy.modelSettings,
        copy.hasExplicitToolConfig(),
        copy instanceof kit.sdk.Agent,
      ]);
      const reset = agent.clone({ instructions: undefined, tools: undefined });
      kit.log('reset', [reset.name, reset.instructions, reset.tools.length, reset.hasExplicitToolConfig()]);
      const implied = new kit.sdk.Agent({ name: 'A', model: 'gpt-5' });
      kit.log('implied', [
        implied.modelSettings,
        implied.clone({ model: 'gpt-4.1' }).modelSettings,
        agent.clone({ model: 'gpt-5' }).modelSettings,
      ]);
    },
  },
  {
    name: 'agents: hooks of a clone are its own',
    play: async (kit) => {
      const agent = kit.agent({ name: 'A', model: kit.model([[say(kit, '1')]]) });
      await kit.run(agent.clone({ name: 'B' }), 'Hi');
    },
  },
  {
    name: 'agents: getters',
    modes: ['plain'],
    play: async (kit) => {
      const context = new kit.sdk.RunContext<unknown>({ user: 'Ann' });
      const b = new kit.sdk.Agent<unknown>({ name: 'B' });
      const agent = new kit.sdk.Agent<unknown>({
        name: 'A',
        instructions: (run) => `For ${JSON.stringify(run.context)}`,
        prompt: { promptId: 'p1' },
        tools: [kit.tool('on'), kit.tool('off', '', { isEnabled: false })],
        handoffs: [b, kit.sdk.handoff(new kit.sdk.Agent<unknown>({ name: 'C' }), { isEnabled: false })],
      });
      kit.log('system prompt', await agent.getSystemPrompt(context));
      kit.log('prompt', await agent.getPrompt(context));
      kit.log(
        'tools',
        (await agent.getAllTools(context)).map((tool) => tool.name),
      );
      kit.log('mcp tools', await agent.getMcpTools(context));
      kit.log(
        'handoffs',
        (await agent.getEnabledHandoffs(context)).map((handoff) => handoff.toolName),
      );
      kit.log('explicit', [
        agent.hasExplicitToolConfig(),
        new kit.sdk.Agent({ name: 'A', tools: [] }).hasExplicitToolConfig(),
      ]);
      kit.log('empty', [await b.getSystemPrompt(context), await b.getPrompt(context)]);
    },
  },
  {
    name: 'agents: processFinalOutput and the name of the schema',
    modes: ['plain'],
    play: async (kit) => {
      const text = new kit.sdk.Agent({ name: 'A' });
      const zod = new kit.sdk.Agent({ name: 'A', outputType: shape });
      const json = new kit.sdk.Agent({ name: 'A', outputType: schema });
      kit.log('names', [text.outputSchemaName, zod.outputSchemaName, json.outputSchemaName]);
      await kit.attempt('text', () => text.processFinalOutput('{"n":1}'));
      await kit.attempt('zod', () => zod.processFinalOutput('{"n":1}'));
      await kit.attempt('zod misfit', () => zod.processFinalOutput('{"n":"1"}'));
      await kit.attempt('zod no json', () => zod.processFinalOutput('nonsense'));
      await kit.attempt('json', () => json.processFinalOutput('{"n":"1"}'));
      await kit.attempt('json no json', () => json.processFinalOutput('nonsense'));
    },
  },
  {
    name: 'agents: a warning about output types of handoffs',
    console: true,
    modes: ['plain'],
    play: async (kit) => {
      const b = new kit.sdk.Agent({ name: 'B', outputType: shape });
      kit.log('plain', new kit.sdk.Agent({ name: 'A', handoffs: [b as never] }).name);
      kit.log(
        'silenced',
        new kit.sdk.Agent({ name: 'A', handoffs: [b as never], handoffOutputTypeWarningEnabled: false }).name,
      );
      kit.log('create', kit.sdk.Agent.create({ name: 'A', handoffs: [b] }).name);
    },
  },
  {
    name: 'agents: run() with the default runner',
    play: async (kit) => {
      const agent = kit.agent({ name: 'A', model: kit.model([[say(kit, 'Hello')]]) });
      if (kit.mode === 'plain') kit.log('final', (await kit.sdk.run(agent, 'Hi')).finalOutput);
      else {
        const result = await kit.sdk.run(agent, 'Hi', { stream: true });
        await result.completed;
        kit.log('final', result.finalOutput);
      }
    },
  },
  {
    name: 'agents: hooks by once and off',
    play: async (kit) => {
      const agent = new kit.sdk.Agent<unknown>({ name: 'A', model: kit.model([[say(kit, '1')], [say(kit, '2')]]) });
      const gone = () => kit.log('gone');
      agent.on('agent_start', gone);
      agent.off('agent_start', gone);
      agent.once('agent_start', () => kit.log('once'));
      agent.on('agent_start', () => kit.log('first'));
      agent.on('agent_start', () => kit.log('second'));
      await kit.run(agent as never, 'Hi');
      await kit.run(agent as never, 'Hi');
    },
  },
  {
    name: 'agents: a hook that throws',
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look')], [say(kit, '1')]]),
        tools: [kit.tool('look')],
      });
      const thrown = new TypeError('hook broke');
      agent.on('agent_tool_start', () => {
        throw thrown;
      });
      const { error } = await kit.run(agent, 'Hi');
      kit.log('same error', error === thrown);
    },
  },
];
