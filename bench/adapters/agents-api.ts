/** One adapter for `@openai/agents` and for this project: the names are the same, and so is every line below. */
import { z } from 'zod';
import { allOpen, ANSWER, TOOL } from '../library.ts';
import type { Library, Outcome } from '../library.ts';

type Item = Record<string, unknown>;
type Response = { usage: object; output: Item[]; responseId: string };
type Model = {
  getResponse(request: object): Promise<Response>;
  getStreamedResponse(request: object): AsyncIterable<object>;
};
type Run = { finalOutput?: unknown };
type StreamedRun = Run & AsyncIterable<{ type: string; data?: { type: string } }> & { completed: Promise<unknown> };
type Runner = {
  run(agent: object, input: string, options: { maxTurns: null; stream: true }): Promise<StreamedRun>;
  run(agent: object, input: string, options: { maxTurns: null }): Promise<Run>;
};
type AgentsModule = {
  Agent: new (options: { name: string; instructions: string; model: Model; tools?: object[] }) => object;
  Runner: new (config: { tracingDisabled: true }) => Runner;
  Usage: new (input: object) => object;
  tool(options: object): object;
};

const message = (text: string): Item => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text }],
});

const noStream = (): never => {
  throw new Error('This model does not stream.');
};

export async function loadAgentsApi(specifier: string): Promise<Library> {
  const { Agent, Runner, Usage, tool }: AgentsModule = await import(specifier);
  const runner = new Runner({ tracingDisabled: true });
  const options = { maxTurns: null } as const;
  const respond = (item: Item, n: number): Response => ({
    usage: new Usage({ requests: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 }),
    output: [item],
    responseId: `r${n}`,
  });
  const agent = (model: Model, tools: object[] = []): object =>
    new Agent({ name: 'Bench', instructions: 'Be brief.', model, tools });

  return {
    async toolRun(script): Promise<Outcome> {
      let turn = 0;
      let toolCalls = 0;
      const parameters = z.object({ a: z.number(), b: z.number() });
      const execute = ({ a, b }: { a: number; b: number }): string => {
        toolCalls += 1;
        return String(a + b);
      };
      const getResponse = async (): Promise<Response> => {
        const args = script(turn);
        const n = turn++;
        if (!args) return respond(message(ANSWER), n);
        const call = { type: 'function_call', callId: `c${n}`, name: TOOL.name, arguments: JSON.stringify(args) };
        return respond({ ...call, status: 'completed' }, n);
      };
      const tools = [tool({ ...TOOL, parameters, execute })];
      const result = await runner.run(agent({ getResponse, getStreamedResponse: noStream }, tools), 'Add.', options);
      return { text: String(result.finalOutput), toolCalls };
    },

    textRun() {
      const getResponse = async (): Promise<Response> => respond(message(ANSWER), 0);
      const one = agent({ getResponse, getStreamedResponse: noStream });
      return async () => String((await runner.run(one, 'Hello', options)).finalOutput);
    },

    async streamRun(deltas) {
      const output = [message(deltas.join(''))];
      const usage = { requests: 1, inputTokens: 10, outputTokens: deltas.length, totalTokens: 10 + deltas.length };
      async function* getStreamedResponse(): AsyncGenerator<object> {
        yield { type: 'response_started' };
        for (const delta of deltas) yield { type: 'output_text_delta', delta };
        yield { type: 'response_done', response: { id: 'r0', usage, output } };
      }
      const getResponse = async (): Promise<Response> => noStream();
      const one = agent({ getResponse, getStreamedResponse });
      const stream = await runner.run(one, 'Hello', { ...options, stream: true });
      let seen = 0;
      for await (const event of stream) {
        if (event.type === 'raw_model_stream_event' && event.data?.type === 'output_text_delta') seen += 1;
      }
      await stream.completed;
      return seen;
    },

    async pendingRuns(count) {
      const open: unknown[] = [];
      const getResponse = (): Promise<Response> => new Promise((resolve) => open.push(resolve));
      const one = agent({ getResponse, getStreamedResponse: noStream });
      for (let i = 0; i < count; i += 1) void runner.run(one, 'Hello', options);
      return allOpen(open, count);
    },
  };
}
