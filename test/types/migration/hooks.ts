import { Agent, type AgentInputItem, type RunContext, Runner, type Tool, tool } from '@openai/agents';
import { z } from 'zod';

interface Metrics {
  calls: Map<string, number>;
}

const ping = tool({ name: 'ping', description: 'Pings.', parameters: z.object({}), execute: () => 'pong' });
const agent = new Agent<Metrics>({ name: 'Worker', instructions: 'Work.', tools: [ping] });

agent.on('agent_start', (context, current, turnInput) => {
  console.log(context.context.calls.size, current.name, turnInput?.length);
});
agent.on('agent_tool_start', (context, used, { toolCall }) => {
  const { calls } = context.context;
  calls.set(used.name, (calls.get(used.name) ?? 0) + 1);
  if (toolCall.type === 'function_call') console.log(toolCall.arguments);
});
agent.on('agent_tool_end', (_context, used, result) => console.log(used.name, result.length));
agent.on('agent_handoff', (_context, next) => console.log(next.name));
agent.once('agent_end', (context, output) => console.log(context.usage.totalTokens, output.trim()));

const onTool = (_context: RunContext<Metrics>, who: Agent<any, any>, used: Tool): void =>
  console.log(who.name, used.name);

export async function main(): Promise<void> {
  const runner = new Runner({ workflowName: 'Hooks' });
  runner.on('agent_start', (context, who, input?: AgentInputItem[]) =>
    console.log(context.usage.requests, who.name, input),
  );
  runner.on('agent_tool_start', onTool);
  runner.on('agent_tool_end', (_context, who, used, result, details) => {
    console.log(who.name, used.name, result, details.toolCall.id);
  });
  runner.on('agent_handoff', (_context, from, to) => console.log(from.name, to.name));
  runner.on('agent_end', (_context, who, output) => console.log(who.name, output));
  runner.off('agent_tool_start', onTool);
  const result = await runner.run(agent, 'Go', { context: { calls: new Map() } });
  console.log(result.finalOutput?.length);
}
