/**
 * Streams that break after every event, on the three wires: what was said is never said twice, half a tool call is
 * never executed, and what comes out is a typed error or the whole answer.
 */
import { describe, expect, test } from 'vitest';
import { Agent, AnthropicModel, createOpenAIClient, run, tool } from '../index.ts';
import { OpenAIChatCompletionsModel, OpenAIResponsesModel, retryPolicies } from '../index.ts';
import type { Model } from '../protocol/model.ts';
import {
  chatReply,
  createFakeServer,
  messagesReply,
  responsesReply,
  type FakeAnswer,
  type RenderedReply,
} from '../testing/fake-server/index.ts';
import { isModelError } from '../wire/index.ts';

const TEXT = 'Let me look at both places, one after the other.';
const FULL = {
  text: TEXT,
  reasoning: 'Two calls are needed.',
  toolCalls: [
    { name: 'look', arguments: { place: 'Oslo, and the fjord beside it' } },
    { name: 'look', arguments: { place: 'Rome' } },
  ],
};
type Wire = { reply: (content: object) => RenderedReply; model: (baseURL: string) => Model };
const client = (baseURL: string) => createOpenAIClient({ baseURL, apiKey: 'k' });
const WIRES: Record<string, Wire> = {
  responses: { reply: responsesReply, model: (url) => new OpenAIResponsesModel(client(url), 'fake') },
  chat: { reply: chatReply, model: (url) => new OpenAIChatCompletionsModel(client(url), 'fake') },
  messages: { reply: messagesReply, model: (url) => new AnthropicModel({ baseURL: url, apiKey: 'k' }, 'claude-x') },
};

type Heard = { texts: string[]; places: string[]; error: unknown; requests: number };

/** A streamed run whose first answer is broken; what it should go on with comes after. */
async function listen({ reply, model }: Wire, broken: FakeAnswer, retry: boolean): Promise<Heard> {
  await using server = await createFakeServer();
  server.reply(broken);
  const heard: Heard = { texts: [], places: [], error: undefined, requests: 0 };
  // A repeat of the broken answer, then the end.
  if (retry) server.reply(reply(FULL));
  server.fallback(reply({ text: 'Done.' }));
  const look = tool({
    name: 'look',
    description: 'Looks.',
    parameters: {
      type: 'object',
      properties: { place: { type: 'string' } },
      required: ['place'],
      additionalProperties: false,
    },
    strict: true,
    execute: (input: unknown) => {
      heard.places.push((input as { place: string }).place);
      return 'seen';
    },
  });
  const policy = retryPolicies.any(retryPolicies.providerSuggested(), retryPolicies.networkError());
  const modelSettings = retry ? { retry: { maxRetries: 1, policy, backoff: { initialDelayMs: 0 } } } : {};
  const agent = new Agent({ name: 'A', model: model(server.baseURL), tools: [look], modelSettings });
  const result = await run(agent, 'Look.', { stream: true });
  try {
    let text = '';
    for await (const event of result) {
      if (event.type !== 'raw_model_stream_event') continue;
      if (event.data.type === 'output_text_delta') text += event.data.delta;
      if (event.data.type !== 'response_done') continue;
      heard.texts.push(text);
      text = '';
    }
    if (text !== '') heard.texts.push(text);
    await result.completed;
  } catch (error) {
    heard.error = error;
  }
  heard.requests = server.requests.length;
  return heard;
}

const PLACES = ['Oslo, and the fjord beside it', 'Rome'];

describe.each(Object.entries(WIRES))('%s', (_name, wire) => {
  const events = wire.reply(FULL).events(1);
  const ks = events.map((_, k) => k);
  const whole: Heard = { texts: [TEXT, 'Done.'], places: PLACES, error: undefined, requests: 2 };

  test('a whole stream is a whole answer', async () => {
    expect(await listen(wire, { events }, false)).toEqual(whole);
  });

  test.each(ks)('cut after event %i: a typed error, and no tool was called', async (k) => {
    const heard = await listen(wire, { events, cut: { events: k } }, false);
    expect(isModelError(heard.error) && heard.error.kind).toBe('truncated_stream');
    expect(heard).toMatchObject({ places: [], requests: 1 });
    expect(TEXT.startsWith(heard.texts.join(''))).toBe(true);
  });

  test.each(ks)('ended after event %i: a typed error, or the whole answer', async (k) => {
    const heard = await listen(wire, { events: events.slice(0, k) }, false);
    if (heard.error === undefined) {
      // Chat Completions says that it is done before its last event.
      expect(heard).toEqual(whole);
      expect(JSON.stringify(events.slice(0, k))).toContain('"finish_reason":"tool_calls"');
      return;
    }
    expect(isModelError(heard.error) && heard.error.kind).toBe('truncated_stream');
    expect(heard.places).toEqual([]);
    expect(TEXT.startsWith(heard.texts.join(''))).toBe(true);
  });

  test('broken before anything was heard, it is asked again', async () => {
    expect(await listen(wire, { events, cut: { events: 0 } }, true)).toEqual({ ...whole, requests: 3 });
  });

  test.each(ks)('cut after event %i, with retries: said once, called once', async (k) => {
    const heard = await listen(wire, { events, cut: { events: k } }, true);
    if (heard.error === undefined) expect(heard).toEqual({ ...whole, requests: 3 });
    else {
      expect(isModelError(heard.error) && heard.error.kind).toBe('truncated_stream');
      expect(heard.places).toEqual([]);
      expect(TEXT.startsWith(heard.texts.join(''))).toBe(true);
    }
  });
});
