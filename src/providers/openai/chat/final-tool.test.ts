/** Tools and a schema together, where the server takes one of the two. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { drain, request } from '../../../../test/openai/socket.ts';
import { Agent, handoff, run, tool } from '../../../index.ts';
import { withFinalTool } from '../../../model/final-tool.ts';
import type { ModelRequest, ModelResponse, SerializedFunctionTool, StreamEvent } from '../../../protocol/model.ts';
import { chatReply, createFakeServer, type FakeServer } from '../../../testing/fake-server/index.ts';
import { LlamaCppModel, VLLMModel } from '../index.ts';

let server: FakeServer;
beforeAll(async () => {
  server = await createFakeServer({ requireKey: false });
});
afterEach(() => void server.requests.splice(0));
afterAll(() => server.close());

const made = (): LlamaCppModel => new LlamaCppModel({ model: 'local', baseURL: server.baseURL });
const weather = tool({
  name: 'get_weather',
  description: 'The weather.',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `Rain in ${city}.`,
});
const Report = z.object({ city: z.string(), wet: z.boolean() });
const REPORT = { city: 'Oslo', wet: true };
const final = { name: 'final_answer', arguments: REPORT };
const look = { name: 'get_weather', arguments: { city: 'Oslo' } };

const schema: SerializedFunctionTool['parameters'] = {
  type: 'object',
  properties: {},
  required: [],
  additionalProperties: false,
};
const outputType = { type: 'json_schema' as const, name: 'report', strict: true, schema };
const offered: SerializedFunctionTool = {
  type: 'function',
  name: 'get_weather',
  description: 'd',
  strict: true,
  parameters: schema,
};
const both = (more: Partial<ModelRequest> = {}): ModelRequest => request({ tools: [offered], outputType, ...more });

async function ask(stream: boolean, asked: ModelRequest): Promise<{ response: ModelResponse['output']; text: string }> {
  if (!stream) return { response: (await made().getResponse(asked)).output, text: '' };
  const events: StreamEvent[] = await drain(made().getStreamedResponse(asked));
  const last = events.at(-1);
  const text = events.map((event) => (event.type === 'output_text_delta' ? event.delta : '')).join('');
  return { response: last?.type === 'response_done' ? last.response.output : [], text };
}

test.each([false, true])('an agent calls its tools and ends with its output (stream: %s)', async (stream) => {
  server.reply(chatReply({ toolCalls: [look] }), chatReply({ toolCalls: [final] }));
  const agent = new Agent({ name: 'A', model: made(), tools: [weather], outputType: Report });
  const result = stream ? await run(agent, 'Oslo?', { stream: true }) : await run(agent, 'Oslo?');
  if ('completed' in result) await result.completed;
  expect(result.finalOutput).toEqual(REPORT);
  // Nobody but the adapter knows of the tool.
  const kinds = result.newItems.map(({ type }) => type);
  expect(kinds).toEqual(['tool_call_item', 'tool_call_output_item', 'message_output_item']);
  expect(JSON.stringify(result.history)).not.toContain('final_answer');
  const [first, second] = server.requests.map(({ body }) => body);
  expect(first).toMatchObject({
    tool_choice: 'required',
    tools: [{ function: { name: 'get_weather' } }, { function: { name: 'final_answer', strict: true } }],
  });
  for (const body of [first, second]) expect(body).not.toHaveProperty('response_format');
});

describe.each([false, true])('streamed: %s', (stream) => {
  test('the final call is a message, its arguments the text', async () => {
    server.reply(chatReply({ toolCalls: [final] }));
    const { response, text } = await ask(stream, both());
    expect(response).toMatchObject([
      { type: 'message', status: 'completed', content: [{ type: 'output_text', text: JSON.stringify(REPORT) }] },
    ]);
    if (stream) expect(text).toBe(JSON.stringify(REPORT));
  });

  test('real calls beside it stay, after the message; a second final call is dropped', async () => {
    server.reply(chatReply({ toolCalls: [look, final, { ...final, arguments: { city: 'Rome', wet: false } }] }));
    const { response, text } = await ask(stream, both());
    expect(response.map(({ type }) => type)).toEqual(['message', 'function_call']);
    expect(JSON.stringify(response)).not.toContain('Rome');
    if (stream) expect(text).toBe(JSON.stringify(REPORT));
  });

  test('a model that answers with text all the same is read as it is', async () => {
    server.reply(chatReply('{"city":"Oslo","wet":true}'));
    const { response } = await ask(stream, both());
    expect(response).toMatchObject([{ content: [{ text: '{"city":"Oslo","wet":true}' }] }]);
  });
});

describe('the final tool', () => {
  test.each<[string, Partial<ModelRequest>]>([
    ['tools alone', { outputType: 'text' }],
    ['a schema alone', { tools: [] }],
    ['tools that must not be called', { modelSettings: { toolChoice: 'none' } }],
  ])('is not there for %s', (_, more) => {
    const asked = both(more);
    expect(withFinalTool(asked)).toEqual({ request: asked });
  });

  test('is not offered where a real tool must be called, and the schema waits', () => {
    for (const toolChoice of ['required', 'get_weather']) {
      const { request: sent, finalTool } = withFinalTool(both({ modelSettings: { toolChoice } }));
      expect([sent.outputType, sent.tools.length, finalTool]).toEqual(['text', 1, undefined]);
    }
  });

  test('has a name that is free', () => {
    const taken = { ...offered, name: 'final_answer' };
    const to = { toolName: 'final_answer_2', toolDescription: 'd', inputJsonSchema: schema, strictJsonSchema: true };
    const asked = both({ tools: [taken], handoffs: [to] });
    expect(withFinalTool(asked).finalTool).toBe('final_answer_3');
  });

  test('is there for an agent with handoffs only, and for another server that asks for it', async () => {
    server.reply(chatReply({ toolCalls: [final] }), chatReply({ toolCalls: [final] }));
    const other = new Agent({ name: 'Other', handoffDescription: 'o' });
    const vllm = new VLLMModel({ model: 'm', baseURL: server.baseURL, finalTool: true });
    for (const model of [made(), vllm]) {
      const agent = new Agent({
        name: 'A',
        model,
        handoffs: [handoff(other)],
        outputType: Report,
        handoffOutputTypeWarningEnabled: false,
      });
      expect((await run(agent, 'Oslo?')).finalOutput).toEqual(REPORT);
    }
  });
});
