/** Models of both specifications, by their shape. */
import { describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { ModelRequest, ModelResponse, StreamEvent } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { isModelError } from '../../wire/index.ts';
import { fromAiSdk } from './from-ai-sdk.ts';
import type { AiSdkLanguageModel, Json } from './types.ts';

const USAGE = {
  inputTokens: { total: 12, noCache: 2, cacheRead: 7, cacheWrite: 3 },
  outputTokens: { total: 5, text: 3, reasoning: 2 },
  raw: { a: 1 },
};
const STOP = { unified: 'stop', raw: 'end' };
const finish = (finishReason: unknown = STOP): Json => ({ type: 'finish', usage: USAGE, finishReason });

type Said = {
  content?: Json[];
  finishReason?: unknown;
  parts?: unknown[];
  error?: unknown;
  structuredOutputText?: string;
};

/** A model that says one thing, and what it was asked. */
function fake(said: Said, more: Partial<AiSdkLanguageModel> = {}) {
  const asked: Json[] = [];
  const model: AiSdkLanguageModel = {
    specificationVersion: 'v4',
    provider: 'mistral.chat',
    modelId: 'large',
    doGenerate: (options: never) => {
      asked.push(options);
      const { content = [], finishReason = STOP, error, structuredOutputText } = said;
      if (error !== undefined) return Promise.reject(error);
      return Promise.resolve({
        content,
        finishReason,
        usage: USAGE,
        warnings: [],
        response: { id: 'r1' },
        structuredOutputText,
      });
    },
    doStream: (options: never) => {
      asked.push(options);
      if (said.error !== undefined) return Promise.reject(said.error);
      return Promise.resolve({ stream: streamOf(said.parts ?? partsOf(said)) });
    },
    ...more,
  };
  return { model, asked };
}

const streamOf = (parts: readonly unknown[]): ReadableStream<unknown> =>
  new ReadableStream({
    start: (controller) => {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });

/** The same answer as a stream. */
function partsOf({ content = [], finishReason }: Said): Json[] {
  const grown = content.flatMap((part, id): Json[] => {
    const { type, text, providerMetadata, citations } = part;
    if (type !== 'text' && type !== 'reasoning') return [part];
    const half = Math.ceil(String(text).length / 2);
    return [
      { type: `${type}-start`, id: `${id}` },
      { type: `${type}-delta`, id: `${id}`, delta: String(text).slice(0, half) },
      { type: `${type}-delta`, id: `${id}`, delta: String(text).slice(half) },
      { type: `${type}-end`, id: `${id}`, providerMetadata, citations },
    ];
  });
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'response-metadata', id: 'r1' },
    ...grown,
    finish(finishReason),
  ];
}

const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...more,
});
const tool = (name: string): ModelRequest['tools'][number] => ({
  type: 'function',
  name,
  description: 'd',
  strict: true,
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
});

