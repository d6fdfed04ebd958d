/** `tool()`: what `execute` gets, and what the tool gives. */
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AgentTool,
  type AgentToolInvocation,
  type AgentInputItem,
  type AnyAgent,
  type FunctionTool,
  invokeFunctionTool,
  RunContext,
  type RunStreamEvent,
  type StandardSchemaWithJSON,
  tool,
  toolNamespace,
} from '@baton/agents';

/** Of a library that is not zod. */
declare const City: StandardSchemaWithJSON<{ city?: string }, { city: string }>;
const base = { name: 't', description: '' };
const json = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;

test('the value of a zod schema', () => {
  const made = tool({
    ...base,
    parameters: z.object({ city: z.string(), days: z.number().optional(), unit: z.enum(['c', 'f']).nullable() }),
    execute: (input) => {
      expectTypeOf(input).toEqualTypeOf<{ city: string; days?: number | undefined; unit: 'c' | 'f' | null }>();
      return { degrees: 21 };
    },
  });
  expectTypeOf(made.name).toEqualTypeOf<string>();
  expectTypeOf(made.invoke).returns.resolves.toEqualTypeOf<string | { degrees: number }>();
});

test('the value of another Standard Schema', () => {
  tool({
    ...base,
    parameters: City,
    execute: (input) => expectTypeOf(input).toEqualTypeOf<{ city: string }>(),
  });
});

test('unknown for JSON Schema, text without a schema', () => {
  tool({ ...base, parameters: { ...json }, execute: (input) => expectTypeOf(input).toBeUnknown() });
  tool({
    ...base,
    strict: false,
    parameters: { ...json, additionalProperties: true },
    execute: async (input) => expectTypeOf(input).toBeUnknown(),
  });
  tool({ ...base, execute: (input) => expectTypeOf(input).toBeString() });
  tool({ ...base, parameters: undefined, execute: (input) => expectTypeOf(input).toBeString() });
  // @ts-expect-error -- a JSON Schema checks nothing, so nothing is known of the input
  tool({ ...base, parameters: { ...json }, execute: (input) => input.city });
});

test('functions of all arities, with the context optional or not', () => {
  const parameters = z.object({ a: z.number() });
  tool({ ...base, parameters, execute: () => 1 });
  tool({ ...base, parameters, execute: async ({ a }, _context?: RunContext<{ id: string }>) => a });
  tool({ ...base, parameters, execute: ({ a }, { context }: RunContext<{ id: string }>) => a + context.id });
  tool({ ...base, parameters, execute: async ({ a }, _context, details) => [a, details?.toolCall?.callId] });
  // @ts-expect-error -- a is a number
  tool({ ...base, parameters, execute: (input: { a: string }) => input.a });
  // @ts-expect-error -- without execute
  tool({ ...base, parameters });
  // @ts-expect-error -- parameters must be a schema
  tool({ ...base, parameters: 'x', execute: () => 1 });
});

test('approval functions get the validated arguments', () => {
  tool({
    ...base,
    parameters: z.object({ path: z.string() }),
    needsApproval: async (_context, { path }) => path.startsWith('/'),
    execute: ({ path }) => path,
  });
  // @ts-expect-error -- no such argument
  tool({ ...base, parameters: z.object({}), needsApproval: (_context, { path }) => path, execute: () => 1 });
});

test('an output schema types what is returned, and what stands in for it', () => {
  const outputSchema = z.object({ degrees: z.number() });
  const made = tool({
    ...base,
    parameters: z.object({}),
    outputSchema,
    execute: () => ({ degrees: 21 }),
    errorFunction: () => ({ degrees: 0 }),
  });
  expectTypeOf(made.invoke).returns.resolves.toEqualTypeOf<string | { degrees: number }>();
  // @ts-expect-error -- degrees are numbers
  tool({ ...base, parameters: z.object({}), outputSchema, execute: () => ({ degrees: '21' }) });
  // @ts-expect-error -- also after an error
  tool({ ...base, parameters: z.object({}), outputSchema, execute: () => ({ degrees: 1 }), errorFunction: () => 'x' });
});

test('tools of all kinds fit into one list, and into a namespace', () => {
  const a = tool({ ...base, parameters: z.object({ a: z.string() }), execute: ({ a: text }) => text });
  const b = tool({ ...base, execute: (text) => text });
  const c = tool({ ...base, parameters: { ...json }, execute: (_input, _context: RunContext<{ id: string }>) => 1 });
  const all: FunctionTool<{ id: string }>[] = [a, b, c];
  const [first] = toolNamespace({ name: 'n', description: 'N', tools: [a, b, c] });
  expectTypeOf(first).not.toBeAny();
  return all;
});

test('a tool can be called by hand', async () => {
  const made = tool({ ...base, parameters: z.object({}), execute: () => 7 });
  const result = await invokeFunctionTool({ tool: made, runContext: new RunContext(), input: '{}' });
  expectTypeOf(result).toEqualTypeOf<string | number>();
});

type Brand = { tone: string };
const Draft = z.object({ text: z.string() });
const writer = new Agent<Brand, typeof Draft>({ name: 'Writer', outputType: Draft });

test('an agent as a tool takes a text, or what its parameters say', () => {
  expectTypeOf(writer.asTool()).toExtend<AgentTool<Brand, typeof Draft>>();
  writer.asTool({
    needsApproval: (context, input) => {
      expectTypeOf(context).toEqualTypeOf<RunContext<Brand>>();
      expectTypeOf(input).toEqualTypeOf<{ input: string }>();
      return false;
    },
  });
  writer.asTool({
    parameters: z.object({ topic: z.string(), words: z.number() }),
    needsApproval: (_context, { words }) => words > 100,
    inputBuilder: ({ params }): string | AgentInputItem[] => {
      expectTypeOf(params).toEqualTypeOf<{ topic: string; words: number }>();
      return params.topic;
    },
    isEnabled: ({ runContext, agent }) => {
      expectTypeOf(agent).toEqualTypeOf<AnyAgent>();
      return runContext.context.tone !== '';
    },
  });
  // @ts-expect-error -- no such parameter
  writer.asTool({ parameters: z.object({ topic: z.string() }), inputBuilder: ({ params }) => params.title });
});

test("an extractor gets the sub-agent's result, an observer its events", () => {
  const made = writer.asTool({
    customOutputExtractor: (result) => {
      expectTypeOf(result.finalOutput).toEqualTypeOf<{ text: string }>();
      expectTypeOf(result.agentToolInvocation).toEqualTypeOf<AgentToolInvocation>();
      return result.newItems.map((item) => item.type).join();
    },
    onStream: ({ event, agent, toolCall }) => {
      expectTypeOf(event).toEqualTypeOf<RunStreamEvent>();
      expectTypeOf(agent).toEqualTypeOf<AnyAgent>();
      expectTypeOf(toolCall?.callId).toEqualTypeOf<string | undefined>();
    },
    runConfig: { model: 'm' },
    runOptions: { maxTurns: 2 },
  });
  made.on('raw_model_stream_event', ({ event }) => void event.type).on('*', async () => undefined);
  // @ts-expect-error -- no such event
  made.on('raw', () => undefined);
  // @ts-expect-error -- no such option
  writer.asTool({ runOptions: { maxTurn: 2 } });
  return [
    new Agent<Brand>({ name: 'A', tools: [made] }),
    // @ts-expect-error -- the writer needs a tone
    new Agent<{ other: number }>({ name: 'A', tools: [made] }),
  ];
});
