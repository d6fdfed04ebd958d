/** The user's context: typed in every callback; agents and tools of different contexts can be mixed where they may. */
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AnyAgent,
  defineOutputGuardrail,
  defineToolInputGuardrail,
  type Handoff,
  handoff,
  type InputGuardrail,
  type OutputGuardrail,
  run,
  RunContext,
  Runner,
  type Tool,
  tool,
} from '@baton/agents';

type User = { id: string };
type Admin = User & { rights: string[] };
type Robot = { serial: number };

const Order = z.object({ id: z.string() });
const userTool = tool({
  name: 'user_tool',
  description: '',
  parameters: z.object({}),
  execute: (_input, context: RunContext<User>) => context.context.id,
});
const adminTool = tool({
  name: 'admin_tool',
  description: '',
  parameters: z.object({}),
  execute: (_input, context?: RunContext<Admin>) => context?.context.rights.length,
});
const freeTool = tool({ name: 'free_tool', description: '', parameters: z.object({}), execute: () => 1 });

test('agents get the context in instructions, prompts and guardrails', () => {
  const onInput: InputGuardrail<User> = {
    name: 'in',
    execute: ({ context, input, agent }) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(agent).toEqualTypeOf<AnyAgent>();
      return { tripwireTriggered: input.length === 0 };
    },
  };
  const onOutput: OutputGuardrail<typeof Order, User> = {
    name: 'out',
    execute: async ({ context, agentOutput }) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(agentOutput).toEqualTypeOf<{ id: string }>();
      return { tripwireTriggered: false, outputInfo: { any: 'thing' } };
    },
  };
  return new Agent<User, typeof Order>({
    name: 'A',
    instructions: (context, agent) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(agent).toEqualTypeOf<AnyAgent>();
      return context.context.id;
    },
    prompt: async ({ context }) => ({ promptId: context.id }),
    inputGuardrails: [onInput, { name: 'free', execute: () => ({ tripwireTriggered: false }) }],
    outputGuardrails: [onOutput],
    outputType: Order,
    tools: [userTool, freeTool],
  });
});

test('tools get the context of their annotation, and pass it on to the agent that they make', () => {
  const all = tool<ReturnType<typeof z.object<{ path: z.ZodString }>>, User>({
    name: 'all',
    description: '',
    parameters: z.object({ path: z.string() }),
    execute: (input, context, details) => {
      expectTypeOf(input).toEqualTypeOf<{ path: string }>();
      expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(details?.signal).toEqualTypeOf<AbortSignal | undefined>();
    },
    needsApproval: (context, input, callId) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(input).toEqualTypeOf<{ path: string }>();
      expectTypeOf(callId).toEqualTypeOf<string | undefined>();
      return true;
    },
    isEnabled: ({ runContext, agent }) => {
      expectTypeOf(runContext).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(agent.name).toEqualTypeOf<string>();
      expectTypeOf(agent.tools).toEqualTypeOf<Tool[]>();
      return runContext.context.id !== '';
    },
    errorFunction: (context, error) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
      expectTypeOf(error).toBeUnknown();
      return 'x';
    },
    inputGuardrails: [
      defineToolInputGuardrail<User>({
        name: 'g',
        run: ({ context }) => ({ behavior: { type: 'allow' }, outputInfo: context.context.id }),
      }),
    ],
    customDataExtractor: ({ runContext }) => ({ id: runContext.context.id }),
  });
  expectTypeOf(new Agent({ name: 'A', tools: [userTool] })).toEqualTypeOf<Agent<User>>();
  expectTypeOf(new Agent({ name: 'A', tools: [freeTool] })).toEqualTypeOf<Agent>();
  return all;
});

test('an agent refuses tools that ask for more context than it has', () => {
  expectTypeOf(new Agent<Admin>({ name: 'A', tools: [userTool, adminTool, freeTool] })).toEqualTypeOf<Agent<Admin>>();
  // @ts-expect-error -- users have no rights
  const user = new Agent<User>({ name: 'U', tools: [adminTool] });
  // @ts-expect-error -- robots are no users
  const robot = new Agent<Robot>({ name: 'R', tools: [userTool] });
  // @ts-expect-error -- nothing is known of the context
  const nobody = new Agent<unknown>({ name: 'N', tools: [userTool] });
  return [user, robot, nobody];
});