async function drain(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function ask(
  stream: boolean,
  said: AiSdkLanguageModel,
  more: Partial<ModelRequest> = {},
): Promise<ModelResponse> {
  const model = fromAiSdk(said);
  if (!stream) return await model.getResponse(request(more));
  const done = (await drain(model.getStreamedResponse(request(more)))).at(-1);
  if (done?.type !== 'response_done') return expect.fail('The stream has no last event.');
  const { id, usage, ...rest } = done.response;
  return { ...rest, usage: new Usage(usage), responseId: id };
}

const CALL = {
  type: 'tool-call',
  toolCallId: 'c1',
  toolName: 'f',
  input: '{"a":1}',
  providerMetadata: { google: { thoughtSignature: 's' } },
};
const origin = { provider: 'mistral.chat', api: 'ai-sdk', model: 'large' };

describe.each([
  ['plain', false],
  ['streamed', true],
] as const)('a %s answer', (_way, stream) => {
  test('has reasoning, text and calls, marked with who said it', async () => {
    const { model } = fake({
      content: [
        { type: 'reasoning', text: 'hm so', providerMetadata: { x: { sig: 1 } } },
        { type: 'text', text: 'Hello' },
        { type: 'text', text: ' you' },
        CALL,
        { ...CALL, toolCallId: 'c2', input: '' },
      ],
    });
    const { output, usage, responseId } = await ask(stream, model, { tools: [tool('f')] });
    expect(output).toEqual([
      { type: 'reasoning', content: [{ type: 'input_text', text: 'hm so' }], providerData: { x: { sig: 1 } }, origin },
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [
          { type: 'output_text', text: 'Hello' },
          { type: 'output_text', text: ' you' },
        ],
        origin,
      },
      {
        type: 'function_call',
        callId: 'c1',
        name: 'f',
        arguments: '{"a":1}',
        status: 'completed',
        providerData: CALL.providerMetadata,
        origin,
      },
      {
        type: 'function_call',
        callId: 'c2',
        name: 'f',
        arguments: '{}',
        status: 'completed',
        providerData: CALL.providerMetadata,
        origin,
      },
    ]);
    expect(responseId).toBe('r1');
    expect(usage).toMatchObject({
      requests: 1,
      inputTokens: 12,
      outputTokens: 5,
      totalTokens: 17,
      inputTokensDetails: [{ cached_tokens: 7, cacheRead: 7, cacheWrite: 3 }],
      outputTokensDetails: [{ reasoning_tokens: 2 }],
    });
  });

  test('shows what the provider ran itself', async () => {
    const search = {
      type: 'tool-call',
      toolCallId: 's1',
      toolName: 'search',
      input: '{"q":1}',
      providerExecuted: true,
    };
    const { model } = fake({
      content: [
        search,
        { type: 'tool-result', toolCallId: 's1', toolName: 'search', result: { found: 1 } },
        { type: 'text', text: 'x' },
      ],
    });
    expect((await ask(stream, model)).output[0]).toMatchObject({
      type: 'hosted_tool_call',
      id: 's1',
      name: 'search',
      arguments: '{"q":1}',
      status: 'completed',
      output: '{"found":1}',
    });
  });

  test.each([
    ['error', 'server'],
    ['interrupted', 'truncated_stream'],
  ])('that ended with "%s" is an error, and its calls do not count', async (unified, kind) => {
    const { model } = fake({ content: [CALL], finishReason: { unified, raw: 'x' } });
    await expect(ask(stream, model)).rejects.toMatchObject({ kind, retryable: true });
  });

  test('cut off in a call is incomplete, cut off in its text is an answer', async () => {
    const finishReason = { unified: 'length', raw: 'MAX' };
    await expect(ask(stream, fake({ content: [CALL], finishReason }).model)).rejects.toMatchObject({
      kind: 'incomplete',
    });
    expect(
      (await ask(stream, fake({ content: [{ type: 'text', text: 'Once' }], finishReason }).model)).output,
    ).toHaveLength(1);
  });

  test('withheld by a filter is a refusal', async () => {
    const { model } = fake({ content: [CALL], finishReason: { unified: 'content-filter', raw: 'SAFETY' } });
    expect((await ask(stream, model)).output).toMatchObject([{ content: [{ type: 'refusal' }] }]);
  });

  test('refused by the server is a typed error without the prompt', async () => {
    const error = Object.assign(new Error('Overloaded'), {
      statusCode: 529,
      responseHeaders: { 'retry-after': '3' },
      responseBody: '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      requestBodyValues: { prompt: 'SECRET' },
      isRetryable: true,
    });
    const failure: unknown = await ask(stream, fake({ error }).model).catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ kind: 'overloaded', status: 529, retryAfterMs: 3000 });
    expect(isModelError(failure) && failure.cause).toBeFalsy();
    const lost = Object.assign(new Error('Cannot connect to API: x'), { isRetryable: true });
    await expect(ask(stream, fake({ error: lost }).model)).rejects.toMatchObject({ kind: 'network', retryable: true });
  });

  test("aborted rejects with the caller's own reason", async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    abort.abort(reason);
    const { model } = fake({ error: new DOMException('x', 'AbortError') });
    await expect(ask(stream, model, { signal: abort.signal })).rejects.toBe(reason);
  });
});

describe('a stream', () => {
  const said: Said = { content: [{ type: 'text', text: 'Hello' }, CALL] };

  test('gives its text piece by piece, and holds calls back until the end', async () => {
    const events = await drain(fromAiSdk(fake(said).model).getStreamedResponse(request({ tools: [tool('f')] })));
    expect(events.flatMap((event) => (event.type === 'output_text_delta' ? [event.delta] : []))).toEqual(['Hel', 'lo']);
    expect(events[0]?.type).toBe('response_started');
  });

  test('without a finish is truncated, wherever it stops, and no call of it counts', async () => {
    const parts = partsOf(said);
    for (let n = 0; n < parts.length; n++) {
      const { model } = fake({ parts: parts.slice(0, n) });
      await expect(ask(true, model)).rejects.toMatchObject({ kind: 'truncated_stream' });
    }
  });

  test('whose finish has no reason from the server is truncated too', async () => {
    const { model } = fake({ parts: [...partsOf(said).slice(0, -1), finish({ unified: 'other' })] });
    await expect(ask(true, model)).rejects.toMatchObject({ kind: 'truncated_stream' });
  });

  test('that its provider calls unfinished is truncated too', async () => {
    const error = { type: 'error', error: new Error('Response stream ended without a finish reason.') };
    const { model } = fake({ parts: [...partsOf(said).slice(0, 5), error] });
    await expect(ask(true, model)).rejects.toMatchObject({ kind: 'truncated_stream', retryable: true });
  });

  test('with an error inside is that error', async () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    const { model } = fake({ parts: [...partsOf(said).slice(0, 5), error, finish()] });
    await expect(ask(true, model)).rejects.toMatchObject({ kind: 'overloaded', responseStarted: true });
  });
});

