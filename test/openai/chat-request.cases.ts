/** Requests and histories for the differential test of the Chat Completions adapter. */

const fn = (more: object = {}): object => ({
  type: 'function',
  name: 'f',
  description: 'd',
  parameters: { type: 'object' },
  strict: true,
  ...more,
});
const handoff = { toolName: 't', toolDescription: 'hd', inputJsonSchema: { type: 'object' }, strictJsonSchema: true };
const settings = (modelSettings: object): object => ({ modelSettings });

export const REQUESTS: Record<string, object> = {
  plain: {},
  instructions: { systemInstructions: 'S' },
  'empty instructions': { systemInstructions: '' },
  'all settings': settings({
    temperature: 0.5,
    topP: 0.9,
    frequencyPenalty: 0.1,
    presencePenalty: 0.2,
    maxTokens: 9,
    truncation: 'auto',
    store: false,
    promptCacheRetention: '24h',
    promptCacheOptions: { mode: 'explicit', ttl: '30m' },
    parallelToolCalls: true,
    text: { verbosity: 'low' },
    reasoning: { effort: 'low', summary: 'auto' },
    contextManagement: [{ type: 'compaction', compactThreshold: 5 }],
  }),
  'provider data on top': settings({
    temperature: 0.5,
    providerData: {
      metadata: { a: 1 },
      temperature: 1,
      stream_options: { x: 1 },
      model: 'mm',
      max_completion_tokens: 3,
      foo: 2,
    },
  }),
  'provider data over messages': settings({ providerData: { messages: [] } }),
  'provider data over the format': {
    outputType: { type: 'json_schema', name: 'o', strict: true, schema: {} },
    ...settings({ providerData: { response_format: { type: 'json_object' } } }),
  },
  'provider data over reasoning': settings({
    reasoning: { effort: 'low' },
    text: { verbosity: 'low' },
    providerData: { reasoning_effort: 'high', verbosity: 'high' },
  }),
  'reasoning null': settings({ reasoning: { effort: null } }),
  'reasoning none': settings({ reasoning: { effort: 'none' } }),
  schema: { outputType: { type: 'json_schema', name: 'o', strict: true, schema: { type: 'object' } } },
  'schema, not strict': { outputType: { type: 'json_schema', name: 'o', strict: false, schema: { type: 'object' } } },
  function: { tools: [fn()], handoffs: [handoff], ...settings({ toolChoice: 'f', parallelToolCalls: false }) },
  'function with data': {
    tools: [fn({ strict: false, providerData: { z: 1 } })],
    ...settings({ toolChoice: 'required', parallelToolCalls: true }),
  },
  'function with a direct caller': { tools: [fn({ allowedCallers: ['direct'] })] },
  'handoff only': { handoffs: [handoff], ...settings({ toolChoice: 'none' }) },
  'choose a handoff': { handoffs: [handoff], ...settings({ toolChoice: 't' }) },
  namespace: { tools: [fn({ namespace: 'n', namespaceDescription: 'd' })] },
  deferred: { tools: [fn({ deferLoading: true })] },
  programmatic: { tools: [fn({ allowedCallers: ['programmatic'] })] },
  'output schema': { tools: [fn({ outputSchema: {} })] },
  'parallel without tools': settings({ parallelToolCalls: true }),
  hosted: { tools: [{ type: 'hosted_tool', name: 'web_search', providerData: { type: 'web_search' } }] },
  'choose nobody': { tools: [fn()], ...settings({ toolChoice: 'zzz' }) },
  'choose required of nothing': settings({ toolChoice: 'required' }),
  'choose the empty name': { tools: [fn()], ...settings({ toolChoice: '' }) },
  'choose auto': { tools: [fn()], ...settings({ toolChoice: 'auto' }) },
};

const user = (content: unknown, more: object = {}): object => ({ type: 'message', role: 'user', content, ...more });
const assistant = (content: unknown, more: object = {}): object => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content,
  ...more,
});
const call = (callId: string, more: object = {}): object => ({
  type: 'function_call',
  callId,
  name: 'f',
  arguments: '{}',
  ...more,
});
const result = (callId: string, output: unknown = 'x', more: object = {}): object => ({
  type: 'function_call_result',
  callId,
  name: 'f',
  status: 'completed',
  output,
  ...more,
});
const thought = (more: object = {}): object => ({
  type: 'reasoning',
  content: [],
  rawContent: [{ type: 'reasoning_text', text: 'think' }],
  ...more,
});
const text = (value: string, more: object = {}): object => ({ type: 'output_text', text: value, ...more });
const DATA = { z: 1, fooBar: { bazQux: 1 }, cache_control: { type: 'ephemeral' } };
const GREEDY = { ...DATA, role: '#', content: '#' };

