/** Checks a Responses request as the vendor does. */
import { callId, isObject, list, object, oneOf, onlyKnown, optional, Problem, text, type Json } from './problem.ts';
import { functionDefinition, objects, outputSchema, toolChoice, toolName, uniqueNames } from './tools.ts';

const KNOWN = new Set([
  'background',
  'context_management',
  'conversation',
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'model',
  'moderation',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
]);

/** Calls, the item that answers them, and what the vendor says when it is missing. */
const PAIRS: Record<string, { answer: string; noun: string }> = {
  function_call: { answer: 'function_call_output', noun: 'function call' },
  computer_call: { answer: 'computer_call_output', noun: 'computer call' },
  shell_call: { answer: 'shell_call_output', noun: 'shell call' },
  apply_patch_call: { answer: 'apply_patch_call_output', noun: 'apply patch call' },
  custom_tool_call: { answer: 'custom_tool_call_output', noun: 'custom tool call' },
  local_shell_call: { answer: 'local_shell_call_output', noun: 'local shell call' },
};
const ANSWERS = new Map(Object.entries(PAIRS).map(([call, { answer, noun }]) => [answer, { call, noun }]));
/** Items that the checks read no further. */
const OTHER_ITEMS = new Set([
  'item_reference',
  'compaction',
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'mcp_call',
  'mcp_list_tools',
  'mcp_approval_request',
  'mcp_approval_response',
  'tool_search_call',
  'tool_search_output',
  'program',
  'program_output',
]);
const ID_PREFIX: Record<string, string> = { message: 'msg', function_call: 'fc', reasoning: 'rs' };

/** @throws Problem */
export function checkResponsesRequest(body: Json): void {
  onlyKnown(body, KNOWN);
  if (body['prompt'] === undefined) text(body['model'], 'model');
  optional(body, {
    instructions: 'string',
    temperature: 'number',
    top_p: 'number',
    max_output_tokens: 'number',
    stream: 'boolean',
    store: 'boolean',
    parallel_tool_calls: 'boolean',
    metadata: 'object',
    previous_response_id: 'string',
    reasoning: 'object',
    text: 'object',
    truncation: 'string',
    include: 'array',
    prompt: 'object',
  });
  if (body['conversation'] && body['previous_response_id']) {
    throw new Problem(
      'conversation',
      "Mutually exclusive parameters: 'conversation' and 'previous_response_id'.",
      'mutually_exclusive_parameters',
    );
  }
  const { functions, hosted } = checkTools(body['tools']);
  // A stored prompt may bring tools that the request does not show.
  if (body['prompt'] === undefined) toolChoice(body['tool_choice'], functions, hosted);
  const format = isObject(body['text']) ? body['text']['format'] : undefined;
  if (isObject(format) && format['type'] === 'json_schema') outputSchema(format, 'text.format');
  checkInput(body);
}

function checkTools(tools: unknown): { functions: string[]; hosted: string[] } {
  const functions: string[] = [];
  const hosted: string[] = [];
  if (tools === undefined || tools === null) return { functions, hosted };
  objects(tools, 'tools', { empty: true }).forEach((tool, at) => {
    const type = text(tool['type'], `tools[${at}].type`);
    if (type === 'function') functions.push(functionDefinition(tool, `tools[${at}]`));
    else if (type === 'namespace') {
      const space = toolName(tool['name'], `tools[${at}].name`);
      objects(tool['tools'], `tools[${at}].tools`).forEach((inner, i) => {
        functions.push(`${space}.${functionDefinition(inner, `tools[${at}].tools[${i}]`)}`);
      });
    } else hosted.push(type);
    if (type === 'file_search') list(tool['vector_store_ids'], `tools[${at}].vector_store_ids`);
    if (type === 'mcp') text(tool['server_label'], `tools[${at}].server_label`);
    if (type === 'code_interpreter' && tool['container'] === undefined) {
      throw new Problem(
        `tools[${at}].container`,
        `Missing required parameter: 'tools[${at}].container'.`,
        'missing_required_parameter',
      );
    }
  });
  uniqueNames(functions, 'tools');
  return { functions, hosted };
}

function checkInput(body: Json): void {
  const { input } = body;
  // The server knows the rest of these conversations, so that a call may be there and not here.
  const stateful = Boolean(body['previous_response_id'] ?? body['conversation']);
  if (input === undefined && (stateful || body['prompt'] !== undefined)) return;
  if (typeof input === 'string') {
    text(input, 'input');
    return;
  }
  checkResponsesItems(objects(input, 'input', { empty: stateful || body['prompt'] !== undefined }), { stateful });
}

/**
 * Checks items of an input.
 *
 * @param stateful whether the server may know the call of a result
 * @param open whether a call may be without its result
 * @throws Problem
 */
