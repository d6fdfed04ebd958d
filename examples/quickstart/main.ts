/** An agent with a tool. Run it: `npx node examples/quickstart/main.ts` */
import '../shared/model.ts'; // Finds a model. With OPENAI_API_KEY set, your program does not need it.
import { Agent, run, tool } from '@baton/agents';
import { z } from 'zod';

const getWeather = tool({
  name: 'get_weather',
  description: 'Tells the weather in a city.',
  parameters: z.object({ city: z.string().describe('Name of the city, in English') }),
  execute: async ({ city }) => ({ city, sky: 'sunny', celsius: 21 }),
});

const agent = new Agent({
  name: 'Weather guide',
  instructions: 'Answer in one sentence. Use get_weather for facts about the weather.',
  tools: [getWeather],
});

// model calls: get_weather {"city":"Oslo"}
// model says: It is sunny in Oslo, at 21 °C.
const result = await run(agent, 'How is the weather in Oslo?');

console.log(result.finalOutput);
console.log(`${result.state.usage.requests} model calls, ${result.state.usage.totalTokens} tokens`);
