/** What follows a tool: toolUseBehavior, tool choice, timeouts, guardrails, names. */
import { z } from 'zod';
import type { Kit, Scenario } from '../kit.ts';
import { call, pause, say } from './parts.ts';

const withBehavior = (kit: Kit, toolUseBehavior: unknown, calls = [call(kit, 'one'), call(kit, 'two')]) =>
  kit.agent({
    name: 'A',
    model: kit.model([calls, [say(kit, 'Done')]]),
    tools: [kit.tool('one', { n: 1 }), kit.tool('two', 'second')],
    toolUseBehavior,
  });

const once = (kit: Kit, calls: ReturnType<typeof call>[], tools: unknown[], more: Record<string, unknown> = {}) =>
  kit.agent({ name: 'A', model: kit.model([calls, [say(kit, 'Done')]]), tools, ...more });

const sleeper = (kit: Kit, more: Record<string, unknown>) =>
  kit.tool('sleep', '', {
    timeoutMs: 10,
    execute: async (_input: unknown, _context: unknown, details: { signal?: AbortSignal }) => {
      await pause(10_000, details.signal).catch(() => kit.log('sleep was aborted'));
      return 'slept';
    },
    ...more,
  });

type Verdict = 'allow' | 'reject' | 'throw' | 'fail';

/** A tool guardrail of the kind and verdict. */
function check(kit: Kit, kind: 'input' | 'output', name: string, verdict: Verdict) {
  const factory = kit.sdk.ToolGuardrailFunctionOutputFactory;
  const run = async (data: object) => {
    kit.log(`guardrail ${name}`, data);
    if (verdict === 'allow') return factory.allow({ by: name });
    if (verdict === 'reject') return factory.rejectContent(`${name} says no`, { by: name });
    if (verdict === 'throw') return factory.throwException({ by: name });
    throw new TypeError(`${name} broke`);
  };
  return kind === 'input'
    ? kit.sdk.defineToolInputGuardrail({ name, run })
    : kit.sdk.defineToolOutputGuardrail({ name, run });
}

const guarded = (kit: Kit, input: Verdict[], output: Verdict[], more: Record<string, unknown> = {}) =>
  once(
    kit,
    [call(kit, 'one', 'c1', { a: 1 })],
    [
      kit.tool('one', 'secret', {
        inputGuardrails: input.map((verdict, i) => check(kit, 'input', `in${i}`, verdict)),
        outputGuardrails: output.map((verdict, i) => check(kit, 'output', `out${i}`, verdict)),
        ...more,
      }),
    ],
  );

const choices = (kit: Kit, config: Record<string, unknown>) =>
  kit.agent({
    name: 'A',
    model: kit.model([[call(kit, 'one', 'c1')], [call(kit, 'one', 'c2')], [say(kit, 'Done')]]),
    tools: [kit.tool('one')],
    ...config,
  });

