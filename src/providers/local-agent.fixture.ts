/** What the tests with a real small model ask of it: one tool, then a structured answer. */
import { expect } from 'vitest';
import { z } from 'zod';
import { Agent, run, tool, type Model } from '../index.ts';

const outputType = z.object({
  city: z.string().max(30),
  sunny: z.boolean(),
  degrees: z.number().int().nullable(),
  wind: z.union([z.enum(['calm', 'strong']), z.null()]),
});

/** The small model would call for ever: the tool is there until it was called. */
function weatherAgent(answering: Model): { agent: Agent<unknown, typeof outputType>; cities: string[] } {
  const cities: string[] = [];
  const weather = tool({
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: z.object({ city: z.string().max(30) }),
    isEnabled: () => cities.length === 0,
    execute: ({ city }) => {
      cities.push(city);
      return `It is sunny in ${city}, 21 degrees.`;
    },
  });
  const modelSettings = { toolChoice: 'required', maxTokens: 200, temperature: 0 };
  const instructions = 'You tell the weather.';
  return {
    cities,
    agent: new Agent({ name: 'W', model: answering, instructions, tools: [weather], outputType, modelSettings }),
  };
}

/** An agent of this model calls its tool and ends with a structured answer, whose text is streamed as well. */
export async function checkRun(answering: Model, stream: boolean): Promise<void> {
  const { agent, cities } = weatherAgent(answering);
  const question = 'What is the weather in Oslo?';
  const result = stream ? await run(agent, question, { stream: true }) : await run(agent, question);
  let text = '';
  if ('completed' in result) {
    for await (const event of result) {
      if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') text += event.data.delta;
    }
    await result.completed;
  }
  expect(cities).toEqual(['Oslo']);
  expect(outputType.safeParse(result.finalOutput).success).toBe(true);
  if (stream) expect(JSON.parse(text)).toEqual(result.finalOutput);
  expect(result.state.usage).toMatchObject({ requests: 2, totalTokens: expect.any(Number) });
  expect(result.state.usage.inputTokens).toBeGreaterThan(100);
  expect(result.state.usage.outputTokens).toBeGreaterThan(10);
}
