/** Requests: what is sent, checked by the fake server as the vendor checks. */
import { describe, expect, test, vi } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { ModelRequest } from '../../protocol/model.ts';
import { messagesReply } from '../../testing/fake-server/index.ts';
import { capabilitiesOf } from './capabilities.ts';
import { enforceable } from './schema.ts';
import { ask, server, tool, type Asking } from './socket.fixture.ts';

/** The body that was sent, once the server took it. */
async function sent(more: Partial<ModelRequest>, asking?: Asking): Promise<Record<string, unknown>> {
  server.reply(messagesReply('ok'));
  await ask(false, more, asking);
  return server.requests.at(-1)?.body ?? {};
}

const OLD = { model: 'claude-sonnet-4-5-20250929' };
const user = (content: Extract<AgentInputItem, { role: 'user' }>['content']): AgentInputItem => ({
  role: 'user',
  content,
});

describe('a request', () => {
  test('has max_tokens, instructions and leading system text, and no empty members', async () => {
    const input: AgentInputItem[] = [{ role: 'system', content: 'More.' }, user('hi')];
    expect(await sent({ systemInstructions: 'Be brief.', input })).toEqual({
      model: 'claude-opus-4-7',
      max_tokens: 32_000,
      system: [
        { type: 'text', text: 'Be brief.' },
        { type: 'text', text: 'More.' },
      ],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
    });
  });

  test('has images and documents', async () => {
    const body = await sent({
      input: [
        user([
          { type: 'input_image', image: 'data:image/png;base64,iVBORw0KGgo=' },
          { type: 'input_image', image: 'https://x.test/a.png' },
          { type: 'input_image', image: { id: 'file_01' } },
          { type: 'input_file', file: 'data:application/pdf;base64,JVBERg==', filename: 'a.pdf' },
          {
            type: 'input_file',
            file: 'data:text/plain;base64,w7xiZXI=',
            providerData: { anthropic: { citations: { enabled: true } } },
          },
          { type: 'input_file', file: { url: 'https://x.test/a.pdf' } },
        ]),
      ],
    });
    expect(body['messages']).toMatchObject([
      {
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
          { type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } },
          { type: 'image', source: { type: 'file', file_id: 'file_01' } },
          {
            type: 'document',
            title: 'a.pdf',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERg==' },
          },
          {
            type: 'document',
            citations: { enabled: true },
            source: { type: 'text', media_type: 'text/plain', data: 'über' },
          },
          { type: 'document', source: { type: 'url', url: 'https://x.test/a.pdf' } },
        ],
      },
    ]);
  });

  test('has images in tool results, and says which results are errors', async () => {
    const call = (callId: string): AgentInputItem => ({ type: 'function_call', callId, name: 'f', arguments: '{}' });
    const picture: AgentInputItem = {
      type: 'function_call_result',
      callId: 'a',
      name: 'f',
      status: 'completed',
      output: { type: 'image', image: { data: new Uint8Array([1]), mediaType: 'image/png' } },
    };
    const body = await sent({ input: [user('hi'), call('a'), call('b'), picture], tools: [tool('f')] });
    expect(body['messages']).toMatchObject([
      {},
      {},
      {
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'a',
            content: [{ type: 'image', source: { media_type: 'image/png', data: 'AQ==' } }],
          },
          { type: 'tool_result', tool_use_id: 'b', is_error: true },
        ],
      },
    ]);
  });

  test('on what a server would have to remember is refused', async () => {
    await expect(ask(false, { previousResponseId: 'resp_1' })).rejects.toThrow('previousResponseId');
    await expect(ask(false, { conversationId: 'c' })).rejects.toThrow(UserError);
  });

  test('has whatever the settings hold on top', async () => {
    const providerData = {
      top_k: 5,
      extra_headers: { 'anthropic-beta': 'x-2026' },
      extra_body: { metadata: { user_id: 'u' } },
    };
    expect(await sent({ modelSettings: { providerData } })).toMatchObject({ top_k: 5, metadata: { user_id: 'u' } });
    expect(server.requests.at(-1)?.headers['anthropic-beta']).toBe('x-2026');
    expect(server.requests.at(-1)?.body).not.toHaveProperty('extra_headers');
  });
});