describe('a request', () => {
  const input: AgentInputItem[] = [
    { role: 'system', content: 'first' },
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'look' },
        { type: 'input_image', image: 'data:image/png;base64,AA==' },
        { type: 'input_file', file: { url: 'https://x.test/a.pdf' } },
      ],
    },
    { type: 'function_call', callId: 'a|b', name: 'f', arguments: '{"a":1}', origin, providerData: { x: { sig: 2 } } },
    { role: 'system', content: 'late' },
    { type: 'function_call_result', callId: 'a|b', name: 'f', status: 'completed', output: 'ok' },
  ];

  test.each([
    ['v3', 'AA==', new URL('https://x.test/a.pdf')],
    ['v4', { type: 'data', data: 'AA==' }, { type: 'url', url: new URL('https://x.test/a.pdf') }],
  ])('to a %s model has its prompt in its form', async (specificationVersion, image, pdf) => {
    const { model, asked } = fake({ content: [{ type: 'text', text: 'x' }] }, { specificationVersion });
    await ask(false, model, {
      input,
      systemInstructions: 'Be brief.',
      modelSettings: { reasoning: { effort: 'low' }, maxTokens: 9, toolChoice: 'f' },
      tools: [tool('f')],
    });
    const { prompt, ...options } = asked[0] ?? {};
    const toolCallId = expect.stringMatching(/^a_b_\w+$/);
    expect(prompt).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'system', content: 'first' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'file', mediaType: 'image/png', data: image },
          { type: 'file', mediaType: 'application/pdf', data: pdf },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'tool-call', toolCallId, toolName: 'f', input: { a: 1 }, providerOptions: { x: { sig: 2 } } },
        ],
      },
      {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId, toolName: 'f', output: { type: 'text', value: 'ok' } }],
      },
      { role: 'user', content: [{ type: 'text', text: '<system>late</system>' }] },
    ]);
    expect(options).toMatchObject({
      maxOutputTokens: 9,
      toolChoice: { type: 'tool', toolName: 'f' },
      tools: [{ type: 'function', name: 'f', strict: true }],
    });
    expect(options['reasoning']).toBe(specificationVersion === 'v4' ? 'low' : undefined);
  });

  test('to a Google model has its marks', async () => {
    const { model, asked } = fake({ content: [{ type: 'text', text: 'x' }] }, { provider: 'google.generative-ai' });
    await ask(false, model, { input });
    expect(JSON.stringify(asked[0]?.['prompt'])).toContain('skip_thought_signature_validator');
    expect(fromAiSdk(model).origin).toMatchObject({ api: 'gemini' });
  });

  test('has a schema, hosted tools and options of the provider', async () => {
    const { model, asked } = fake({ structuredOutputText: '{"n":1}' }, { provider: 'openai.responses' });
    const schema = { type: 'object' as const, properties: {}, required: [], additionalProperties: false };
    const search = {
      type: 'hosted_tool' as const,
      name: 'web',
      providerData: { type: 'openai.web_search', args: { a: 1 } },
    };
    const { output } = await ask(false, model, {
      outputType: { type: 'json_schema', name: 'out', strict: true, schema },
      tools: [search],
      modelSettings: { parallelToolCalls: false, providerData: { providerOptions: { openai: { store: false } } } },
    });
    expect(asked[0]).toMatchObject({
      responseFormat: { type: 'json', schema, name: 'out' },
      tools: [{ type: 'provider', id: 'openai.web_search', name: 'web', args: { a: 1 } }],
      providerOptions: { openai: { store: false, parallelToolCalls: false } },
    });
    expect(output).toMatchObject([{ content: [{ text: '{"n":1}' }] }]);
  });

  test('that cannot be honored is refused', async () => {
    const { model } = fake({});
    await expect(ask(false, model, { conversationId: 'c' })).rejects.toThrow('conversationId');
    await expect(ask(false, model, { modelSettings: { toolChoice: 'g' }, tools: [tool('f')] })).rejects.toThrow(
      'Available: f.',
    );
    await expect(
      ask(false, model, { tools: [{ type: 'hosted_tool', name: 'w', providerData: { type: 'web_search' } }] }),
    ).rejects.toThrow(UserError);
    expect(() => fromAiSdk({ ...model, specificationVersion: 'v2' })).toThrow('V3 and V4');
  });
});
