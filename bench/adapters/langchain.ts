import { z } from 'zod';
import { allOpen, ANSWER, TOOL } from '../library.ts';
import type { Adapter, Library, Outcome } from '../library.ts';

type Message = { content: unknown };
type Generation = { text: string; message: object };
type State = { messages: Message[] };
type Input = { messages: Array<{ role: 'user'; content: string }> };
type LangAgent = {
  invoke(input: Input, config?: { recursionLimit: number }): Promise<State>;
  stream(input: Input, config: { streamMode: 'messages' }): Promise<AsyncIterable<[Message, unknown]>>;
};
type LangModule = {
  createAgent(options: { model: object; tools: object[]; systemPrompt: string }): LangAgent;
  tool(execute: (input: { a: number; b: number }) => Promise<string>, options: object): object;
  AIMessage: new (fields: object) => object;
  AIMessageChunk: new (fields: object) => object;
};
type ChatModels = { BaseChatModel: new (fields: object) => object };
type Outputs = { ChatGenerationChunk: new (fields: Generation) => object };

/** Told of each chunk by the model itself, as the library asks of models that stream. */
type RunManager = {
  handleLLMNewToken(
    token: string,
    ...more: [undefined, undefined, undefined, undefined, { chunk: object }]
  ): Promise<void>;
};
type Behaviour = { answer(): Promise<object>; deltas?: readonly string[] };

async function load(specifier: string): Promise<Library> {
  const { createAgent, tool, AIMessage, AIMessageChunk }: LangModule = await import(specifier);
  const core = '@langchain/core';
  const { BaseChatModel }: ChatModels = await import(`${core}/language_models/chat_models`);
  const { ChatGenerationChunk }: Outputs = await import(`${core}/outputs`);

  class Scripted extends BaseChatModel {
    readonly behaviour: Behaviour;
    constructor(behaviour: Behaviour) {
      super({});
      this.behaviour = behaviour;
    }
    _llmType(): string {
      return 'scripted';
    }
    bindTools(): this {
      return this;
    }
    async _generate(): Promise<{ generations: Generation[] }> {
      return { generations: [{ text: '', message: await this.behaviour.answer() }] };
    }
  }
  class Streaming extends Scripted {
    async *_streamResponseChunks(_input: unknown, _options: unknown, manager?: RunManager): AsyncGenerator<object> {
      for (const text of this.behaviour.deltas ?? []) {
        const chunk = new ChatGenerationChunk({ text, message: new AIMessageChunk({ content: text }) });
        yield chunk;
        await manager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
      }
    }
  }
  const agent = (model: object, tools: object[] = []): LangAgent =>
    createAgent({ model, tools, systemPrompt: 'Be brief.' });
  const ask = (content: string): Input => ({ messages: [{ role: 'user', content }] });
  const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
  const text = (content: string): object => new AIMessage({ content, usage_metadata: usage });
  const last = ({ messages }: State): string => String(messages.at(-1)?.content);

  return {
    async toolRun(script, maxTurns): Promise<Outcome> {
      let turn = 0;
      let toolCalls = 0;
      const answer = async (): Promise<object> => {
        const args = script(turn);
        const id = `c${turn++}`;
        if (!args) return text(ANSWER);
        return new AIMessage({ content: '', tool_calls: [{ id, name: TOOL.name, args }], usage_metadata: usage });
      };
      const add = async ({ a, b }: { a: number; b: number }): Promise<string> => {
        toolCalls += 1;
        return String(a + b);
      };
      const schema = z.object({ a: z.number(), b: z.number() });
      const one = agent(new Scripted({ answer }), [tool(add, { ...TOOL, schema })]);
      // A turn is two steps of the graph: the model and the tools.
      const state = await one.invoke(ask('Add.'), { recursionLimit: 2 * maxTurns + 2 });
      return { text: last(state), toolCalls };
    },

    textRun() {
      const one = agent(new Scripted({ answer: async () => text(ANSWER) }));
      return async () => last(await one.invoke(ask('Hello')));
    },

    async streamRun(deltas) {
      const one = agent(new Streaming({ answer: async () => text(ANSWER), deltas }));
      let seen = 0;
      for await (const [chunk] of await one.stream(ask('Hello'), { streamMode: 'messages' })) {
        if (chunk.content !== '') seen += 1;
      }
      return seen;
    },

    async pendingRuns(count) {
      const open: unknown[] = [];
      const one = agent(new Scripted({ answer: () => new Promise<object>((resolve) => open.push(resolve)) }));
      for (let i = 0; i < count; i += 1) void one.invoke(ask('Hello'));
      return allOpen(open, count);
    },
  };
}

export const langchain: Adapter = { label: 'langchain', specifier: 'langchain', load };