describe('tools', () => {
  test('are strict where the model can be held to it', async () => {
    const tools = [tool('f')];
    const handoffs = [
      {
        toolName: 'to_b',
        toolDescription: 'd',
        inputJsonSchema: { type: 'object' as const, properties: {}, required: [], additionalProperties: false },
        strictJsonSchema: true,
      },
    ];
    expect(await sent({ tools, handoffs })).toMatchObject({
      tools: [
        { name: 'f', strict: true },
        { name: 'to_b', strict: true },
      ],
    });
    expect((await sent({ tools }, { model: 'claude-3-7-sonnet-latest' }))['tools']).toEqual([
      expect.not.objectContaining({ strict: true }),
    ]);
    const many = Array.from({ length: 21 }, (_, n) => tool(`f${n}`));
    expect(JSON.stringify((await sent({ tools: many }))['tools'])).not.toContain('"strict"');
  });

  test('may be those of the server', async () => {
    const search = {
      type: 'hosted_tool' as const,
      name: 'web_search',
      providerData: { type: 'web_search', filters: { allowed_domains: ['x.test'] } },
    };
    const code = {
      type: 'hosted_tool' as const,
      name: 'code_execution',
      providerData: { type: 'code_execution_20250825' },
    };
    expect((await sent({ tools: [search, code] }))['tools']).toEqual([
      { type: 'web_search_20250305', name: 'web_search', allowed_domains: ['x.test'] },
      { type: 'code_execution_20250825', name: 'code_execution' },
    ]);
    const files = { type: 'hosted_tool' as const, name: 'file_search', providerData: { type: 'file_search' } };
    await expect(ask(false, { tools: [files] })).rejects.toThrow('file_search');
  });

  test('that would share a name are refused', async () => {
    await expect(ask(false, { tools: [tool('a.b'), tool('a_b')] })).rejects.toThrow('"a.b" and "a_b"');
  });

  test.each([
    ['auto', undefined, undefined],
    ['none', undefined, { type: 'none' }],
    ['required', undefined, { type: 'any' }],
    ['f', undefined, { type: 'tool', name: 'f' }],
    ['a.b', undefined, { type: 'tool', name: 'a_b' }],
    [undefined, false, { type: 'auto', disable_parallel_tool_use: true }],
    ['required', false, { type: 'any', disable_parallel_tool_use: true }],
    ['required', true, { type: 'any' }],
  ])('are chosen: %s, parallel %s', async (toolChoice, parallelToolCalls, expected) => {
    const modelSettings = {
      ...(toolChoice !== undefined && { toolChoice }),
      ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    };
    const body = await sent({ tools: [tool('f'), tool('a.b')], modelSettings });
    expect(body['tool_choice']).toEqual(expected);
  });

  test('that are not there cannot be chosen', async () => {
    await expect(ask(false, { tools: [tool('f')], modelSettings: { toolChoice: 'g' } })).rejects.toThrow(
      'Available: f.',
    );
    await expect(ask(false, { modelSettings: { toolChoice: 'required' } })).rejects.toThrow('has none');
  });
});

describe('thinking', () => {
  const effort = (level: 'low' | 'high' | 'none' | 'minimal', more: object = {}): Partial<ModelRequest> => ({
    modelSettings: { reasoning: { effort: level }, ...more },
  });

  test('is as the model sees fit, or a budget, by generation', async () => {
    expect(await sent(effort('high'))).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
    expect(await sent(effort('high'), OLD)).toMatchObject({ thinking: { type: 'enabled', budget_tokens: 16_384 } });
    expect(await sent(effort('none'))).not.toHaveProperty('thinking');
    expect(await sent({ modelSettings: { reasoning: { effort: 'low', summary: 'auto' } } })).toMatchObject({
      thinking: { display: 'summarized' },
    });
  });

  test('leaves room for the answer, or is left out with a warning', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    expect(await sent(effort('high', { maxTokens: 4096 }), OLD)).toMatchObject({ thinking: { budget_tokens: 3072 } });
    expect(await sent(effort('high', { maxTokens: 1500 }), OLD)).not.toHaveProperty('thinking');
    expect(warned.mock.calls.flat().join()).toContain('maxTokens (1500)');
    warned.mockRestore();
  });

  test('pauses in a tool loop that began without it', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const input: AgentInputItem[] = [
      user('hi'),
      { type: 'function_call', callId: 'a', name: 'f', arguments: '{}' },
      { type: 'function_call_result', callId: 'a', name: 'f', status: 'completed', output: 'x' },
    ];
    expect(await sent({ ...effort('high'), input, tools: [tool('f')] }, OLD)).not.toHaveProperty('thinking');
    expect(
      await sent({ ...effort('high'), input: [...input, user('and')], tools: [tool('f')] }, OLD),
    ).not.toHaveProperty('thinking');
    expect(
      await sent(
        {
          ...effort('high'),
          input: [
            user('hi'),
            { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'x' }] },
            user('and'),
          ],
        },
        OLD,
      ),
    ).toHaveProperty('thinking');
    expect(warned).toHaveBeenCalled();
    warned.mockRestore();
  });

  test('takes no forced tool and no sampling beside it', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const body = await sent(
      { ...effort('low', { toolChoice: 'required', temperature: 0.5 }), tools: [tool('f')] },
      OLD,
    );
    expect(body).toMatchObject({ tool_choice: { type: 'auto' } });
    expect(body).not.toHaveProperty('temperature');
    expect(await sent({ modelSettings: { temperature: 0.5 } })).not.toHaveProperty('temperature');
    expect(await sent({ modelSettings: { temperature: 0.5, topP: 0.9 } }, OLD)).toMatchObject({ temperature: 0.5 });
    warned.mockRestore();
  });
});

