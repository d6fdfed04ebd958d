/** Whole runs on the Messages API: thoughts and signatures go with the conversation, and stay behind when it moves. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, fromAiSdk, MemorySession, run, tool } from '../../index.ts';
import { messagesReply } from '../../testing/fake-server/index.ts';
import { model, server } from './socket.fixture.ts';

const weather = tool({
  name: 'get_weather',
  description: 'The weather.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `Rain in ${city}.`,
});

test.each([false, true])('a run with tools keeps its thoughts from step to step (stream: %s)', async (stream) => {
  server.reply(
    messagesReply({
      reasoning: 'I need the weather.',
      toolCalls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }],
    }),
    messagesReply({ reasoning: 'Now I know.', text: 'It rains.' }),
    messagesReply('Yes.'),
  );
  const agent = new Agent({
    name: 'A',
    model: model(),
    tools: [weather],
    modelSettings: { reasoning: { effort: 'low' } },
  });
  const session = new MemorySession();
  if (stream) await (await run(agent, 'Weather in Oslo?', { session, stream: true })).completed;
  else expect((await run(agent, 'Weather in Oslo?', { session })).finalOutput).toBe('It rains.');
  await run(agent, 'Sure?', { session });
  const sent = JSON.stringify(server.requests.at(-1)?.body['messages']);
  expect(sent).toContain('"thinking":"I need the weather.","signature":"sig_');
  expect(sent).toContain('"thinking":"Now I know.","signature":"sig_');

  // The same conversation, asked of another model.
  let prompt: unknown;
  const other = {
    specificationVersion: 'v4',
    provider: 'mistral.chat',
    modelId: 'large',
    doGenerate: (options: { prompt: unknown }) => {
      prompt = options.prompt;
      const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
      return Promise.resolve({
        content: [{ type: 'text', text: 'So it is.' }],
        finishReason: { unified: 'stop' },
        usage,
      });
    },
    doStream: () => Promise.reject(new Error('not asked')),
  };
  const moved = await run(new Agent({ name: 'B', model: fromAiSdk(other) }), 'And you?', { session });
  expect(moved.finalOutput).toBe('So it is.');
  expect(JSON.stringify(prompt)).not.toMatch(/sig_|I need the weather/);
  expect(JSON.stringify(prompt)).toContain('Rain in Oslo.');
});
