import { Agent, run, type RunContext, Runner } from '@openai/agents';
import { z } from 'zod';

interface Brand {
  tone: string;
}

const Translation = z.object({ text: z.string(), language: z.string() });

const summarizer = new Agent<Brand>({ name: 'Summarizer', instructions: 'Summarize.' });
const translator = new Agent<Brand, typeof Translation>({
  name: 'Translator',
  instructions: (context: RunContext<Brand>) => `Translate, ${context.context.tone}.`,
  outputType: Translation,
});

const summarize = summarizer.asTool({ toolName: 'summarize', toolDescription: 'Summarizes text.' });

const translate = translator.asTool({
  toolName: 'translate',
  toolDescription: 'Translates text.',
  parameters: z.object({ text: z.string(), to: z.enum(['de', 'fr']) }),
  inputBuilder: ({ params }) => `Into ${params.to}: ${params.text}`,
  needsApproval: async (_context, { to }) => to === 'fr',
  includeInputSchema: true,
  customOutputExtractor: async (result) =>
    `${result.finalOutput.language}: ${result.finalOutput.text} (${result.newItems.length})`,
  runConfig: { model: 'gpt-5.4-mini' },
  runOptions: { maxTurns: 3 },
  isEnabled: ({ runContext, agent }) => runContext.context.tone !== 'rude' && agent.name !== 'Guest',
  onStream: ({ event, agent, toolCall }) => {
    if (event.type === 'raw_model_stream_event') console.log(agent.name, toolCall?.callId, event.data.type);
  },
});
translate.on('run_item_stream_event', async ({ event }) => console.log(event.type)).on('*', () => undefined);

export const editor = new Agent<Brand>({
  name: 'Editor',
  instructions: 'Edit.',
  tools: [summarize, translate],
});

export async function main(): Promise<void> {
  const result = await new Runner().run(editor, 'Shorten and translate.', { context: { tone: 'kind' } });
  console.log(result.finalOutput, result.agentToolInvocation?.toolName);
  await Promise.all([run(editor, 'a'), run(editor, 'b')]).then((all) => all.map((each) => each.finalOutput));
}