export const HISTORIES: Record<string, unknown> = {
  'a string': 'str',
  system: [{ role: 'system', content: 's' }],
  'system greedy': [{ role: 'system', content: 's', providerData: GREEDY }],
  user: [user('x')],
  'user greedy': [user('x', { providerData: GREEDY, id: 'i' })],
  'user parts': [
    user([
      { type: 'input_text', text: 't', providerData: DATA },
      { type: 'input_image', image: 'https://i', detail: 'low', providerData: DATA },
      { type: 'input_image', image: 'data:image/png;base64,AA' },
    ]),
  ],
  'user cache breakpoint': [
    user([
      { type: 'input_text', text: 't', promptCacheBreakpoint: { mode: 'explicit' } },
      { type: 'input_image', image: 'u', promptCacheBreakpoint: { mode: 'explicit' } },
    ]),
  ],
  'image id': [user([{ type: 'input_image', image: { id: 'f' } }])],
  'image absent': [user([{ type: 'input_image' }])],
  'file data': [user([{ type: 'input_file', file: 'data:application/pdf;base64,AA', filename: 'a.pdf' }])],
  'file id': [user([{ type: 'input_file', file: { id: 'f1' } }])],
  'file url': [user([{ type: 'input_file', file: { url: 'https://x' } }])],
  'file url string': [user([{ type: 'input_file', file: 'https://x' }])],
  'file absent': [user([{ type: 'input_file' }])],
  audio: [user([{ type: 'audio', audio: 'AA', format: 'wav', providerData: DATA }])],
  'audio id': [user([{ type: 'audio', audio: { id: 'x' } }])],
  'audio without format': [user([{ type: 'audio', audio: 'AA' }])],
  'unknown part': [user([{ type: 'weird' }])],
  'no parts': [user([])],
  assistant: [assistant([text('t')])],
  'assistant data': [assistant([text('t', { providerData: DATA }), text('u')], { providerData: GREEDY, id: 'mm' })],
  'assistant empty text': [assistant([text('')])],
  'assistant string': [assistant('str')],
  'assistant twice': [assistant([text('t')]), assistant([text('u')])],
  refusal: [assistant([{ type: 'refusal', refusal: 'r', providerData: DATA }])],
  'text and refusal': [assistant([text('t'), { type: 'refusal', refusal: 'r' }])],
  'earlier audio': [
    assistant([text('t'), { type: 'audio', audio: 'AA', providerData: { id: 'au', transcript: 't' } }]),
  ],
  calls: [user('x'), call('c1'), call('c2'), result('c1'), result('c2')],
  'text and call': [user('x'), assistant([text('t')]), call('c1'), result('c1'), user('y')],
  'text after call': [call('c1'), assistant([text('t')]), result('c1')],
  'call after call': [call('c1'), result('c1'), call('c2'), result('c2')],
  'two texts with calls': [
    assistant([text('t')]),
    call('c'),
    assistant([text('u')]),
    call('d'),
    result('c'),
    result('d'),
  ],
  'user between call and result': [call('c1'), user('x'), result('c1')],
  'call with function data': [
    call('c1', { providerData: { type: 'function', function: { name: 'f', arguments: '{}' } } }),
    result('c1'),
  ],
  'result data': [result('c1', 'x', { providerData: GREEDY })],
  'direct caller': [call('c', { caller: { type: 'direct' } })],
  'program caller': [call('c', { caller: { type: 'program', callerId: 'p' } })],
  namespace: [call('c', { namespace: 'n' })],
  'result text part': [result('c', { type: 'text', text: 't', providerData: DATA })],
  'result image': [result('c', { type: 'image', image: 'https://i' })],
  'result file': [result('c', { type: 'file', file: 'https://i' })],
  'result list': [
    result('c', [
      { type: 'input_text', text: 'a' },
      { type: 'input_text', text: 'b' },
    ]),
  ],
  'result mixed list': [
    result('c', [
      { type: 'input_text', text: 'a' },
      { type: 'input_image', image: 'https://i' },
    ]),
  ],
  'result list of files': [result('c', [{ type: 'input_file', file: { id: 'x' } }])],
  'result empty': [result('c', '')],
  'result empty list': [result('c', [])],
  'result of another form': [result('c', { weird: 1 })],
  'thought and text': [user('x'), thought(), assistant([text('t')])],
  'thought and call': [user('x'), thought(), call('c1'), result('c1')],
  'thought, text, call': [
    thought({ content: [{ type: 'input_text', text: 'sum' }] }),
    assistant([text('t')]),
    call('c'),
    result('c'),
  ],
  'summary only': [
    thought({ content: [{ type: 'input_text', text: 'sum' }], rawContent: undefined }),
    call('c1'),
    result('c1'),
  ],
  'thought without text': [thought({ rawContent: [] }), assistant([text('t')])],
  'thought alone': [thought()],
  'thought before the user': [thought(), user('x')],
  thoughts: [thought(), thought(), call('c'), result('c')],
  'thought in two parts': [
    thought({
      rawContent: [
        { type: 'reasoning_text', text: 'a' },
        { type: 'reasoning_text', text: 'b' },
      ],
    }),
    call('c'),
  ],
  'thought after call': [call('c'), thought(), result('c')],
  'thought in the second round': [call('c1'), result('c1'), thought(), call('c2'), result('c2')],
  'unknown message': [{ type: 'unknown', providerData: { role: 'developer', content: 'q' } }],
  'web search': [
    {
      type: 'hosted_tool_call',
      id: 'w',
      name: 'web_search_call',
      status: 'completed',
      providerData: { type: 'web_search_call' },
    },
  ],
  compaction: [{ type: 'compaction', encrypted_content: 'e' }],
  'computer call': [{ type: 'computer_call', callId: 'c', status: 'completed', action: { type: 'screenshot' } }],
  'shell call': [{ type: 'shell_call', callId: 'c', action: { commands: [] } }],
  'tool search': [{ type: 'tool_search_call', arguments: {} }],
  program: [{ type: 'program', callId: 'c', code: '', fingerprint: '' }],
  nonsense: [{ type: 'zzz' }],
};
