import { z } from 'zod';
import { allOpen, ANSWER, TOOL } from '../library.ts';
import type { Adapter, Library, Outcome } from '../library.ts';

type Part = Record<string, unknown>;
type Generated = { content: Part[]; finishReason: object; usage: object; warnings: [] };
type Options = {
  model: object;
  prompt: string;
  system: string;
  tools?: Record<string, object>;
  stopWhen?: unknown;
  maxRetries: number;
};
type AiModule = {
  generateText(options: Options): Promise<{ text: string }>;
  streamText(options: Options): { fullStream: AsyncIterable<{ type: string }> };
  tool(options: object): object;
  isStepCount(count: number): unknown;
};

const usage = {
  inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 5, text: 5, reasoning: 0 },
};
const finish = (unified: 'stop' | 'tool-calls'): object => ({ unified, raw: unified });
const generated = (part: Part, reason: 'stop' | 'tool-calls'): Generated => ({
  content: [part],
  finishReason: finish(reason),
  usage,
  warnings: [],
});
const model = (methods: object): object => ({
  specificationVersion: 'v4',
  provider: 'bench',
  modelId: 'scripted',
  supportedUrls: {},
  ...methods,
});

/** Gives each part when the reader asks for it. */
function readable(parts: Iterable<Part>): ReadableStream<Part> {
  const iterator = parts[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const next = iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
  });
}

function* streamParts(deltas: readonly string[]): Generator<Part> {
  yield { type: 'stream-start', warnings: [] };
  yield { type: 'text-start', id: 't' };
  for (const delta of deltas) yield { type: 'text-delta', id: 't', delta };
  yield { type: 'text-end', id: 't' };
  yield { type: 'finish', usage, finishReason: finish('stop') };
}

async function load(specifier: string): Promise<Library> {
  const { generateText, streamText, tool, isStepCount }: AiModule = await import(specifier);
  const base = { system: 'Be brief.', maxRetries: 0 };
  return {
    async toolRun(script, maxTurns): Promise<Outcome> {
      let turn = 0;
      let toolCalls = 0;
      const doGenerate = async (): Promise<Generated> => {
        const args = script(turn);
        const n = turn++;
        if (!args) return generated({ type: 'text', text: ANSWER }, 'stop');
        const call = { type: 'tool-call', toolCallId: `c${n}`, toolName: TOOL.name, input: JSON.stringify(args) };
        return generated(call, 'tool-calls');
      };
      const add = tool({
        description: TOOL.description,
        inputSchema: z.object({ a: z.number(), b: z.number() }),
        execute: async ({ a, b }: { a: number; b: number }) => {
          toolCalls += 1;
          return String(a + b);
        },
      });
      const stopWhen = isStepCount(maxTurns);
      const run = { ...base, model: model({ doGenerate }), prompt: 'Add.', tools: { add }, stopWhen };
      return { text: (await generateText(run)).text, toolCalls };
    },

    textRun() {
      const doGenerate = async (): Promise<Generated> => generated({ type: 'text', text: ANSWER }, 'stop');
      const one = model({ doGenerate });
      return async () => (await generateText({ ...base, model: one, prompt: 'Hello' })).text;
    },

    async streamRun(deltas) {
      const doStream = async (): Promise<object> => ({ stream: readable(streamParts(deltas)) });
      let seen = 0;
      const { fullStream } = streamText({ ...base, model: model({ doStream }), prompt: 'Hello' });
      for await (const part of fullStream) if (part.type === 'text-delta') seen += 1;
      return seen;
    },

    async pendingRuns(count) {
      const open: unknown[] = [];
      const one = model({ doGenerate: () => new Promise((resolve) => open.push(resolve)) });
      for (let i = 0; i < count; i += 1) void generateText({ ...base, model: one, prompt: 'Hello' });
      return allOpen(open, count);
    },
  };
}

export const aiSdk: Adapter = { label: 'ai', specifier: 'ai', load };
