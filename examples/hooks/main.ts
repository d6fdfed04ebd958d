/** Listening to what agents do. Run it: `npx node examples/hooks/main.ts` */
import '../shared/model.ts';
import { Agent, Runner, tool } from '@baton/agents';
import { z } from 'zod';

const clock = tool({
  name: 'get_time',
  description: 'The time in a city.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `12:00 in ${city}`,
});

const timekeeper = new Agent({ name: 'Timekeeper', instructions: 'You tell the time.', tools: [clock] });
const greeter = new Agent({ name: 'Greeter', instructions: 'Hand over questions about time.', handoffs: [timekeeper] });

// A runner announces what all of its agents do …
const runner = new Runner({ workflowName: 'Hooks' });
runner.on('agent_start', (_context, agent) => console.log(`${agent.name} starts`));
runner.on('agent_handoff', (_context, from, to) => console.log(`${from.name} hands over to ${to.name}`));
runner.on('agent_tool_start', (_context, agent, { name }) => console.log(`${agent.name} calls ${name}`));
// oxlint-disable-next-line eslint/max-params -- what a listener gets, in the published order
runner.on('agent_tool_end', (_context, _agent, { name }, result) => console.log(`${name} gave "${result}"`));
runner.on('agent_end', (context, agent) =>
  console.log(`${agent.name} ends, ${context.usage.totalTokens} tokens so far`),
);

// … an agent what it does itself, whoever runs it.
timekeeper.once('agent_start', () => console.log('(the timekeeper listens, too)'));

// model calls: transfer_to_Timekeeper
// model calls: get_time {"city":"Rome"}
// model says: It is noon in Rome.
const result = await runner.run(greeter, 'What time is it in Rome?');
console.log(result.finalOutput);
