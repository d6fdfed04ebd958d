import {
  Agent,
  codeInterpreterTool,
  fileSearchTool,
  type FunctionTool,
  imageGenerationTool,
  run,
  type RunContext,
  type Tool,
  tool,
  type ToolTimeoutError,
  webSearchTool,
} from '@openai/agents';
import { z } from 'zod';

interface Session {
  userId: string;
  db: { find(id: string): Promise<{ total: number } | undefined> };
  log: string[];
}

export const getWeather = tool({
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: z.object({ city: z.string(), unit: z.enum(['c', 'f']).nullable() }),
  async execute({ city, unit }) {
    return `${city.toUpperCase()} is sunny (${unit ?? 'c'})`;
  },
});

// The context is optional in the published signature, so users check it.
export const findOrder = tool({
  name: 'find_order',
  description: 'Finds an order.',
  parameters: z.object({ id: z.string(), history: z.array(z.object({ at: z.string() })).optional() }),
  execute: async ({ id, history }, runContext?: RunContext<Session>) => {
    const order = await runContext?.context.db.find(id);
    return { id, total: order?.total ?? 0, seen: history?.[0]?.at };
  },
  errorFunction: (_context, error) => `Could not find it: ${error instanceof Error ? error.message : String(error)}`,
  timeoutMs: 2000,
  timeoutErrorFunction: (_context, error: ToolTimeoutError) => `Too slow: ${error.timeoutMs}`,
});

export const whoAmI = tool<undefined | z.ZodObject<{ verbose: z.ZodBoolean }>, Session>({
  name: 'who_am_i',
  description: 'Tells who the user is.',
  parameters: z.object({ verbose: z.boolean() }),
  execute: async (_args, runContext) => runContext?.context.userId ?? 'nobody',
});

export const remove = tool({
  name: 'remove',
  description: 'Deletes a file.',
  parameters: z.object({ path: z.string(), force: z.boolean() }),
  needsApproval: async (_context, { path, force }) => force || path.startsWith('/'),
  isEnabled: ({ runContext, agent }) => runContext.context !== undefined && agent.name !== 'Guest',
  execute: ({ path }, _context, details) => `${path} ${details?.toolCall?.callId} ${details?.signal?.aborted}`,
});

export const raw = tool({
  name: 'raw',
  description: 'Takes JSON.',
  parameters: {
    type: 'object',
    properties: { query: { type: 'string' } },
    required: ['query'],
    additionalProperties: true,
  },
  strict: false,
  execute: async (input) => (input as { query: string }).query,
});

export const strictRaw = tool({
  name: 'strict_raw',
  description: 'Takes JSON, strictly.',
  strict: true,
  parameters: {
    type: 'object',
    properties: { query: { type: 'string' } },
    required: ['query'],
    additionalProperties: false,
  },
  execute: async (input: unknown) => JSON.stringify(input),
});

export const screenshot = tool({
  name: 'screenshot',
  description: 'Takes a picture.',
  parameters: z.object({}),
  execute: async () => ({
    type: 'image' as const,
    image: { url: 'https://example.com/a.png' },
    detail: 'auto' as const,
  }),
});

const tools: Tool<Session>[] = [findOrder, whoAmI, getWeather, webSearchTool(), codeInterpreterTool()];
const named: FunctionTool<Session, any, any>[] = [findOrder];

export const agent = new Agent<Session>({
  name: 'Shop',
  instructions: 'Help.',
  tools,
  toolUseBehavior: 'stop_on_first_tool',
});

export const mixed = new Agent({
  name: 'Mixed',
  instructions: 'Help.',
  tools: [
    getWeather,
    remove,
    raw,
    strictRaw,
    screenshot,
    fileSearchTool(['vs_1'], { maxNumResults: 3 }),
    imageGenerationTool(),
  ],
  toolUseBehavior: (_context, results) => {
    for (const result of results) {
      if (result.type === 'function_output' && result.tool.name === 'get_weather') {
        return { isFinalOutput: true, isInterrupted: undefined, finalOutput: String(result.output) };
      }
    }
    return { isFinalOutput: false, isInterrupted: undefined };
  },
});

export async function main(): Promise<void> {
  const context: Session = { userId: 'u1', db: { find: async () => ({ total: 3 }) }, log: [] };
  const result = await run(agent, 'Where is order 7?', { context });
  for (const item of result.newItems) {
    if (item.type === 'tool_call_item' && item.rawItem.type === 'function_call') console.log(item.rawItem.arguments);
    if (item.type === 'tool_call_output_item') console.log(item.output, item.rawItem.type);
  }
  console.log(named.length, getWeather.name, getWeather.parameters);
}
