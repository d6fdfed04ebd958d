import { Agent, run, RunContext, type RunResult, RunState, type RunToolApprovalItem, tool } from '@openai/agents';
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

interface Desk {
  user: string;
}

const weather = tool({
  name: 'get_weather',
  description: 'Weather.',
  parameters: z.object({ location: z.string() }),
  needsApproval: async (_context, { location }) => location === 'San Francisco',
  execute: async ({ location }) => `Sunny in ${location}`,
});
const pay = tool({
  name: 'pay',
  description: 'Pays.',
  parameters: z.object({ cents: z.number() }),
  needsApproval: true,
  execute: async ({ cents }) => `Paid ${cents}`,
});

const agent = new Agent<Desk>({ name: 'Clerk', instructions: 'Help.', tools: [pay, weather] });

async function ask(item: RunToolApprovalItem): Promise<boolean> {
  console.log(`${item.agent.name} wants ${item.name} with ${item.arguments}`, item.rawItem.type);
  return item.rawItem.type === 'function_call' && item.rawItem.callId !== '';
}

export async function main(): Promise<void> {
  let result = await run(agent, 'Pay 5.', { context: { user: 'ada' } });
  while (result.interruptions?.length > 0) {
    await writeFile('state.json', JSON.stringify(result.state, null, 2));
    const state = await RunState.fromString(agent, await readFile('state.json', 'utf-8'));
    for (const interruption of result.interruptions) {
      if (await ask(interruption)) state.approve(interruption, { alwaysApprove: true });
      else state.reject(interruption, { message: 'Not today.', alwaysReject: false });
    }
    result = (await run(agent, state)) as typeof result;
  }
  console.log(result.finalOutput);
}

export async function streamed(): Promise<string> {
  let stream = await run(agent, 'Pay 5.', { stream: true, context: { user: 'ada' } });
  await stream.completed;
  while (stream.interruptions.length) {
    const { state } = stream;
    for (const interruption of stream.interruptions) state.approve(interruption);
    stream = await run(agent, state, { stream: true });
    await stream.completed;
  }
  return stream.finalOutput ?? '';
}

export async function later(stored: string): Promise<RunResult<Desk, Agent<Desk, any>>> {
  const context = new RunContext<Desk>({ user: 'bob' });
  const state = await RunState.fromStringWithContext<Desk, Agent<Desk, any>>(agent, stored, context, {
    contextStrategy: 'replace',
  });
  const [first] = state.getInterruptions();
  if (first) state.approve(first);
  state.addInput('And hurry.');
  console.log(state.toString().length, state.currentAgent.name, state.history.length);
  return run(agent, state);
}
