/** Contexts, usage, items, messages, errors: values without a run. */
import type { Scenario } from '../kit.ts';
import { describeItem } from '../describe.ts';
import { describeError } from '../normalise.ts';
import { call, say } from './parts.ts';

export const scenarios: Scenario[] = [
  {
    name: 'values: messages',
    modes: ['plain'],
    play: (kit) => {
      const { user, assistant, system } = kit.sdk;
      kit.log('user', [user('Hi'), user([{ type: 'input_text', text: 'Hi' }]), user('Hi', { a: 1 })]);
      kit.log('assistant', [
        assistant('Hi'),
        assistant([{ type: 'output_text', text: 'Hi' }]),
        assistant('Hi', { a: 1 }),
      ]);
      kit.log('system', [system('Hi'), system('Hi', { a: 1 })]);
      kit.log('testing', [
        kit.testing.assistantMessage('Hi'),
        kit.testing.assistantMessage('Hi', { id: 'm1' }),
        call(kit, 'f', 'c1', { a: 1 }),
      ]);
    },
  },
  {
    name: 'values: usage adds up',
    modes: ['plain'],
    play: (kit) => {
      const { Usage, RequestUsage } = kit.sdk;
      kit.log('empty', new Usage());
      kit.log(
        'snake case',
        new Usage({
          requests: 1,
          input_tokens: 3,
          output_tokens: 2,
          total_tokens: 5,
          input_tokens_details: { cached_tokens: 1 },
        }),
      );
      kit.log('no total', new Usage({ inputTokens: 3, outputTokens: 2 }));
      const sum = new Usage({ requests: 1, inputTokens: 1, outputTokens: 1, totalTokens: 2 });
      sum.add(
        new Usage({
          requests: 1,
          inputTokens: 3,
          outputTokens: 2,
          totalTokens: 5,
          inputTokensDetails: { cached_tokens: 1 },
        }),
      );
      sum.add(new Usage({ requests: 2, inputTokens: 10, outputTokens: 10, totalTokens: 20 }));
      kit.log('sum', sum);
      kit.log('json', JSON.parse(JSON.stringify(sum)));
      kit.log('read back', Usage.fromJSON(JSON.parse(JSON.stringify(sum))));
      kit.log('request', [
        new RequestUsage(),
        new RequestUsage({ inputTokens: 1, endpoint: 'responses.create' }),
        RequestUsage.fromJSON({ input_tokens: 4 }),
      ]);
    },
  },
  {
    name: 'values: a run context decides about tools',
    modes: ['plain'],
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        tools: [kit.tool('pay', '', { needsApproval: true })],
        model: kit.model([[call(kit, 'pay', 'p1'), call(kit, 'pay', 'p2')]]),
      });
      const { interruptions } = await kit.done(agent, 'Go');
      const [one, two] = interruptions;
      if (one === undefined || two === undefined) return;
      const context = new kit.sdk.RunContext({ user: 'Ann' });
      const ask = (callId: string) => context.isToolApproved({ toolName: 'pay', callId }) ?? 'open';
      kit.log('at first', [ask('p1'), ask('p2')]);
      context.approveTool(one);
      kit.log('approved', [ask('p1'), ask('p2')]);
      context.rejectTool(one, { message: 'No.' });
      kit.log('rejected', [
        ask('p1'),
        context.getRejectionMessage('pay', 'p1'),
        context.getRejectionMessage('pay', 'p2'),
      ]);
      context.approveTool(two, { alwaysApprove: true });
      kit.log('always', [ask('p1'), ask('p2'), ask('p3')]);
      context.rejectTool(two, { alwaysReject: true, message: 'Never.' });
      kit.log('never', [ask('p1'), ask('p2'), ask('p3'), context.getRejectionMessage('pay', 'p3')]);
      kit.log('json', context.toJSON());
    },
  },
  {
    name: 'values: a run context is passed to a run and kept',
    play: async (kit) => {
      const context = new kit.sdk.RunContext<unknown>({ user: 'Ann' });
      const look = kit.tool('look', '', {
        execute: (_input: unknown, given: unknown) => (kit.log('same context', given === context), 'ok'),
      });
      const model = kit.model([[call(kit, 'look')], [say(kit, 'Done')], [say(kit, 'Again')]]);
      const agent = kit.agent({ name: 'A', model, tools: [look] });
      const { result } = await kit.run(agent, 'Go', { context });
      kit.log('after', [result?.runContext === context, context.usage.requests]);
      await kit.run(agent, 'Go', { context });
      kit.log('after two', context.usage.requests);
    },
  },
  {
    name: 'values: a context without a value',
    play: async (kit) => {
      const look = kit.tool('look', '', {
        execute: (_input: unknown, given: { context: unknown }) => (kit.log('context', given.context), 'ok'),
      });
      const agent = () =>
        kit.agent({ name: 'A', model: kit.model([[call(kit, 'look')], [say(kit, 'Done')]]), tools: [look] });
      await kit.run(agent(), 'Go');
      await kit.run(agent(), 'Go', { context: null });
      await kit.run(agent(), 'Go', { context: 7 });
    },
  },
  {
    name: 'values: items as JSON',
    modes: ['plain'],
    play: async (kit) => {
      const b = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]]) });
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look')], [call(kit, 'transfer_to_B')]]),
        tools: [kit.tool('look')],
        handoffs: [b],
      });
      const { newItems } = await kit.done(agent, 'Go');
      for (const item of newItems) kit.log(item.constructor.name, [item.toJSON(), JSON.parse(JSON.stringify(item))]);
      kit.log('text', kit.sdk.extractAllTextOutput(newItems));
    },
  },
  {
    name: 'values: items made by hand',
    modes: ['plain'],
    play: (kit) => {
      const agent = new kit.sdk.Agent({ name: 'A' });
      const { RunMessageOutputItem, RunToolCallItem, RunToolCallOutputItem, RunToolApprovalItem } = kit.sdk;
      const made = call(kit, 'f', 'c1', { a: 1 });
      kit.log('message', describeItem(new RunMessageOutputItem(say(kit, 'Hi'), agent)));
      const toolCall = new RunToolCallItem(made, agent);
      kit.log('call', [describeItem(toolCall), toolCall.toolName, toolCall.callId]);
      const approval = new RunToolApprovalItem(made, agent);
      kit.log('approval', [describeItem(approval), approval.name, approval.arguments]);
      const output = new RunToolCallOutputItem(
        {
          type: 'function_call_result',
          callId: 'c1',
          name: 'f',
          status: 'completed',
          output: { type: 'text', text: 'ok' },
        },
        agent,
        { live: true },
      );
      kit.log('output', [describeItem(output), output.callId]);
    },
  },
  {
    name: 'values: items of a run know what they are',
    play: async (kit) => {
      const agent = kit.agent({
        name: 'A',
        model: kit.model([[call(kit, 'look')], [say(kit, 'Done')]]),
        tools: [kit.tool('look', { n: 1 })],
      });
      const result = await kit.done(agent, 'Go');
      const { RunToolCallItem, RunToolCallOutputItem, RunMessageOutputItem } = kit.sdk;
      for (const item of result.newItems) {
        const classes = [RunToolCallItem, RunToolCallOutputItem, RunMessageOutputItem];
        kit.log('is', [item.type, classes.map((made) => item instanceof made)]);
      }
    },
  },
  {
    name: 'values: errors made by hand',
    modes: ['plain'],
    play: (kit) => {
      const { sdk } = kit;
      const cause = new TypeError('inner');
      const check = {
        guardrail: { type: 'input' as const, name: 'g' },
        output: { tripwireTriggered: true, outputInfo: 1 },
      };
      const toolCheck = {
        guardrail: { type: 'tool_input' as const, name: 'g' },
        output: { behavior: { type: 'throwException' as const } },
      };
      const errors = [
        new sdk.SystemError('m'),
        new sdk.MaxTurnsExceededError('m'),
        new sdk.ModelBehaviorError('m'),
        new sdk.ModelRefusalError('no'),
        new sdk.ModelTimeoutError({ timeoutMs: 5 }),
        new sdk.UserError('m'),
        new sdk.InvalidToolOutputError('m'),
        new sdk.GuardrailExecutionError('m', cause),
        new sdk.ToolCallError('m', cause),
        new sdk.ToolTimeoutError({ toolName: 't', timeoutMs: 5 }),
        new sdk.InputGuardrailTripwireTriggered('m', check),
        new sdk.ToolInputGuardrailTripwireTriggered('m', toolCheck),
      ];
      for (const error of errors)
        kit.log('error', [
          describeError(error),
          error instanceof sdk.AgentsError,
          error instanceof Error,
          error.state ?? 'no state',
        ]);
      kit.log('user error', new sdk.InvalidToolOutputError('m') instanceof sdk.UserError);
      kit.log('timeout', [new sdk.ModelTimeoutError({ timeoutMs: 5 }).code]);
    },
  },
  {
    name: 'values: options of a runner that cannot be',
    modes: ['plain'],
    play: async (kit) => {
      await kit.attempt(
        'cap',
        () => new kit.sdk.Runner({ toolExecution: { maxFunctionToolConcurrency: 0 } }).config.toolExecution,
      );
      await kit.attempt(
        'policy',
        () => new kit.sdk.Runner({ toolNameCollisionPolicy: 'ignore' as 'warn' }).config.toolNameCollisionPolicy,
      );
      await kit.attempt('defaults', () => {
        const { modelProvider: _provider, ...config } = new kit.sdk.Runner().config;
        return config;
      });
    },
  },
  {
    name: 'values: tool guardrail factories and definitions',
    modes: ['plain'],
    play: async (kit) => {
      const factory = kit.sdk.ToolGuardrailFunctionOutputFactory;
      kit.log('outputs', [
        factory.allow(),
        factory.allow(1),
        factory.rejectContent('No.', 2),
        factory.throwException(3),
      ]);
      const run = async () => factory.allow();
      const input = kit.sdk.defineToolInputGuardrail({ name: 'in', run });
      const output = kit.sdk.defineToolOutputGuardrail({ name: 'out', run });
      kit.log('defined', [input, output]);
      kit.log('resolved', [
        kit.sdk.resolveToolInputGuardrails([{ name: 'raw', run }, input]),
        kit.sdk.resolveToolOutputGuardrails(),
      ]);
    },
  },
];