export function checkResponsesItems(
  items: readonly Json[],
  { stateful, open: mayBeOpen = false }: { stateful: boolean; open?: boolean },
): void {
  const open = new Map<string, string>();
  const ids = new Set<string>();
  items.forEach((item, at) => {
    const param = `input[${at}]`;
    const type =
      item['type'] === undefined && item['role'] !== undefined ? 'message' : text(item['type'], `${param}.type`);
    checkId(item['id'], type, { param, ids });
    const answered = ANSWERS.get(type);
    if (answered) answer(item, answered, { param, open, stateful });
    else if (type in PAIRS) call(item, type, { param, open });
    else if (type === 'message') message(item, param);
    else if (type === 'reasoning') reasoning(item, param, mayBeOpen ? item : items[at + 1]);
    else if (!OTHER_ITEMS.has(type)) throw new Problem(`${param}.type`, `Invalid value: '${type}'.`);
  });
  for (const [id, type] of mayBeOpen ? [] : open) {
    throw new Problem('input', `No tool output found for ${PAIRS[type]?.noun ?? type} ${id}.`);
  }
}

function checkId(id: unknown, type: string, { param, ids }: { param: string; ids: Set<string> }): void {
  if (id === undefined || id === null) return;
  const said = callId(id, `${param}.id`);
  const prefix = ID_PREFIX[type];
  if (prefix !== undefined && !said.startsWith(prefix)) {
    throw new Problem(`${param}.id`, `Invalid '${param}.id': '${said}'. Expected an ID that begins with '${prefix}'.`);
  }
  if (type !== 'item_reference' && ids.has(said)) {
    throw new Problem(
      'input',
      `Duplicate item found with id ${said}. Remove duplicate items from your input and try again.`,
    );
  }
  ids.add(said);
}

function call(item: Json, type: string, { param, open }: Omit<Pairing, 'stateful'>): void {
  const id = callId(item['call_id'], `${param}.call_id`);
  if (open.has(id)) throw new Problem(`${param}.call_id`, `Duplicate tool call id '${id}'.`);
  open.set(id, type);
  if (type !== 'function_call') return;
  toolName(item['name'], `${param}.name`);
  text(item['arguments'], `${param}.arguments`, { empty: true });
}

type Pairing = { param: string; open: Map<string, string>; stateful: boolean };

function answer(item: Json, { call: callType, noun }: { call: string; noun: string }, at: Pairing): void {
  const id = callId(item['call_id'], `${at.param}.call_id`);
  const known = at.open.get(id);
  if (known === callType) at.open.delete(id);
  else if (!at.stateful) throw new Problem('input', `No tool call found for ${noun} output with call_id ${id}.`);
  if (callType !== 'function_call' || typeof item['output'] === 'string') return;
  parts(item['output'], `${at.param}.output`, ['input_text', 'input_image', 'input_file']);
}

const quoted = (id: unknown): string => `'${typeof id === 'string' ? id : JSON.stringify(id)}'`;

function reasoning(item: Json, param: string, next: Json | undefined): void {
  objects(item['summary'], `${param}.summary`, { empty: true });
  if (item['id'] === undefined || next) return;
  throw new Problem(
    'input',
    `Item ${quoted(item['id'])} of type 'reasoning' was provided without its required following item.`,
  );
}

function message(item: Json, param: string): void {
  const role = oneOf(item['role'], `${param}.role`, ['user', 'assistant', 'system', 'developer']);
  const { content } = item;
  if (typeof content === 'string') text(content, `${param}.content`);
  else
    parts(
      content,
      `${param}.content`,
      role === 'assistant' ? ['output_text', 'refusal'] : ['input_text', 'input_image', 'input_file'],
    );
}

function parts(content: unknown, param: string, allowed: readonly string[]): void {
  objects(content, param).forEach((part, at) => {
    const inner = `${param}[${at}]`;
    const type = oneOf(part['type'], `${inner}.type`, allowed);
    if (type === 'input_text' || type === 'output_text')
      text(part['text'], `${inner}.text`, { empty: type === 'output_text' });
    if (type === 'refusal') text(part['refusal'], `${inner}.refusal`);
    const sources =
      type === 'input_image'
        ? ['image_url', 'file_id']
        : type === 'input_file'
          ? ['file_id', 'file_url', 'file_data']
          : [];
    if (sources.length === 0) return;
    const given = sources.find((source) => part[source] !== undefined && part[source] !== null);
    if (given === undefined)
      throw new Problem(inner, `Missing required parameter: '${inner}.${sources[0]}'.`, 'missing_required_parameter');
    text(object(part, inner)[given], `${inner}.${given}`);
  });
}
