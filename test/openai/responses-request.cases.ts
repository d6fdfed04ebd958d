/** Requests for the differential test of the Responses adapter. */

const fn = (more: object = {}): object => ({
  type: 'function',
  name: 'f',
  description: 'd',
  parameters: { type: 'object' },
  strict: true,
  ...more,
});
const hosted = (providerData: object, name = 'x'): object => ({ type: 'hosted_tool', name, providerData });
const handoff = { toolName: 't', toolDescription: 'hd', inputJsonSchema: { type: 'object' }, strictJsonSchema: true };
const search = hosted({ type: 'tool_search' }, 'tool_search');
const schema = {
  type: 'json_schema',
  name: 'o',
  strict: true,
  schema: { type: 'object', properties: {}, required: [] },
};
const prompt = { promptId: 'p' };
const choice = (toolChoice: string, ...tools: object[]): object => ({ tools, modelSettings: { toolChoice } });
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
    reasoning: { effort: 'low', summary: 'auto', context: 'auto', mode: 'pro' },
    contextManagement: [
      { type: 'compaction', compactThreshold: 5, foo: 1 },
      { type: 'compaction', compact_threshold: 6, compactThreshold: 7 },
    ],
  }),
  'provider data on top': settings({
    temperature: 0.5,
    text: { verbosity: 'low' },
    reasoning: { effort: 'low', summary: 'auto' },
    providerData: {
      metadata: { a: 1 },
      temperature: 1,
      reasoning: { effort: 'high' },
      text: { x: 1 },
      include: ['z'],
      fooBar: 1,
    },
  }),
  'provider data over all': {
    tools: [fn()],
    ...settings({
      toolChoice: 'f',
      providerData: { tool_choice: 'auto', tools: [1], model: 'mm', parallel_tool_calls: 1, stream: 'y', input: 'zz' },
    }),
  },
  'provider data reasoning only': settings({ providerData: { reasoning: { effort: 'x' } } }),
  'reasoning empty': settings({ reasoning: {} }),
  'reasoning null': settings({ reasoning: { effort: null } }),
  'text empty': settings({ text: {} }),
  'transport extras': settings({
    providerData: { extra_headers: { a: 'b' }, extra_query: { q: 1 }, extra_body: { b: 1 }, timeout: 5 },
  }),
  'transport extras camel': settings({
    providerData: { extraHeaders: { c: 'd' }, extraQuery: { z: 2 }, extraBody: { e: 1 } },
  }),
  'previous response': { previousResponseId: 'r0' },
  conversation: { conversationId: 'c0' },
  'conversation and previous response': { previousResponseId: 'r0', conversationId: 'c0' },
  schema: { outputType: schema, ...settings({ text: { verbosity: 'high' } }) },
  'schema over text format': {
    outputType: schema,
    ...settings({ providerData: { text: { format: { type: 'text' } } } }),
  },
  prompt: {
    prompt: {
      ...prompt,
      version: '2',
      variables: {
        a: 'x',
        b: { type: 'input_text', text: 't' },
        c: { type: 'input_image', image: 'http://i', detail: 'low' },
        d: { type: 'input_file', file: { id: 'f1' } },
      },
    },
  },
  'prompt over model': { prompt, overridePromptModel: true, toolsExplicitlyProvided: true },
  'prompt with tools': { prompt, toolsExplicitlyProvided: true, tools: [fn()], ...settings({ toolChoice: 'zz' }) },
  'prompt with choice': { prompt, ...settings({ toolChoice: 'required', parallelToolCalls: true }) },
  'prompt with hosted choice': { prompt, ...settings({ toolChoice: 'web_search' }) },
  'prompt with function choice': { prompt, ...settings({ toolChoice: 'zz' }) },
  function: {
    tools: [fn({ providerData: { zz: 1, name: 'q' } })],
    handoffs: [handoff],
    ...settings({ parallelToolCalls: false }),
  },
  'function deferred': { tools: [fn({ deferLoading: true }), search] },
  'function deferred without search': { tools: [fn({ deferLoading: true })] },
  'function not deferred': { tools: [fn({ deferLoading: false })] },
  'function callers and output schema': {
    tools: [fn({ allowedCallers: ['direct'], outputSchema: { type: 'string' } })],
  },
  'function programmatic only': { tools: [fn({ allowedCallers: ['programmatic'] })] },
  'function programmatic': {
    tools: [fn({ allowedCallers: ['direct', 'programmatic'] }), hosted({ type: 'programmatic_tool_calling' })],
  },
  'programmatic without functions': { tools: [hosted({ type: 'programmatic_tool_calling' })] },
  namespaces: {
    tools: [
      fn({ namespace: 'n', namespaceDescription: 'nd' }),
      fn({ name: 'z' }),
      fn({ name: 'g', namespace: 'n', namespaceDescription: 'nd' }),
    ],
  },
  'namespace deferred': { tools: [fn({ namespace: 'n', namespaceDescription: 'nd', deferLoading: true }), search] },
  'namespace undescribed': { tools: [fn({ namespace: 'n' })] },
  'namespace described twice': {
    tools: [
      fn({ namespace: 'n', namespaceDescription: 'a' }),
      fn({ name: 'g', namespace: 'n', namespaceDescription: 'b' }),
    ],
  },
  'same name twice': { tools: [fn(), fn(), fn({ name: 't' })], handoffs: [handoff] },
  'tool search on the client': {
    tools: [
      hosted({ type: 'tool_search', name: 'tool_search', execution: 'client', description: 'd', parameters: { a: 1 } }),
      fn({ deferLoading: true }),
    ],
  },
  'web search': {
    tools: [hosted({ type: 'web_search', name: 'web_search', search_context_size: 'low', external_web_access: false })],
  },
  'web search images': {
    tools: [
      hosted({
        type: 'web_search',
        user_location: null,
        search_content_types: ['image'],
        image_settings: { max_results: 1 },
      }),
    ],
  },
  'web search text': { tools: [hosted({ type: 'web_search', search_content_types: ['text'] })] },
  'file search results': {
    tools: [hosted({ type: 'file_search', name: 'n', vector_store_ids: ['v'], include_search_results: true })],
  },
  'file search results and include': {
    tools: [hosted({ type: 'file_search', vector_store_ids: ['v'], include_search_results: true })],
    ...settings({ providerData: { include: ['a'] } }),
  },
  'code interpreter outputs': {
    tools: [hosted({ type: 'code_interpreter', name: 'q', container: 'c', include_outputs: true })],
  },
  'image generation': { tools: [hosted({ type: 'image_generation', name: 'image_generation', quality: 'low' })] },
  mcp: { tools: [hosted({ type: 'mcp', server_label: 's', server_url: 'u' })] },
  'mcp full': {
    tools: [
      hosted({
        type: 'mcp',
        server_label: 'L',
        connector_id: 'c',
        authorization: 'a',
        headers: { x: 'y' },
        allowed_tools: { tool_names: ['a'] },
        server_description: 'd',
        require_approval: { always: { tool_names: ['a'] } },
        defer_loading: true,
      }),
      search,
    ],
  },
  'hosted unknown': { tools: [hosted({ type: 'weird', a: 1 })] },
  'hosted without data': { tools: [{ type: 'hosted_tool', name: 'x' }] },
  'choose auto': choice('auto'),
  'choose none': choice('none', fn()),
  'choose required': choice('required', fn()),
  'choose required of nothing': choice('required'),
  'choose a handoff': { handoffs: [handoff], ...settings({ toolChoice: 't' }) },
  'choose web search': choice('web_search', hosted({ type: 'web_search' })),
  'choose web search preview': choice('web_search_preview', hosted({ type: 'web_search_preview' })),
  'choose absent web search': choice('web_search', fn()),
  'choose web search before a function of the name': choice(
    'web_search',
    fn({ name: 'web_search' }),
    hosted({ type: 'web_search' }),
  ),
  'choose file search': choice('file_search', hosted({ type: 'file_search', vector_store_ids: [] })),
  'choose code interpreter': choice('code_interpreter', hosted({ type: 'code_interpreter', container: 'c' })),
  'choose image generation': choice('image_generation', hosted({ type: 'image_generation' })),
  'choose mcp': choice('mcp', hosted({ type: 'mcp', server_label: 'L' })),
  'choose an mcp label': choice('L', hosted({ type: 'mcp', server_label: 'L' })),
  'choose a hosted name': choice('mysearch', hosted({ type: 'web_search' }, 'mysearch')),
  'choose tool search': choice('tool_search', search),
  'choose a function named tool_search': choice('tool_search', fn({ name: 'tool_search' })),
  'choose a namespaced function': choice('n.f', fn({ namespace: 'n', namespaceDescription: 'x' })),
  'choose a namespaced function by its name': choice('f', fn({ namespace: 'n', namespaceDescription: 'x' })),
  'choose a deferred function': choice('f', fn({ deferLoading: true }), search),
  'choose nobody': choice('zz', fn()),
  'choose the empty name': choice('', fn()),
};
