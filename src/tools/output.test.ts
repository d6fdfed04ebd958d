import { Agent, run, setTracingDisabled, tool as publishedTool } from '@openai/agents';
import { assistantMessage, functionCall, modelResponse, ScriptedModel } from '@openai/agents/testing';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { functionCallResult, toolOutput, toSmartString } from './output.ts';

beforeAll(() => setTracingDisabled(true));

class Point {
  x = 1;
  toString(): string {
    return 'a point';
  }
}
const circular: Record<string, unknown> = {};
circular.self = circular;

const VALUES: Record<string, unknown> = {
  text: 's',
  'empty text': '',
  number: 5,
  zero: 0,
  NaN: Number.NaN,
  boolean: true,
  null: null,
  undefined: undefined,
  bigint: 10n,
  symbol: Symbol('q'),
  object: { a: 1, b: [2], c: undefined },
  list: [1, 'x', undefined],
  'empty list': [],
  Map: new Map([['a', 1]]),
  Date: new Date(0),
  Error: new Error('e'),
  class: new Point(),
  circular,
  'bigint inside': { a: 1n },
  bytes: new Uint8Array([1, 2]),
  'no bytes': new Uint8Array(0),
  'many bytes': new Uint8Array(300).fill(7),
  Buffer: Buffer.from('hi'),
  ArrayBuffer: new ArrayBuffer(2),
  DataView: new DataView(new ArrayBuffer(2)),
  'bytes inside': { u: new Uint8Array([1]), b: [Buffer.from('a')], d: new Date(0) },
  'Buffer as JSON': { b: { type: 'Buffer', data: [1, 2] } },
  'text part': { type: 'text', text: 'hello', extra: 1, providerData: { q: 1 } },
  'text part without text': { type: 'text' },
  'text part with a number': { type: 'text', text: 5 },
  'image URL': { type: 'image', image: 'https://x/y.png' },
  'image data': { type: 'image', image: { data: 'AAAA', mediaType: 'image/png' }, detail: 'low' },
  'image bytes': { type: 'image', image: { data: new Uint8Array([1, 2, 3]), mediaType: 'image/png' } },
  'image data without a type': { type: 'image', image: { data: 'AAAA' } },
  'image of url': { type: 'image', image: { url: 'https://x' } },
  'image of file': { type: 'image', image: { fileId: 'f1' } },
  'image without image': { type: 'image' },
  'image, older form': { type: 'image', imageUrl: 'https://u' },
  'image, older form with data': { type: 'image', data: 'AAAA', mediaType: 'image/png' },
  'image, older form with file': { type: 'image', fileId: 'f1' },
  'image of raw bytes': { type: 'image', image: new Uint8Array([1]) },
  'image detail of its own': { type: 'image', image: 'x', detail: 'zzz' },
  'image detail null': { type: 'image', image: 'x', detail: null },
  'image empty': { type: 'image', image: '' },
  'image data URL': { type: 'image', image: { data: 'data:image/png;base64,AAAA', mediaType: 'image/png' } },
  'file id': { type: 'file', file: 'file-1' },
  'file data': { type: 'file', file: { data: 'AAAA', mediaType: 'application/pdf', filename: 'f.pdf' } },
  'file bytes': {
    type: 'file',
    file: { data: new Uint8Array([1, 2, 3]), mediaType: 'application/pdf', filename: 'f.pdf' },
  },
  'file URL': { type: 'file', file: { url: 'https://x', filename: 'n' } },
  'file of id': { type: 'file', file: { id: 'f1' } },
  'file without file': { type: 'file' },
  'file data without a name': { type: 'file', file: { data: 'AAAA', mediaType: 'application/pdf' } },
  'file data without a type': { type: 'file', file: { data: 'AAAA', filename: 'f' } },
  'list of parts': [
    { type: 'text', text: 'a' },
    { type: 'image', image: 'https://x' },
    { type: 'file', file: { id: 'f' } },
  ],
  'list of parts and others': [{ type: 'text', text: 'a' }, 'b'],
  'input part': { type: 'input_text', text: 'q' },
  'other type': { type: 'weird', x: 1 },
};

async function published(value: unknown): Promise<unknown> {
  const made = publishedTool({ name: 't', description: 'd', parameters: z.object({}), execute: () => value as string });
  const model = new ScriptedModel([
    modelResponse([functionCall('t', {}, { callId: 'c1' })]),
    modelResponse([assistantMessage('done')]),
  ]);
  const result = await run(new Agent({ name: 'A', model, tools: [made] }), 'hi');
  const item = result.newItems.find((candidate) => candidate.type === 'tool_call_output_item');
  return item?.rawItem;
}

test.each(Object.entries(VALUES))('%s is told to the model as the original tells it', async (_, value) => {
  const call = { type: 'function_call', name: 't', callId: 'c1', arguments: '{}' } as const;
  expect(functionCallResult(call, value)).toEqual(await published(value));
});

test('with an output schema, structured content is JSON text too', () => {
  expect(toolOutput({ type: 'text', text: 'v' }, { text: true })).toEqual({
    type: 'text',
    text: '{"type":"text","text":"v"}',
  });
});

test('a result names the namespace and the caller of its call', () => {
  const call = {
    type: 'function_call',
    name: 't',
    callId: 'c',
    arguments: '{}',
    namespace: 'crm',
    caller: { type: 'direct' },
  } as const;
  expect(functionCallResult(call, 'ok')).toEqual({
    type: 'function_call_result',
    name: 't',
    namespace: 'crm',
    callId: 'c',
    status: 'completed',
    output: { type: 'text', text: 'ok' },
    caller: { type: 'direct' },
  });
});

test('text of any value never throws', () => {
  const hostile = {
    toJSON(): never {
      throw new Error('no');
    },
  };
  expect(toSmartString(hostile)).toBe('[object with circular references]');
});
