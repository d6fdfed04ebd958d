/** What our adapters send and read, held against the vendor's own types: an alarm for drift, by the compiler. */
import OpenAI from 'openai';
import { expect, expectTypeOf, test } from 'vitest';
import { OpenAIProvider, type OpenAIClient } from '../../src/providers/openai/index.ts';
import { toChatRequest } from '../../src/providers/openai/chat/request.ts';
import { toResponsesRequest } from '../../src/providers/openai/responses/request.ts';
import type { ModelRequest, StreamEvent } from '../../src/protocol/model.ts';
import { chatReply, createFakeServer, responsesReply } from '../../src/testing/fake-server/index.ts';

type ResponsesBody = OpenAI.Responses.ResponseCreateParamsNonStreaming;
type ChatBody = OpenAI.ChatCompletionCreateParamsNonStreaming;

const schema = { type: 'object' as const, properties: {}, required: [], additionalProperties: false };
const REQUEST: ModelRequest = {
  systemInstructions: 'S',
  input: [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'x' },
        { type: 'input_image', image: 'https://i', detail: 'low' },
      ],
    },
    { type: 'function_call', id: 'fc_1', callId: 'c', name: 'f', arguments: '{}', status: 'completed' },
    { type: 'function_call_result', callId: 'c', name: 'f', status: 'completed', output: 'x' },
  ],
  modelSettings: {
    temperature: 0.5,
    maxTokens: 5,
    toolChoice: 'f',
    parallelToolCalls: true,
    reasoning: { effort: 'low' },
    text: { verbosity: 'low' },
    store: false,
  },
  tools: [{ type: 'function', name: 'f', description: 'd', parameters: schema, strict: true }],
  handoffs: [],
  outputType: { type: 'json_schema', name: 'o', strict: true, schema },
  tracing: false,
};

test('a Responses body is of the vendor type', () => {
  const body: ResponsesBody = {
    model: 'm',
    instructions: 'S',
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'x' },
          { type: 'input_image', image_url: 'https://i', detail: 'low' },
        ],
      },
      { type: 'function_call', id: 'fc_1', call_id: 'c', name: 'f', arguments: '{}', status: 'completed' },
      { type: 'function_call_output', call_id: 'c', output: 'x', status: 'completed' },
    ],
    include: [],
    tools: [{ type: 'function', name: 'f', description: 'd', parameters: schema, strict: true }],
    tool_choice: { type: 'function', name: 'f' },
    parallel_tool_calls: true,
    temperature: 0.5,
    max_output_tokens: 5,
    store: false,
    stream: false,
    reasoning: { effort: 'low' },
    text: { verbosity: 'low', format: { type: 'json_schema', name: 'o', strict: true, schema } },
  };
  expect(toResponsesRequest('m', REQUEST, false).body).toEqual(body);
});

test('a Chat Completions body is of the vendor type', () => {
  const body: ChatBody = {
    model: 'm',
    messages: [
      { role: 'system', content: 'S' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'x' },
          { type: 'image_url', image_url: { url: 'https://i', detail: 'low' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'x' },
    ],
    tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters: schema, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: true,
    temperature: 0.5,
    max_tokens: 5,
    store: false,
    stream: false,
    reasoning_effort: 'low',
    verbosity: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'o', strict: true, schema } },
  };
  expect(toChatRequest('m', REQUEST, { stream: false, strict: false }).body).toEqual(body);
});

test('the official clients are clients', () => {
  expectTypeOf<OpenAI>().toExtend<OpenAIClient>();
});

test.each([true, false])('the official client works in place of ours, Responses: %s', async (useResponses) => {
  await using server = await createFakeServer();
  const reply = useResponses ? responsesReply('Hello there') : chatReply('Hello there');
  const request: ModelRequest = {
    input: 'hi',
    modelSettings: {},
    tools: [],
    handoffs: [],
    outputType: 'text',
    tracing: false,
  };
  const run = async (openAIClient: OpenAIClient | undefined): Promise<unknown> => {
    server.reply(reply, reply);
    const own = openAIClient ? { openAIClient } : { apiKey: 'k', baseURL: server.baseURL };
    const model = await new OpenAIProvider({ ...own, useResponses }).getModel('m');
    const plain = await model.getResponse(request);
    const events: StreamEvent[] = [];
    for await (const event of model.getStreamedResponse(request)) events.push(event);
    // Ids are numbered by request.
    return JSON.parse(JSON.stringify({ plain, events }).replace(/(resp|msg|req_fake|chatcmpl)([_-])\d+/g, '$1'));
  };
  const fromOfficial = await run(new OpenAI({ apiKey: 'k', baseURL: server.baseURL }));
  const ours = await run(undefined);
  // A convenience that the official client adds to what the server sent.
  const theirs: unknown = JSON.parse(
    JSON.stringify(fromOfficial, (key, value: unknown) => (key === 'output_text' ? undefined : value)),
  );
  expect(ours).toEqual(theirs);
  const [first, , third] = server.requests;
  expect(first?.body).toEqual(third?.body);
});

test('the official client is not allowed a retry loop of its own', async () => {
  await using server = await createFakeServer();
  server.fallback({ status: 500, body: {} });
  const model = await new OpenAIProvider({
    openAIClient: new OpenAI({ apiKey: 'k', baseURL: server.baseURL }),
  }).getModel('m');
  const request: ModelRequest = {
    input: 'hi',
    modelSettings: {},
    tools: [],
    handoffs: [],
    outputType: 'text',
    tracing: false,
  };
  await expect(model.getResponse(request)).rejects.toMatchObject({ status: 500 });
  expect(server.requests).toHaveLength(1);
});
