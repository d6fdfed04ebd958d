/** Models that are not held to a schema, with tools: the schema is one more tool. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, run, tool } from '../../index.ts';
import { messagesReply } from '../../testing/fake-server/index.ts';
import { drain, model, request, server, tool as offered } from './socket.fixture.ts';

const weather = tool({
  name: 'get_weather',
  description: 'The weather.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `Rain in ${city}.`,
});
const Report = z.object({ city: z.string(), wet: z.boolean() });
const REPORT = { city: 'Oslo', wet: true };
const final = { name: 'final_answer', arguments: REPORT };

test.each([false, true])('an older Claude calls its tools and ends with its output (stream: %s)', async (stream) => {
  server.reply(
    messagesReply({ toolCalls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] }),
    messagesReply({ text: 'I know.', toolCalls: [final] }),
  );
  const agent = new Agent({
    name: 'A',
    model: model({ model: 'claude-3-5-sonnet-latest' }),
    tools: [weather],
    outputType: Report,
  });
  const result = stream ? await run(agent, 'Oslo?', { stream: true }) : await run(agent, 'Oslo?');
  if ('completed' in result) await result.completed;
  expect(result.finalOutput).toEqual(REPORT);
  expect(JSON.stringify(result.history)).not.toContain('final_answer');
  const bodies = server.requests.slice(-2).map(({ body }) => body);
  for (const body of bodies) {
    expect(body).toMatchObject({
      tool_choice: { type: 'any' },
      tools: [{ name: 'get_weather' }, { name: 'final_answer' }],
    });
    expect(JSON.stringify(body)).not.toContain('Answer with JSON that fits');
  }
});

test('its arguments stream as the text', async () => {
  server.reply(messagesReply({ toolCalls: [final] }));
  const outputType = {
    type: 'json_schema' as const,
    name: 'report',
    strict: true,
    schema: { type: 'object' as const, properties: {}, required: [], additionalProperties: false },
  };
  const asked = request({ tools: [offered('get_weather')], outputType });
  const events = await drain(model({ model: 'claude-3-5-sonnet-latest' }).getStreamedResponse(asked));
  const text = events.map((event) => (event.type === 'output_text_delta' ? event.delta : '')).join('');
  expect(JSON.parse(text)).toEqual(REPORT);
  expect(events.at(-1)).toMatchObject({ response: { output: [{ type: 'message', content: [{ text }] }] } });
});

test('a model that thinks chooses by itself, and is not warned about', async () => {
  server.reply(messagesReply({ reasoning: 'Hm.', toolCalls: [final] }));
  const agent = new Agent({
    name: 'A',
    model: model({ model: 'claude-3-7-sonnet-latest' }),
    tools: [weather],
    outputType: Report,
    modelSettings: { reasoning: { effort: 'low' } },
  });
  const warnings: unknown[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', listen);
  expect((await run(agent, 'Oslo?')).finalOutput).toEqual(REPORT);
  await new Promise(setImmediate);
  process.off('warning', listen);
  expect(server.requests.at(-1)?.body).not.toHaveProperty('tool_choice');
  expect(warnings).toEqual([]);
});
