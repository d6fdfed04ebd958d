/** Answers of the Responses API for the differential test: one output item each, and whole streams. */
import { response } from './recorder.ts';

const message = (content: object[], more: object = {}): object => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content,
  ...more,
});
const program = { type: 'program', caller_id: 'p' };

export const OUTPUTS: Record<string, object> = {
  text: message([{ type: 'output_text', text: 't', annotations: [], logprobs: [] }]),
  'text and refusal': message(
    [
      { type: 'output_text', text: 't', annotations: [{ type: 'url_citation', url: 'u' }] },
      { type: 'refusal', refusal: 'r', foo: 1 },
    ],
    { phase: 'final_answer', extra: 1 },
  ),
  'no content': message([]),
  incomplete: message([{ type: 'output_text', text: '' }], { status: 'incomplete' }),
  'null phase': message([{ type: 'output_text', text: 'x' }], { phase: null }),
  call: { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', arguments: '{}', status: 'completed' },
  'call full': {
    type: 'function_call',
    id: 'fc_1',
    call_id: 'c1',
    name: 'f',
    arguments: '{}',
    namespace: 'ns',
    caller: program,
    extra: 1,
  },
  'call bare': {
    type: 'function_call',
    call_id: 'c1',
    name: 'f',
    arguments: '',
    status: 'in_progress',
    caller: { type: 'direct' },
  },
  reasoning: {
    type: 'reasoning',
    id: 'rs',
    summary: [{ type: 'summary_text', text: 's', z: 1 }],
    encrypted_content: 'E',
    status: 'completed',
  },
  'reasoning open': {
    type: 'reasoning',
    id: 'rs',
    summary: [],
    content: [{ type: 'reasoning_text', text: 'raw', q: 1 }],
  },
  'web search': {
    type: 'web_search_call',
    id: 'ws',
    status: 'completed',
    action: { type: 'search', query: 'q' },
    results: [{ a: 1 }],
  },
  'file search': { type: 'file_search_call', id: 'fs', status: 'completed', queries: ['q'], results: [{ a: 1 }] },
  'code interpreter': {
    type: 'code_interpreter_call',
    id: 'ci',
    status: 'completed',
    code: null,
    container_id: 'k',
    outputs: null,
  },
  image: { type: 'image_generation_call', id: 'ig', status: 'completed', result: 'b64', revised_prompt: 'x' },
  'image pending': { type: 'image_generation_call', id: 'ig', status: 'generating', result: null },
  'mcp call': {
    type: 'mcp_call',
    id: 'm',
    name: 'n',
    arguments: '{}',
    server_label: 's',
    output: 'o',
    error: null,
    status: 'completed',
    approval_request_id: 'ap',
  },
  'mcp list': { type: 'mcp_list_tools', id: 'l', server_label: 's', tools: [{ a: 1 }], error: 'e' },
  'mcp request': { type: 'mcp_approval_request', id: 'r', name: 'n', arguments: '{}', server_label: 's' },
  'mcp response': { type: 'mcp_approval_response', id: 'x', approve: true, approval_request_id: 'r' },
  'computer action': {
    type: 'computer_call',
    id: 'cu',
    call_id: 'c1',
    status: 'completed',
    action: { type: 'click', x: 1, y: 2, button: 'left' },
    pending_safety_checks: [{ id: '1' }],
  },
  'computer actions': {
    type: 'computer_call',
    id: 'cu',
    call_id: 'c1',
    status: 'completed',
    actions: [{ type: 'screenshot' }],
    pending_safety_checks: [],
  },
  'shell call': {
    type: 'shell_call',
    id: 's',
    call_id: 'c1',
    status: 'completed',
    action: { commands: ['ls'], timeout_ms: 4, max_output_length: 5 },
    environment: { type: 'local' },
  },
  'shell call nulls': {
    type: 'shell_call',
    id: 's',
    call_id: 'c1',
    status: 'in_progress',
    action: { commands: ['ls'], timeout_ms: null, max_output_length: null },
    caller: program,
  },
  'shell output': {
    type: 'shell_call_output',
    id: 'so',
    call_id: 'c1',
    output: [
      { stdout: 'a', stderr: 'b', outcome: { type: 'exit', exit_code: 1 }, created_by: 'q' },
      { stdout: '', stderr: '', outcome: { type: 'timeout' } },
    ],
    max_output_length: 5,
    status: 'completed',
  },
  patch: {
    type: 'apply_patch_call',
    id: 'a',
    call_id: 'c1',
    status: 'completed',
    operation: { type: 'update_file', path: 'p', diff: 'd', move_to: 'q' },
    created_by: 'z',
  },
  'patch delete': {
    type: 'apply_patch_call',
    id: 'a',
    call_id: 'c1',
    status: 'in_progress',
    operation: { type: 'delete_file', path: 'p' },
  },
  'patch output': { type: 'apply_patch_call_output', id: 'ao', call_id: 'c1', status: 'failed', output: null },
  'tool search': {
    type: 'tool_search_call',
    id: 'ts',
    call_id: null,
    execution: 'server',
    arguments: { paths: ['a'] },
    status: 'completed',
    created_by: 'x',
  },
  'tool search output': {
    type: 'tool_search_output',
    id: 'tso',
    call_id: 'c',
    execution: 'client',
    tools: [
      {
        type: 'namespace',
        name: 'n',
        tools: [{ type: 'function', name: 'f', defer_loading: true, output_schema: {}, parameters: { a_b: 1 } }],
      },
    ],
    status: 'completed',
  },
  compaction: { type: 'compaction', id: 'cmp', encrypted_content: 'E', created_by: 'x', extra: 1 },
  program: { type: 'program', id: 'p', call_id: 'c', code: 'x', fingerprint: 'f' },
  'program output': { type: 'program_output', id: 'po', call_id: 'c', result: 'x', status: 'completed' },
  'local shell': {
    type: 'local_shell_call',
    id: 'ls',
    call_id: 'c',
    action: { type: 'exec', command: ['ls'] },
    status: 'completed',
  },
  'custom call': { type: 'custom_tool_call', id: 'ct', call_id: 'c', name: 'n', input: 'i' },
  result: { type: 'function_call_output', id: 'fo', call_id: 'c', output: 'x', name: 'f' },
  'result list': {
    type: 'function_call_output',
    id: 'fo',
    call_id: 'c',
    status: 'completed',
    function_name: 'g',
    namespace: 'ns',
    caller: program,
    output: [
      { type: 'input_text', text: 't' },
      { type: 'input_image', image_url: 'u', detail: 'low' },
      { type: 'input_image', file_id: 'u' },
      { type: 'input_file', file_id: 'f' },
      { type: 'input_file', file_url: 'f', filename: 'n' },
      { type: 'input_file', file_data: 'data:x', filename: 'n' },
    ],
  },
  'result bare': { type: 'function_call_output', call_id: 'c', output: 'x' },
  unknown: { type: 'foo', id: 'x', a: 1 },
};

const done = message([{ type: 'output_text', text: 'Hi', annotations: [] }]);
const created = {
  type: 'response.created',
  sequence_number: 0,
  response: response([], { status: 'in_progress', usage: null }),
};
const delta = {
  type: 'response.output_text.delta',
  item_id: 'm1',
  output_index: 0,
  content_index: 0,
  delta: 'H',
  sequence_number: 3,
  logprobs: [],
};

export const STREAMS: Record<string, object[]> = {
  text: [
    created,
    { type: 'response.in_progress', response: {} },
    delta,
    { type: 'response.output_item.done', item: done },
    { type: 'response.completed', sequence_number: 9, response: response([done]) },
  ],
  'delta without an item': [
    created,
    { type: 'response.output_text.delta', delta: 'i' },
    { type: 'response.completed', response: response([done]) },
  ],
  'no created': [delta, { type: 'response.completed', response: response([done]) }],
  'no request id': [created, { type: 'response.completed', response: response([done], { _request_id: undefined }) }],
  'events after the end': [
    created,
    { type: 'response.completed', response: response([done]) },
    { type: 'response.foo' },
  ],
  'tool call': [
    created,
    { type: 'response.function_call_arguments.delta', delta: '{' },
    { type: 'response.completed', response: response([OUTPUTS['call'] ?? {}]) },
  ],
  failed: [
    created,
    {
      type: 'response.failed',
      response: response([], { status: 'failed', error: { code: 'server_error', message: 'boom' } }),
    },
  ],
  incomplete: [
    created,
    delta,
    {
      type: 'response.incomplete',
      response: response([done], { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }),
    },
  ],
  'error event': [
    created,
    { type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null, sequence_number: 1 },
  ],
};

export const RESPONSES: Record<string, object> = {
  'without usage': { usage: undefined },
  'with null usage': { usage: null },
  'with more details': {
    usage: {
      input_tokens: 1,
      output_tokens: 2,
      total_tokens: 3,
      input_tokens_details: { cached_tokens: 1, cache_write_tokens: 3 },
      output_tokens_details: {},
    },
  },
  'without details': { usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } },
  'without a request id': { _request_id: undefined },
  cancelled: { status: 'cancelled' },
  failed: { status: 'failed', error: { code: 'server_error', message: 'boom' } },
  incomplete: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
};
