import { Agent, type AgentInputItem, assistant, run, RunContext, system, user } from '@openai/agents';
import { z } from 'zod';

interface Account {
  name: string;
  plan: 'free' | 'pro';
  orders(): Promise<string[]>;
}

const Answer = z.object({ text: z.string(), confidence: z.number().min(0).max(1), sources: z.array(z.string()) });

export const plain = new Agent({ name: 'Assistant', instructions: 'You are a helpful assistant.' });

export const personal = new Agent<Account>({
  name: 'Concierge',
  instructions: (runContext) => `You help ${runContext.context.name}, who is on the ${runContext.context.plan} plan.`,
  model: 'gpt-5.4-mini',
  modelSettings: { temperature: 0.2, maxTokens: 400, parallelToolCalls: false, reasoning: { effort: 'low' } },
});

export const structured = new Agent({
  name: 'Researcher',
  instructions: async (_context, agent) => `You are ${agent.name}.`,
  outputType: Answer,
});

export const bySchema = new Agent({
  name: 'Classifier',
  instructions: 'Classify.',
  outputType: {
    type: 'json_schema',
    name: 'verdict',
    strict: true,
    schema: {
      type: 'object',
      properties: { spam: { type: 'boolean' } },
      required: ['spam'],
      additionalProperties: false,
    },
  },
});

export const annotated: Agent<Account, typeof Answer> = new Agent<Account, typeof Answer>({
  name: 'Analyst',
  instructions: 'Analyse.',
  outputType: Answer,
  resetToolChoice: false,
  toolUseBehavior: { stopAtToolNames: ['done'] },
});

const pirate: Agent = plain.clone({ name: 'Pirate', instructions: 'Talk like a pirate.' });

export async function main(): Promise<void> {
  const first = await run(plain, 'Write a haiku about recursion.');
  const haiku: string | undefined = first.finalOutput;
  console.log(haiku?.trim(), first.lastAgent?.name, first.lastResponseId);

  const account: Account = { name: 'Ada', plan: 'pro', orders: async () => [] };
  const second = await run(personal, 'Hello', { context: account, maxTurns: 3 });
  console.log(second.finalOutput ?? 'nothing', second.runContext.context.plan, second.state.usage.totalTokens);
  const third = await run(personal, 'Hello again', { context: new RunContext(account) });
  console.log(third.finalOutput?.length);

  const { finalOutput } = await run(structured, [user('What is new?')]);
  if (finalOutput) console.log(finalOutput.text.toUpperCase(), finalOutput.confidence * 100, finalOutput.sources[0]);

  const verdict = (await run(bySchema, 'Buy now!')).finalOutput as { spam: boolean } | undefined;
  console.log(verdict?.spam);

  let thread: AgentInputItem[] = [system('Be brief.'), user('Hi'), assistant('Hello! How can I help?')];
  for (const question of ['Who are you?', 'Why?']) {
    const result = await run(pirate, thread.concat({ role: 'user', content: question }));
    thread = result.history;
    for (const item of result.output) console.log(item.type);
    for (const response of result.rawResponses) console.log(response.responseId, response.usage.inputTokens);
  }
}