test('agents and handoffs of any context and output can be handed over to', () => {
  const user = new Agent<User>({ name: 'U', tools: [userTool] });
  const admin = new Agent<Admin, typeof Order>({ name: 'A', outputType: Order, tools: [adminTool] });
  const robot = new Agent<Robot>({ name: 'R' });
  const all = [user, admin, robot, new Agent({ name: 'N' }), handoff(admin), handoff(robot)];
  const some: (AnyAgent | Handoff)[] = all;
  user.handoffs.push(...some, admin);
  return [
    new Agent({ name: 'T', handoffs: [user, admin, robot, handoff(admin)] }),
    new Agent<User>({ name: 'T', handoffs: all }),
    Agent.create({ name: 'T', handoffs: [user, admin, handoff(robot)] }),
  ];
});

test('handoffs get the context of their agent, and the input of their schema', () => {
  const admin = new Agent<Admin, typeof Order>({ name: 'A', outputType: Order });
  const made = handoff(admin, {
    inputType: z.object({ reason: z.string() }),
    onHandoff: (context, input) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<Admin>>();
      expectTypeOf(input).toEqualTypeOf<{ reason: string }>();
    },
    isEnabled: ({ runContext }) => runContext.context.rights.length > 0,
  });
  expectTypeOf(made).toEqualTypeOf<Handoff<Admin, typeof Order>>();
  // Also with the optional parameters of the published signature.
  handoff(admin, { onHandoff: async (context: RunContext<User>) => void context.context.id });
  handoff(admin, {
    inputType: z.object({ reason: z.string() }),
    onHandoff: (_context: RunContext<Admin>, input?: { reason: string }) => void input?.reason,
  });
  // @ts-expect-error -- the schema has no such field
  handoff(admin, { inputType: Order, onHandoff: (_context, input) => void input.reason });
  // @ts-expect-error -- no input was asked for
  handoff(admin, { onHandoff: (_context, input) => void input.reason });
});

test('hooks get the context', () => {
  const agent = new Agent<User>({ name: 'A' });
  agent.on('agent_start', (context, current) => {
    expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
    expectTypeOf(current.name).toEqualTypeOf<string>();
  });
  agent.once('agent_tool_end', (context, used, result) => {
    expectTypeOf(context).toEqualTypeOf<RunContext<User>>();
    expectTypeOf(used.name).toEqualTypeOf<string>();
    expectTypeOf(result).toEqualTypeOf<string>();
  });
  // @ts-expect-error -- no such event
  agent.on('agent_stop', () => undefined);
  // A runner runs agents of any context: its listeners may say which.
  const runner = new Runner();
  runner.on('agent_end', (context: RunContext<User>, who, output) => {
    expectTypeOf(who).toEqualTypeOf<AnyAgent>();
    expectTypeOf(output).toEqualTypeOf<string>();
    return context.context.id;
  });
  runner.on('agent_end', (context) => expectTypeOf(context.context).toBeUnknown());
});

test('a run is given the context as a value or as a RunContext', async () => {
  const agent = new Agent<User>({ name: 'A' });
  const user: User = { id: 'u' };
  expectTypeOf((await run(agent, 'x', { context: user })).runContext.context).toEqualTypeOf<User>();
  expectTypeOf((await run(agent, 'x', { context: new RunContext(user) })).runContext.context).toEqualTypeOf<User>();
  const { state } = await run(agent, 'x', { context: user });
  expectTypeOf(state.context).toEqualTypeOf<RunContext<User>>();
});

test('output guardrails check the output of their agent', () => {
  const onOrder = defineOutputGuardrail<typeof Order>({
    name: 'order',
    execute: ({ agentOutput }) => ({ tripwireTriggered: agentOutput.id === '' }),
  });
  const agent = new Agent({ name: 'O', outputType: Order, outputGuardrails: [onOrder] });
  // @ts-expect-error -- a text has no id
  const text = new Agent({ name: 'T', outputType: 'text', outputGuardrails: [onOrder] });
  const triage = Agent.create({
    name: 'U',
    handoffs: [agent],
    outputGuardrails: [
      {
        name: 'either',
        execute: ({ agentOutput }) => {
          expectTypeOf(agentOutput).toEqualTypeOf<string | { id: string }>();
          return { tripwireTriggered: false };
        },
      },
    ],
  });
  return [agent, text, triage];
});
