import { expect, test } from 'vitest';
import type { ModelRequest, SerializedTool } from '../../src/protocol/model.ts';
import { offlineProvider, sample, scriptOf } from './offline-model.ts';

const request = (parts: Partial<ModelRequest>): ModelRequest => ({
  input: 'hello',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...parts,
});
const schema = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 3 }, unit: { enum: ['C', 'F'] } },
  required: ['city'],
  additionalProperties: false as const,
};
const weather: SerializedTool = {
  type: 'function',
  name: 'weather',
  description: '',
  parameters: schema,
  strict: true,
};

test('comments of a block say what the model answers, in order', async () => {
  const steps = scriptOf('// model says: Hi there.\ncode();\n  // model calls: weather {"city":"Oslo"}\n');
  const model = await offlineProvider(steps).getModel();
  expect((await model.getResponse(request({}))).output).toMatchObject([{ content: [{ text: 'Hi there.' }] }]);
  const [call] = (await model.getResponse(request({}))).output;
  expect(call).toMatchObject({ type: 'function_call', name: 'weather', arguments: '{"city":"Oslo"}' });
});

test('without comments it calls the first tool once and then answers with its output', async () => {
  const model = await offlineProvider().getModel();
  const [call] = (await model.getResponse(request({ tools: [weather] }))).output;
  expect(call).toMatchObject({ name: 'weather', arguments: '{"city":"text","days":3,"unit":"C"}' });
  const input: ModelRequest['input'] = [
    { type: 'message', role: 'user', content: 'hello' },
    { type: 'function_call', name: 'weather', callId: 'call_1', arguments: '{}' },
    {
      type: 'function_call_result',
      name: 'weather',
      callId: 'call_1',
      status: 'completed',
      output: { type: 'text', text: 'sunny' },
    },
  ];
  const [reply] = (await model.getResponse(request({ tools: [weather], input }))).output;
  expect(reply).toMatchObject({ content: [{ text: 'sunny' }] });
});

test('it hears the word after the name of a text in what the user said', async () => {
  const model = await offlineProvider().getModel();
  for (const input of ['How is it in city Oslo?', [{ role: 'user', content: 'How is it in city Oslo?' } as const]]) {
    const [call] = (await model.getResponse(request({ tools: [weather], input }))).output;
    expect(call).toMatchObject({ arguments: '{"city":"Oslo","days":3,"unit":"C"}' });
  }
});

test('an agent that was handed the conversation calls its own tool before it answers', async () => {
  const model = await offlineProvider().getModel();
  const input: ModelRequest['input'] = [
    { type: 'message', role: 'user', content: 'hello' },
    { type: 'function_call', name: 'transfer_to_B', callId: 'call_1', arguments: '{}' },
    {
      type: 'function_call_result',
      name: 'transfer_to_B',
      callId: 'call_1',
      status: 'completed',
      output: { type: 'text', text: '{"assistant":"B"}' },
    },
  ];
  const [call] = (await model.getResponse(request({ tools: [weather], input }))).output;
  expect(call).toMatchObject({ type: 'function_call', name: 'weather' });
});

test('a stream has the text in deltas and ends with the whole reply', async () => {
  const model = await offlineProvider(scriptOf('// model says: one two')).getModel();
  const seen: string[] = [];
  for await (const event of model.getStreamedResponse(request({}))) {
    seen.push(event.type === 'output_text_delta' ? event.delta : event.type);
  }
  expect(seen).toEqual(['response_started', 'one ', 'two', 'response_done']);
});

test('a sample follows the schema', () => {
  expect(sample({ anyOf: [{ type: 'null' }, { type: 'string' }] })).toBeNull();
  expect(sample({ type: 'array', items: { type: 'boolean' } })).toEqual([true]);
  expect(sample({ const: 5 })).toBe(5);
});
