/** Function tools: execution, results, errors, arguments. */
import { z } from 'zod';
import type { Kit, Scenario } from '../kit.ts';
import { call, gate, pause, say, settle } from './parts.ts';

/** One turn of calls, then a final text. */
const once = (kit: Kit, calls: ReturnType<typeof call>[], tools: unknown[], more: Record<string, unknown> = {}) =>
  kit.agent({ name: 'A', model: kit.model([calls, [say(kit, 'Done')]]), tools, ...more });

const failing = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.tool('fail', undefined, {
    execute: () => {
      kit.log('execute fail');
      throw new TypeError('disk is full');
    },
    ...more,
  });

const typed = (kit: Kit, more: Record<string, unknown> = {}) =>
  kit.sdk.tool({
    name: 'add',
    description: 'Adds.',
    parameters: z.object({ a: z.number(), b: z.number().nullable().default(1) }),
    execute: (input) => {
      kit.log('execute add', input);
      return String(input.a + (input.b ?? 0));
    },
    ...more,
  });

export const scenarios: Scenario[] = [
  {
    name: 'tools: results keep the order of the model, executions overlap',
    play: async (kit) => {
      const slow = gate();
      const agent = once(
        kit,
        [call(kit, 'slow'), call(kit, 'fast')],
        [
          kit.tool('slow', '', {
            execute: async () => {
              kit.log('slow begins');
              await slow.promise;
              kit.log('slow ends');
              return 'slow';
            },
          }),
          kit.tool('fast', '', {
            execute: async () => {
              kit.log('fast runs');
              slow.open();
              return 'fast';
            },
          }),
        ],
      );
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'tools: the concurrency cap holds the second call back',
    play: async (kit) => {
      const work = (name: string) =>
        kit.tool(name, '', {
          execute: async () => {
            kit.log(`${name} begins`);
            await settle(2);
            kit.log(`${name} ends`);
            return name;
          },
        });
      const agent = once(
        kit,
        [call(kit, 'one'), call(kit, 'two'), call(kit, 'three')],
        [work('one'), work('two'), work('three')],
      );
      await kit.run(agent, 'Go', { toolExecution: { maxFunctionToolConcurrency: 1 } });
    },
  },
  {
    name: 'tools: values of the cap that cannot be',
    play: async (kit) => {
      for (const maxFunctionToolConcurrency of [0, 1.5, -1]) {
        const agent = once(kit, [call(kit, 'one')], [kit.tool('one')]);
        await kit.run(agent, 'Go', { toolExecution: { maxFunctionToolConcurrency } });
      }
    },
  },
  {
    name: 'tools: values of every kind as output',
    play: async (kit) => {
      const values: Record<string, unknown> = {
        text: 'plain',
        number: 42,
        zero: 0,
        yes: true,
        no: false,
        nothing: null,
        missing: undefined,
        list: [1, 'a'],
        object: { a: { b: 1 } },
        map: new Map([['a', 1]]),
        date: new Date(0),
        big: 12n,
        empty: '',
        bytes: new Uint8Array([1, 2]),
      };
      const names = Object.keys(values);
      const agent = once(
        kit,
        names.map((name) => call(kit, name)),
        names.map((name) => kit.tool(name, values[name])),
      );
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'tools: structured outputs',
    play: async (kit) => {
      const values: Record<string, unknown> = {
        text: { type: 'text', text: 'hello' },
        image: { type: 'image', image: 'https://example.test/a.png', detail: 'low' },
        file: { type: 'file', file: { url: 'https://example.test/a.pdf', filename: 'a.pdf' } },
        list: [
          { type: 'text', text: 'one' },
          { type: 'image', image: 'data:image/png;base64,AA==' },
        ],
        lookalike: { type: 'text', body: 'no text here' },
        mixed: [{ type: 'text', text: 'one' }, 'two'],
        none: [],
      };
      const names = Object.keys(values);
      const agent = once(
        kit,
        names.map((name) => call(kit, name)),
        names.map((name) => kit.tool(name, values[name])),
      );
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'tools: an error becomes the default text',
    play: async (kit) => void (await kit.run(once(kit, [call(kit, 'fail')], [failing(kit)]), 'Go')),
  },
  {
    name: 'tools: an error function writes the text',
    play: async (kit) => {
      const tool = failing(kit, {
        errorFunction: (context: unknown, error: unknown, details: unknown) => {
          kit.log('errorFunction', [context, error, (details as { toolCall: unknown }).toolCall]);
          return `It failed: ${String(error)}`;
        },
      });
      await kit.run(once(kit, [call(kit, 'fail')], [tool]), 'Go');
    },
  },
  {
    name: 'tools: an error function that throws',
    play: async (kit) => {
      const tool = failing(kit, {
        errorFunction: () => {
          throw new RangeError('formatter broke');
        },
      });
      await kit.run(once(kit, [call(kit, 'fail')], [tool]), 'Go');
    },
  },
  {
    name: 'tools: errorFunction null raises',
    play: async (kit) =>
      void (await kit.run(once(kit, [call(kit, 'fail')], [failing(kit, { errorFunction: null })]), 'Go')),
  },
  {
    name: 'tools: a fatal error aborts its siblings and waits for them',
    play: async (kit) => {
      const sibling = kit.tool('slow', '', {
        execute: async (_input: unknown, _context: unknown, details: { signal?: AbortSignal }) => {
          kit.log('slow begins', details.signal?.aborted ?? 'no signal');
          await pause(200, details.signal).catch((reason: unknown) => kit.log('slow aborted', reason));
          return 'slow done';
        },
      });
      const agent = once(kit, [call(kit, 'slow'), call(kit, 'fail')], [sibling, failing(kit, { errorFunction: null })]);
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'tools: two fatal errors in one turn',
    play: async (kit) => {
      const one = failing(kit, { name: 'one', errorFunction: null });
      const two = failing(kit, { name: 'two', errorFunction: null });
      await kit.run(once(kit, [call(kit, 'one'), call(kit, 'two')], [one, two]), 'Go');
    },
  },
  {
    name: 'tools: arguments that are not JSON',
    play: async (kit) => void (await kit.run(once(kit, [call(kit, 'add', 'c1', '{"a": 1')], [typed(kit)]), 'Go')),
  },
  {
    name: 'tools: arguments that are not JSON, with an error function',
    play: async (kit) => {
      const tool = typed(kit, { errorFunction: (_c: unknown, error: unknown) => `Bad: ${String(error)}` });
      await kit.run(once(kit, [call(kit, 'add', 'c1', 'nonsense')], [tool]), 'Go');
    },
  },
  {
    name: 'tools: arguments that are not JSON, errorFunction null',
    play: async (kit) => {
      await kit.run(once(kit, [call(kit, 'add', 'c1', 'nonsense')], [typed(kit, { errorFunction: null })]), 'Go');
    },
  },
  {
    name: 'tools: arguments that do not fit the schema',
    play: async (kit) =>
      void (await kit.run(once(kit, [call(kit, 'add', 'c1', { a: 'x', b: 2 })], [typed(kit)]), 'Go')),
  },
  {
    name: 'tools: arguments that do not fit the schema, with an error function',
    play: async (kit) => {
      const tool = typed(kit, { errorFunction: (_c: unknown, error: unknown) => `Bad: ${String(error)}` });
      await kit.run(once(kit, [call(kit, 'add', 'c1', { a: 'x', b: 2 })], [tool]), 'Go');
    },
  },
  {
    name: 'tools: arguments that do not fit the schema, errorFunction null',
    play: async (kit) => {
      await kit.run(once(kit, [call(kit, 'add', 'c1', { b: 2 })], [typed(kit, { errorFunction: null })]), 'Go');
    },
  },
  {
    name: 'tools: parsed arguments have defaults and no unknown keys',
    play: async (kit) => {
      const agent = once(
        kit,
        [call(kit, 'add', 'c1', { a: 1, extra: true }), call(kit, 'add', 'c2', { a: 1, b: null })],
        [typed(kit)],
      );
      await kit.run(agent, 'Go');
    },
  },
  {
    name: 'tools: empty arguments',
    play: async (kit) => {
      const tool = kit.tool('raw', 'ok');
      await kit.run(once(kit, [call(kit, 'raw', 'c1', ''), call(kit, 'raw', 'c2', '{}')], [tool]), 'Go');
      await kit.run(once(kit, [call(kit, 'add', 'c1', '')], [typed(kit)]), 'Go');
    },
  },
  {
    name: 'tools: arguments of a JSON schema are not checked',
    play: async (kit) => {
      const parameters = {
        type: 'object',
        properties: { a: { type: 'number' } },
        required: ['a'],
        additionalProperties: false,
      };
      const tool = kit.tool('loose', 'ok', { parameters, strict: true });
      await kit.run(once(kit, [call(kit, 'loose', 'c1', { a: 'text' }), call(kit, 'loose', 'c2', '')], [tool]), 'Go');
    },
  },
  {
    name: 'tools: an unknown tool is an error',
    play: async (kit) => void (await kit.run(once(kit, [call(kit, 'other')], [kit.tool('one')]), 'Go')),
  },
  {
    name: 'tools: an unknown tool beside a known one is an error before anything runs',
    play: async (kit) =>
      void (await kit.run(once(kit, [call(kit, 'one'), call(kit, 'other')], [kit.tool('one')]), 'Go')),
  },
  {
    name: 'tools: an unknown tool is answered when asked to',
    play: async (kit) => {
      await kit.run(once(kit, [call(kit, 'one'), call(kit, 'other')], [kit.tool('one')]), 'Go', {
        toolNotFoundBehavior: 'return_error_to_model',
      });
    },
  },
  {
    name: 'tools: the formatter writes the answer for an unknown tool',
    play: async (kit) => {
      await kit.run(once(kit, [call(kit, 'other')], [kit.tool('one')]), 'Go', {
        toolNotFoundBehavior: 'return_error_to_model',
        toolErrorFormatter: (args) => {
          kit.log('toolErrorFormatter', args);
          return 'There is no such tool.';
        },
      });
    },
  },
  {
    name: 'tools: a disabled tool is not offered and not found',
    play: async (kit) => {
      const off = kit.tool('off', '', { isEnabled: false });
      const asked = kit.tool('asked', 'ok', {
        isEnabled: (args: { agent: unknown; runContext: unknown }) => {
          kit.log('isEnabled', args);
          return true;
        },
      });
      await kit.run(once(kit, [call(kit, 'asked')], [off, asked]), 'Go');
      await kit.run(once(kit, [call(kit, 'off')], [off, asked]), 'Go');
    },
  },
  {
    name: 'tools: execute gets the context and the details of its call',
    play: async (kit) => {
      const tool = kit.tool('look', '', {
        execute: (input: unknown, context: { context: unknown }, details: object) => {
          kit.log('execute', [input, context.context, { ...details, signal: 'left out' }]);
          return 'ok';
        },
      });
      await kit.run(once(kit, [call(kit, 'look', 'c1', { a: 1 })], [tool]), 'Go', { context: { user: 'Ann' } });
    },
  },
  {
    name: 'tools: the same call id twice in one reply',
    play: async (kit) => {
      await kit.run(
        once(kit, [call(kit, 'one', 'same', { a: 1 }), call(kit, 'one', 'same', { a: 2 })], [kit.tool('one')]),
        'Go',
      );
      await kit.run(
        once(kit, [call(kit, 'one', 'same', { a: 1 }), call(kit, 'one', 'same', { a: 1 })], [kit.tool('one')]),
        'Go',
      );
    },
  },
  {
    name: 'tools: the same call id in a later turn',
    play: async (kit) => {
      for (const args of [{ a: 1 }, { a: 2 }]) {
        const model = kit.model([
          [call(kit, 'one', 'same', { a: 1 })],
          [call(kit, 'one', 'same', args)],
          [say(kit, 'Done')],
        ]);
        await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('one')] }), 'Go');
      }
    },
  },
  {
    name: 'tools: two tools of one name',
    play: async (kit) => {
      const tools = [kit.tool('one', 'first'), kit.tool('one', 'second')];
      await kit.run(once(kit, [call(kit, 'one')], tools), 'Go');
    },
  },
];