describe('a structured answer', () => {
  const schema = {
    type: 'object' as const,
    properties: { n: { type: 'number', minimum: 1 } },
    required: ['n'],
    additionalProperties: false,
  };
  const outputType = { type: 'json_schema' as const, name: 'out', strict: true, schema };

  test('is enforced where the model can be held to it', async () => {
    expect(await sent({ outputType })).toMatchObject({
      output_config: {
        format: { type: 'json_schema', schema: { properties: { n: { type: 'number', description: '(minimum: 1)' } } } },
      },
    });
  });

  test('is asked for elsewhere', async () => {
    const body = await sent({ outputType }, { model: 'claude-3-5-haiku-latest' });
    expect(body).not.toHaveProperty('output_config');
    expect(JSON.stringify(body['system'])).toContain('fits this schema');
  });

  test('has a schema that says what cannot be enforced, in every corner', () => {
    const inner = { type: 'object', properties: { minimum: { type: 'string', minLength: 2, description: 'A name.' } } };
    expect(
      enforceable({
        $schema: 'x',
        type: 'object',
        properties: { a: { type: 'array', minItems: 3, items: inner }, b: { anyOf: [inner] } },
      }),
    ).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: {
        a: { type: 'array', description: '(minItems: 3)', items: fixed() },
        b: { anyOf: [fixed()] },
      },
    });
    function fixed(): object {
      return {
        type: 'object',
        additionalProperties: false,
        properties: { minimum: { type: 'string', description: 'A name. (minLength: 2)' } },
      };
    }
  });
});

describe('the cache', () => {
  const marks = (body: Record<string, unknown>): string[] =>
    [...JSON.stringify([body['tools'], body['system'], body['messages']]).matchAll(/"cache_control":(\{[^}]*\})/g)].map(
      (match) => match[1] ?? '',
    );

  test('is marked behind what stays the same and at the end', async () => {
    const more = { systemInstructions: 's', tools: [tool('f')] };
    const body = await sent(more, { options: { cache: '5m' } });
    expect(body).toMatchObject({
      system: [{ cache_control: { type: 'ephemeral' } }],
      messages: [{ content: [{ cache_control: { type: 'ephemeral' } }] }],
    });
    expect(marks(await sent(more, { options: { cache: '1h' } }))).toEqual(
      Array(2).fill('{"type":"ephemeral","ttl":"1h"}'),
    );
    expect(marks(await sent({ ...more, modelSettings: { promptCacheRetention: '24h' } }))).toHaveLength(2);
    expect(
      marks(await sent({ ...more, modelSettings: { promptCacheRetention: null } }, { options: { cache: '5m' } })),
    ).toEqual([]);
    expect(marks(await sent(more))).toEqual([]);
  });

  test('has four marks at most, the longer ones first', async () => {
    const part = (ttl?: '1h') => ({
      type: 'input_text' as const,
      text: 'x',
      providerData: { anthropic: { cache_control: { type: 'ephemeral', ...(ttl && { ttl }) } } },
    });
    const body = await sent(
      { systemInstructions: 's', input: [user([part(), part(), part('1h'), part(), part()])] },
      { options: { cache: '5m' } },
    );
    expect(marks(body)).toEqual([
      '{"type":"ephemeral","ttl":"1h"}',
      '{"type":"ephemeral","ttl":"1h"}',
      '{"type":"ephemeral"}',
      '{"type":"ephemeral"}',
    ]);
  });

  test('can be marked part by part', async () => {
    const body = await sent({
      input: [user([{ type: 'input_text', text: 'long', promptCacheBreakpoint: { mode: 'explicit' } }])],
    });
    expect(marks(body)).toHaveLength(1);
  });
});

test.each([
  ['claude-opus-4-7', 'adaptive', false],
  ['claude-opus-4-6', 'adaptive', true],
  ['claude-sonnet-5', 'adaptive', false],
  ['anthropic/claude-opus-4.7', 'adaptive', false],
  ['us.anthropic.claude-opus-4-7-v1:0', 'adaptive', false],
  ['claude-sonnet-4-5-20250929', 'budget', true],
  ['claude-sonnet-4-20250514', 'budget', true],
  ['claude-3-7-sonnet-latest', 'budget', true],
  ['claude-3-5-haiku-20241022', 'none', true],
  ['claude-3-haiku-20240307', 'none', true],
  ['some-gateway-model', 'budget', true],
])('%s thinks: %s, samples: %s', (model, thinking, sampling) => {
  expect(capabilitiesOf(model)).toMatchObject({ thinking, sampling });
});
