/** Turn order, inputs, final output, turn limit. */
import { z } from 'zod';
import type { Scenario } from '../kit.ts';
import { call, counted, say } from './parts.ts';

export const scenarios: Scenario[] = [
  {
    name: 'turns: a text answer to a string',
    play: async (kit) => {
      const model = kit.model([[say(kit, 'Hello')]]);
      await kit.run(kit.agent({ name: 'A', instructions: 'Be brief.', model }), 'Hi');
    },
  },
  {
    name: 'turns: an input of items is sent as it is',
    play: async (kit) => {
      const model = kit.model([[say(kit, 'Hello')]]);
      const { user, assistant, system } = kit.sdk;
      await kit.run(kit.agent({ name: 'A', model }), [system('S'), user('One'), assistant('Two'), user('Three')]);
    },
  },
  {
    name: 'turns: an empty string and an empty list are inputs',
    play: async (kit) => {
      const agent = kit.agent({ name: 'A', model: kit.model([[say(kit, '1')], [say(kit, '2')]]) });
      await kit.run(agent, '');
      await kit.run(agent, []);
    },
  },
  {
    name: 'turns: a tool turn and the hooks around it',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look', 'c1', { q: 'x' })], [say(kit, 'Found')]]);
      await kit.run(kit.agent({ name: 'A', instructions: 'I', model, tools: [kit.tool('look')] }), 'Find');
    },
  },
  {
    name: 'turns: a message beside a tool call is not final',
    play: async (kit) => {
      const model = kit.model([[say(kit, 'Let me look'), call(kit, 'look')], [say(kit, 'Found')]]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Find');
    },
  },
  {
    name: 'turns: several messages in one reply',
    play: async (kit) => {
      const model = kit.model([[say(kit, 'One. '), say(kit, 'Two.')]]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: an empty reply runs again',
    play: async (kit) => {
      const model = kit.model([[], [say(kit, 'Now')]]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: an empty text is a final output',
    play: async (kit) => {
      const model = kit.model([[say(kit, '')], [say(kit, 'Now')]]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: reasoning beside a message and beside a call',
    play: async (kit) => {
      const reasoning = (id: string) => ({
        type: 'reasoning' as const,
        id,
        content: [{ type: 'input_text' as const, text: 'Hm' }],
      });
      const model = kit.model([
        [reasoning('rs1'), call(kit, 'look')],
        [reasoning('rs2'), say(kit, 'Found')],
      ]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Find');
    },
  },
  {
    name: 'turns: reasoning alone runs again',
    play: async (kit) => {
      const model = kit.model([
        [{ type: 'reasoning', id: 'rs1', content: [{ type: 'input_text', text: 'Hm' }] }],
        [say(kit, 'Now')],
      ]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: a hosted tool call beside a message does not hold the final output',
    play: async (kit) => {
      const model = kit.model([
        [{ type: 'hosted_tool_call', id: 'ws1', name: 'web_search_call', status: 'completed' }, say(kit, 'Found')],
      ]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: a refusal is an error',
    play: async (kit) => {
      const model = kit.model([[kit.sdk.assistant([{ type: 'refusal', refusal: 'I must not.' }])]]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: a refusal of a structured agent is an error',
    play: async (kit) => {
      const model = kit.model([[kit.sdk.assistant([{ type: 'refusal', refusal: 'I must not.' }])]]);
      await kit.run(kit.agent({ name: 'A', model, outputType: z.object({ n: z.number() }) }), 'Go');
    },
  },
  {
    name: 'turns: text with a refusal is final',
    play: async (kit) => {
      const model = kit.model([
        [
          kit.sdk.assistant([
            { type: 'output_text', text: 'Part' },
            { type: 'refusal', refusal: 'No more.' },
          ]),
        ],
      ]);
      await kit.run(kit.agent({ name: 'A', model }), 'Go');
    },
  },
  {
    name: 'turns: maxTurns is exceeded',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look', 'c1')], [call(kit, 'look', 'c2')], [say(kit, 'Found')]]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Find', { maxTurns: 2 });
    },
  },
  {
    name: 'turns: an exceeded run resumes with more turns',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look', 'c1')], [say(kit, 'Found')]]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const { error } = await kit.run(agent, 'Find', { maxTurns: 1 });
      const state = error instanceof kit.sdk.MaxTurnsExceededError ? error.state : undefined;
      if (state !== undefined) await kit.run(agent, state, { maxTurns: 3 });
    },
  },
  {
    name: 'turns: an exceeded run resumes from a string',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look', 'c1')], [say(kit, 'Found')]]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const { error } = await kit.run(agent, 'Find', { maxTurns: 1 });
      const text = error instanceof kit.sdk.MaxTurnsExceededError ? error.state?.toString() : undefined;
      if (text !== undefined) await kit.run(agent, await kit.sdk.RunState.fromString(agent, text), { maxTurns: 3 });
    },
  },
  {
    name: 'turns: the default limit is ten',
    play: async (kit) => {
      const model = kit.model(Array.from({ length: 11 }, (_, i) => [call(kit, 'look', `c${i}`)]));
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Find');
    },
  },
  {
    name: 'turns: maxTurns null has no limit',
    play: async (kit) => {
      const steps = Array.from({ length: 12 }, (_, i) => [call(kit, 'look', `c${i}`)]);
      const model = kit.model([...steps, [say(kit, 'Found')]]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Find', { maxTurns: null });
    },
  },
  {
    name: 'turns: odd values of maxTurns',
    play: async (kit) => {
      for (const maxTurns of [0, -1, 1.5, Number.NaN]) {
        const model = kit.model([[say(kit, 'Hello')]]);
        await kit.run(kit.agent({ name: 'A', model }), 'Hi', { maxTurns });
      }
    },
  },
  {
    name: 'turns: usage is summed and entries are kept',
    play: async (kit) => {
      const model = kit.model([counted(kit, 'r1', [call(kit, 'look')]), counted(kit, 'r2', [say(kit, 'Found')])]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Find');
    },
  },
  {
    name: 'turns: the history of one run is the input of the next',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look')], [say(kit, 'Found')], [say(kit, 'Again')]]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const first = await kit.done(agent, 'Find');
      await kit.run(agent, [...first.history, kit.sdk.user('More')]);
    },
  },
  {
    name: 'turns: a finished state returns its result without a model call',
    play: async (kit) => {
      const model = kit.model([[say(kit, 'Hello')]]);
      const agent = kit.agent({ name: 'A', model });
      const first = await kit.done(agent, 'Hi');
      const second = await kit.done(agent, first.state);
      kit.log('same state', first.state === second.state);
    },
  },
  {
    name: 'turns: raw stream events of a model pass through',
    modes: ['stream'],
    play: async (kit) => {
      const usage = { requests: 1, inputTokens: 1, outputTokens: 1, totalTokens: 2 };
      const response = { id: 'r1', usage, output: [say(kit, 'Hello')] };
      const model = kit.model([
        kit.testing.modelStream([
          { type: 'response_started' },
          { type: 'model', event: { type: 'vendor', n: 1 } },
          { type: 'output_text_delta', delta: 'Hel' },
          { type: 'output_text_delta', delta: 'lo' },
          { type: 'response_done', response },
        ]),
      ]);
      await kit.run(kit.agent({ name: 'A', model }), 'Hi');
    },
  },
  {
    name: 'turns: a stream without response_done is an error',
    modes: ['stream'],
    play: async (kit) => {
      const model = kit.model([kit.testing.modelStream([{ type: 'response_started' }])]);
      await kit.run(kit.agent({ name: 'A', model }), 'Hi');
    },
  },
  {
    name: 'turns: an error of the model is the very error',
    play: async (kit) => {
      const thrown = new Error('503 from the vendor');
      const model = kit.model([kit.testing.modelError(thrown)]);
      const { error } = await kit.run(kit.agent({ name: 'A', model }), 'Hi');
      kit.log('same error', error === thrown);
    },
  },
  {
    name: 'turns: a model error after a tool turn',
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look')], kit.testing.modelError(new TypeError('broken'))]);
      await kit.run(kit.agent({ name: 'A', model, tools: [kit.tool('look')] }), 'Hi');
    },
  },
  {
    name: 'turns: text streams',
    modes: ['stream'],
    play: async (kit) => {
      const model = kit.model([
        [call(kit, 'look'), say(kit, 'First')],
        [say(kit, 'Sec'), say(kit, 'ond')],
      ]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const result = await kit.runner().run(agent, 'Hi', { stream: true });
      const texts: string[] = [];
      for await (const text of result.toTextStream()) texts.push(text);
      await result.completed;
      kit.log('texts', texts);
      kit.log('final', result.finalOutput);
    },
  },
  {
    name: 'turns: an unread stream completes',
    modes: ['stream'],
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look')], [say(kit, 'Done')]]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const result = await kit.runner().run(agent, 'Hi', { stream: true });
      await result.completed;
      kit.log('final', [result.finalOutput, result.currentTurn, result.cancelled, result.maxTurns]);
    },
  },
  {
    name: 'turns: breaking out of a stream cancels the run',
    modes: ['stream'],
    play: async (kit) => {
      const model = kit.model([[call(kit, 'look')], [call(kit, 'look', 'c2')], [say(kit, 'Done')]]);
      const agent = kit.agent({ name: 'A', model, tools: [kit.tool('look')] });
      const result = await kit.runner().run(agent, 'Hi', { stream: true });
      for await (const event of result) if (event.type === 'run_item_stream_event') break;
      await kit.attempt('completed', () => result.completed);
      kit.log('after', [result.cancelled, result.currentTurn, result.newItems.map((item) => item.type)]);
    },
  },
];
