/** The three wires, recorded from a server that is gone when they are replayed: at the model, and at `fetch`. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  AnthropicProvider,
  createRouter,
  type ModelProvider,
  OpenAIProvider,
  retryPolicies,
  run,
  Runner,
  tool,
} from '../index.ts';
import {
  chatReply,
  createFakeServer,
  errorBody,
  messagesErrorBody,
  messagesReply,
  responsesReply,
  type FakeAnswer,
} from '../testing/index.ts';
import type { Fetch } from '../wire/index.ts';
import { fileAt, textAt } from './folder.fixture.ts';
import { cassette, cassetteFetch } from './index.ts';

const KEY = 'sk-planted-key-0123456789';
const weather = tool({
  name: 'get_weather',
  description: 'The weather.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `Rain in ${city}.`,
});

type Options = { baseURL: string; fetch?: Fetch };
type Wire = { provider: (options: Options) => ModelProvider; reply: typeof chatReply; overloaded: FakeAnswer };
const WIRES: { readonly [name: string]: Wire } = {
  'openai-responses': {
    provider: (options) => new OpenAIProvider({ apiKey: KEY, ...options }),
    reply: responsesReply,
    overloaded: { status: 503, body: errorBody('Overloaded.', 'server_error') },
  },
  'openai-chat': {
    provider: (options) => new OpenAIProvider({ apiKey: KEY, useResponses: false, ...options }),
    reply: chatReply,
    overloaded: { status: 503, body: errorBody('Overloaded.', 'server_error') },
  },
  anthropic: {
    provider: (options) => new AnthropicProvider({ apiKey: KEY, ...options }),
    reply: messagesReply,
    overloaded: { status: 529, body: messagesErrorBody('Overloaded.', 'overloaded_error') },
  },
};

type Play = { stream: boolean; modelProvider: ModelProvider };

async function play({ stream, modelProvider }: Play): Promise<unknown> {
  const agent = new Agent({
    name: 'A',
    instructions: 'Be brief.',
    model: 'some-model',
    tools: [weather],
    modelSettings: {
      reasoning: { effort: 'low' },
      retry: { maxRetries: 2, policy: retryPolicies.providerSuggested(), backoff: { initialDelayMs: 1 } },
    },
  });
  const runner = new Runner({ modelProvider });
  const events: unknown[] = [];
  const result = stream ? await runner.run(agent, 'Weather?', { stream: true }) : await runner.run(agent, 'Weather?');
  if (Symbol.asyncIterator in result) {
    for await (const event of result) events.push(event.type === 'raw_model_stream_event' ? event.data : event.type);
  }
  const { finalOutput, history, rawResponses, state, newItems } = result;
  expect(finalOutput).toBe('It rains.');
  return { events, history, rawResponses, usage: state.usage, items: newItems.map((item) => item.toJSON()) };
}

const cases = Object.entries(WIRES).flatMap(([name, wire]) => [false, true].map((stream) => ({ name, wire, stream })));

for (const at of ['model', 'fetch'] as const) {
  test.each(cases)(
    `$name, stream: $stream, recorded at the ${at}, replays to an equal run`,
    async ({ wire, stream }) => {
      const file = fileAt();
      const through = (mode: 'record' | 'replay', baseURL: string): ModelProvider =>
        at === 'model'
          ? cassette({ file, mode, model: wire.provider({ baseURL }) })
          : wire.provider({ baseURL, fetch: cassetteFetch({ file, mode }) });
      const server = await createFakeServer();
      const script = (): void =>
        server.reply(
          wire.overloaded,
          wire.reply({
            reasoning: 'Ünicode thoughts 🌧.',
            toolCalls: [{ name: 'get_weather', arguments: { city: 'Oslo' }, id: 'call_abc' }],
          }),
          // Cut in the middle of characters.
          { reply: wire.reply('It rains.'), chunks: 7 },
        );
      script();
      const bare = await play({ stream, modelProvider: wire.provider({ baseURL: server.baseURL }) });
      server.requests.length = 0;
      script();
      const recorded = await play({ stream, modelProvider: through('record', server.baseURL) });
      await server.close();
      const replayed = await play({ stream, modelProvider: through('replay', 'http://127.0.0.1:9/v1') });
      expect(replayed).toEqual(recorded);
      expect(withoutNumbers(recorded)).toEqual(withoutNumbers(bare));
      expect(textAt()).not.toContain(KEY);
    },
  );
}

/** The server numbers its replies on. */
const withoutNumbers = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll(/\d+/g, '0'));

test('a stream that broke on the wire breaks again at the same byte', async () => {
  const server = await createFakeServer();
  server.reply({ reply: responsesReply('A long answer that is cut.'), cut: { events: 4 } });
  const ask = async (fetch: Fetch): Promise<unknown> => {
    const modelProvider = new OpenAIProvider({ baseURL: server.baseURL, apiKey: KEY, fetch });
    const result = await new Runner({ modelProvider }).run(new Agent({ name: 'A', model: 'm' }), 'Hi', {
      stream: true,
    });
    const seen: unknown[] = [];
    try {
      for await (const event of result) seen.push(event.type === 'raw_model_stream_event' ? event.data : event.type);
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      return { seen, code, message };
    }
    return expect.fail('It did not break.');
  };
  const recorded = await ask(cassetteFetch({ file: fileAt(), mode: 'record' }));
  await server.close();
  expect(await ask(cassetteFetch({ file: fileAt(), mode: 'replay' }))).toEqual(recorded);
  expect(recorded).toMatchObject({ code: 'model/truncated_stream' });
});

test('a miss on the wire shows the member of the body that differs', async () => {
  const send = async (): Promise<Response> => Response.json({ ok: true });
  const post = (fetch: Fetch, body: object): Promise<Response> =>
    fetch('http://one.example/v1/x', { method: 'POST', body: JSON.stringify(body) });
  const recording = cassetteFetch({ file: fileAt(), mode: 'record', fetch: send });
  await (
    await post(recording, { model: 'm', max_tokens: 5, messages: [{ tool_call_id: 'abc', content: 'Hi' }] })
  ).json();
  const tape = cassetteFetch({ file: fileAt(), mode: 'replay' });
  // Another host, another limit, other ids.
  await post(tape, { model: 'm', max_tokens: 6, messages: [{ tool_call_id: 'xyz', content: 'Hi' }] });
  const miss = post(tape, { model: 'm', messages: [{ tool_call_id: 'xyz', content: 'Ho' }] });
  await expect(miss).rejects.toMatchObject({ differences: [{ path: 'body.messages[0].content' }] });
});

test('a miss on the wire is told at once: asking again would give the same', async () => {
  let asked = 0;
  const miss = cassetteFetch({ file: fileAt('nothing'), mode: 'replay' });
  const fetch: Fetch = (url, init) => ((asked += 1), miss(url, init));
  const provider = new OpenAIProvider({ apiKey: 'k', fetch });
  const models = createRouter({ providers: { openai: provider }, models: { main: ['openai/a', 'openai/b'] } });
  await expect(run(new Agent({ name: 'A', model: models('main') }), 'Hi')).rejects.toThrow('is not on the cassette');
  expect(asked).toBe(1);
});