export const scenarios: Scenario[] = [
  {
    name: 'tool rules: stop_on_first_tool',
    play: async (kit) => void (await kit.run(withBehavior(kit, 'stop_on_first_tool'), 'Go')),
  },
  {
    name: 'tool rules: what a tool returned as parts is the output as it returned it',
    play: async (kit) => {
      const values = [
        { type: 'text', text: 'hello' },
        { type: 'image', image: { data: new Uint8Array([1, 2]), mediaType: 'image/png' } },
        { type: 'file', file: { url: 'https://example.test/a.pdf', filename: 'a.pdf' } },
        [
          { type: 'text', text: 'one' },
          { type: 'image', image: 'https://example.test/a.png', detail: 'low' },
        ],
        [],
      ];
      for (const value of values) {
        for (const toolUseBehavior of ['stop_on_first_tool', { stopAtToolNames: ['two'] }]) {
          const tools = [kit.tool('one', value), kit.tool('two', value)];
          const agent = once(kit, [call(kit, 'one'), call(kit, 'two')], tools, { toolUseBehavior });
          await kit.run(agent, 'Go', { session: kit.session() });
        }
      }
    },
  },
  {
    name: 'tool rules: parts that an output guardrail withholds',
    play: async (kit) => {
      const blocks = { name: 'out', execute: async () => ({ tripwireTriggered: true, outputInfo: 1 }) };
      const tools = [kit.tool('one', { type: 'text', text: 'hello' })];
      const more = { toolUseBehavior: 'stop_on_first_tool', outputGuardrails: [blocks] };
      await kit.run(once(kit, [call(kit, 'one')], tools, more), 'Go', { session: kit.session() });
    },
  },
  {
    name: 'tool rules: stopAtToolNames, named and not named',
    play: async (kit) => {
      await kit.run(withBehavior(kit, { stopAtToolNames: ['two'] }), 'Go');
      await kit.run(withBehavior(kit, { stopAtToolNames: ['three'] }), 'Go');
      await kit.run(withBehavior(kit, { stopAtToolNames: ['two', 'one'] }), 'Go');
    },
  },
  {
    name: 'tool rules: a function decides and sees live values',
    play: async (kit) => {
      const behavior = (context: unknown, results: { type: string; output?: unknown; tool: { name: string } }[]) => {
        kit.log('toolUseBehavior', [context, results.map((result) => [result.type, result.tool.name, result.output])]);
        return { isFinalOutput: true, isInterrupted: undefined, finalOutput: `seen ${results.length}` };
      };
      await kit.run(withBehavior(kit, behavior), 'Go');
    },
  },
  {
    name: 'tool rules: an async function declines',
    play: async (kit) => {
      const behavior = async () => ({ isFinalOutput: false, isInterrupted: undefined });
      await kit.run(withBehavior(kit, behavior), 'Go');
    },
  },
  {
    name: 'tool rules: a function that throws, an object as final output',
    play: async (kit) => {
      await kit.run(
        withBehavior(kit, () => {
          throw new TypeError('behaviour broke');
        }),
        'Go',
      );
      await kit.run(
        withBehavior(kit, () => ({ isFinalOutput: true, finalOutput: { not: 'text' } })),
        'Go',
      );
    },
  },
  {
    name: 'tool rules: an unknown rule',
    play: async (kit) => {
      await kit.run(withBehavior(kit, 'whatever'), 'Go');
    },
  },
  {
    name: 'tool rules: stop_on_first_tool with a structured output',
    play: async (kit) => {
      const outputType = z.object({ n: z.number() });
      const good = once(kit, [call(kit, 'one')], [kit.tool('one', { n: 1 })], {
        outputType,
        toolUseBehavior: 'stop_on_first_tool',
      });
      await kit.run(good, 'Go');
      const bad = once(kit, [call(kit, 'one')], [kit.tool('one', 'no json')], {
        outputType,
        toolUseBehavior: 'stop_on_first_tool',
      });
      await kit.run(bad, 'Go');
    },
  },
  {
    name: 'tool rules: stop_on_first_tool with a failing tool',
    play: async (kit) => {
      const tool = kit.tool('one', '', {
        execute: () => {
          throw new Error('no');
        },
      });
      await kit.run(once(kit, [call(kit, 'one')], [tool], { toolUseBehavior: 'stop_on_first_tool' }), 'Go');
    },
  },
  {
    name: 'tool rules: the tool choice is reset after a tool was used',
    play: async (kit) => {
      await kit.run(choices(kit, { modelSettings: { toolChoice: 'required', temperature: 0.5 } }), 'Go');
      await kit.run(choices(kit, { modelSettings: { toolChoice: 'one' }, resetToolChoice: false }), 'Go');
      await kit.run(choices(kit, { modelSettings: { toolChoice: 'none' } }), 'Go');
      await kit.run(choices(kit, { modelSettings: { toolChoice: 'auto' } }), 'Go');
    },
  },
  {
    name: 'tool rules: the tool choice of the runner is reset too',
    play: async (kit) => {
      const runner = kit.runner({ modelSettings: { toolChoice: 'required' } });
      await kit.run(choices(kit, {}), 'Go', { runner });
    },
  },
  {
    name: 'tool rules: a timeout becomes a result',
    play: async (kit) => void (await kit.run(once(kit, [call(kit, 'sleep')], [sleeper(kit, {})]), 'Go')),
  },
  {
    name: 'tool rules: a timeout with a text of its own',
    play: async (kit) => {
      const timeoutErrorFunction = (context: unknown, error: unknown) => {
        kit.log('timeoutErrorFunction', [context, error]);
        return 'Too slow.';
      };
      await kit.run(once(kit, [call(kit, 'sleep')], [sleeper(kit, { timeoutErrorFunction })]), 'Go');
    },
  },
  {
    name: 'tool rules: a timeout raises',
    play: async (kit) => {
      await kit.run(once(kit, [call(kit, 'sleep')], [sleeper(kit, { timeoutBehavior: 'raise_exception' })]), 'Go');
    },
  },
  {
    name: 'tool rules: a timeout raises past an error function',
    play: async (kit) => {
      const tool = sleeper(kit, { timeoutBehavior: 'raise_exception', errorFunction: () => 'covered' });
      await kit.run(once(kit, [call(kit, 'sleep')], [tool]), 'Go');
    },
  },
  {
    name: 'tool rules: options of a timeout that cannot be',
    play: async (kit) => {
      for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31, '5']) {
        await kit.attempt(`timeoutMs ${String(timeoutMs)}`, () => kit.tool('t', '', { timeoutMs }).name);
      }
      await kit.attempt('timeoutBehavior', () => kit.tool('t', '', { timeoutMs: 5, timeoutBehavior: 'maybe' }).name);
    },
  },
  {
    name: 'tool rules: tool guardrails that allow',
    play: async (kit) => void (await kit.run(guarded(kit, ['allow', 'allow'], ['allow']), 'Go')),
  },
  {
    name: 'tool rules: an input guardrail rejects the call',
    play: async (kit) => void (await kit.run(guarded(kit, ['allow', 'reject', 'allow'], ['allow']), 'Go')),
  },
  {
    name: 'tool rules: an input guardrail throws',
    play: async (kit) => void (await kit.run(guarded(kit, ['throw'], []), 'Go')),
  },
  {
    name: 'tool rules: an input guardrail breaks',
    play: async (kit) => void (await kit.run(guarded(kit, ['fail'], []), 'Go')),
  },
  {
    name: 'tool rules: an output guardrail replaces the output',
    play: async (kit) => void (await kit.run(guarded(kit, [], ['reject', 'allow']), 'Go')),
  },
  {
    name: 'tool rules: an output guardrail throws',
    play: async (kit) => void (await kit.run(guarded(kit, [], ['throw']), 'Go')),
  },
  {
    name: 'tool rules: an output guardrail breaks',
    play: async (kit) => void (await kit.run(guarded(kit, [], ['fail']), 'Go')),
  },
  {
    name: 'tool rules: tool guardrails and an error of the tool',
    play: async (kit) => {
      const execute = () => {
        throw new Error('no');
      };
      await kit.run(guarded(kit, ['allow'], ['allow'], { execute }), 'Go');
    },
  },
  {
    name: 'tool rules: a tool and a handoff of one name',
    console: true,
    play: async (kit) => {
      const other = kit.agent({ name: 'B', model: kit.model([[say(kit, 'From B')]]) });
      const tools = [kit.tool('transfer_to_B', 'tool won')];
      const agent = () => once(kit, [call(kit, 'transfer_to_B')], tools, { handoffs: [other] });
      await kit.run(agent(), 'Go');
      await kit.run(agent(), 'Go', { toolNameCollisionPolicy: 'error' });
    },
  },
  {
    name: 'tool rules: a tool with a default and one without a name',
    play: async (kit) => {
      const execute = function lookUp() {
        return 'x';
      };
      await kit.attempt('name of the function', () => kit.tool('', '', { name: undefined, execute }).name);
      await kit.attempt('no name at all', () => kit.tool('', '', { name: undefined, execute: () => 'x' }).name);
      await kit.attempt('unsafe name', () => kit.tool('look up!', '').name);
      await kit.attempt('blank name', () => kit.tool(' ', '').name);
      await kit.attempt('shape', () => {
        const { invoke: _invoke, isEnabled: _enabled, needsApproval: _asks, ...rest } = kit.tool('t', '');
        return rest;
      });
    },
  },
  {
    name: 'tool rules: invoking a function tool by hand',
    play: async (kit) => {
      const tool = kit.tool('one', { n: 1 });
      const runContext = new kit.sdk.RunContext({});
      await kit.attempt('good', () => kit.sdk.invokeFunctionTool({ tool, runContext, input: '{"a":1}' }));
      await kit.attempt('bad', () => kit.sdk.invokeFunctionTool({ tool, runContext, input: 'nonsense' }));
    },
  },
];
