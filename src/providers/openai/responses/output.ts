/** What the Responses API answered, as conversation items. */
import type {
  AgentOutputItem,
  ApplyPatchOperation,
  AssistantContent,
  ComputerAction,
  FunctionCallResultItem,
  ItemStatus,
  ProviderData,
  ShellCallOutputContent,
  ToolCaller,
} from '../../../protocol/items.ts';
import { isObject, isString, omit, type Json } from '../json.ts';

const text = (value: unknown): string => (isString(value) ? value : '');

/** An object with the members of `known`, those that are `undefined` left out. */
function known<T extends object>(members: T): T {
  for (const key of Object.keys(members)) if ((members as Json)[key] === undefined) delete (members as Json)[key];
  return members;
}

function rest(item: Json, ...taken: string[]): ProviderData {
  return omit(item, new Set(taken));
}

function callerOf(item: Json): ToolCaller | undefined {
  const caller = item['caller'];
  if (!isObject(caller)) return undefined;
  return caller['type'] === 'program' ? { type: 'program', callerId: text(caller['caller_id']) } : { type: 'direct' };
}

const statusOf = (item: Json): ItemStatus | undefined => item['status'] as ItemStatus | undefined;
const idOf = (item: Json): { id?: string } => (isString(item['id']) ? { id: item['id'] } : {});

/** The output of a response. An item of an unknown type is kept whole as `unknown`. */
export function toOutput(output: unknown): AgentOutputItem[] {
  return Array.isArray(output) ? output.filter(isObject).map(toOutputItem) : [];
}

/** One output item of a response as a conversation item. */
export function toOutputItem(item: Json): AgentOutputItem {
  switch (item['type']) {
    case 'message':
      return message(item);
    case 'function_call':
      return known({
        type: 'function_call' as const,
        ...idOf(item),
        callId: text(item['call_id']),
        name: text(item['name']),
        namespace: item['namespace'] as string | undefined,
        status: statusOf(item),
        arguments: text(item['arguments']),
        caller: callerOf(item),
        providerData: rest(item, 'call_id', 'name', 'namespace', 'arguments', 'status', 'caller'),
      });
    case 'reasoning':
      return reasoning(item);
    case 'function_call_output':
      return functionResult(item);
    case 'compaction':
      return known({
        type: 'compaction' as const,
        ...idOf(item),
        encrypted_content: text(item['encrypted_content']),
        created_by: item['created_by'] as string | undefined,
        providerData: rest(item, 'encrypted_content', 'created_by'),
      });
    case 'tool_search_call':
    case 'tool_search_output':
      return toolSearch(item, item['type']);
    case 'program':
      return {
        type: 'program',
        ...idOf(item),
        callId: text(item['call_id']),
        code: text(item['code']),
        fingerprint: text(item['fingerprint']),
        providerData: rest(item, 'type', 'id', 'call_id', 'code', 'fingerprint'),
      };
    case 'program_output':
      return {
        type: 'program_output',
        ...idOf(item),
        callId: text(item['call_id']),
        output: text(item['result']),
        status: item['status'] === 'incomplete' ? 'incomplete' : 'completed',
        providerData: rest(item, 'type', 'id', 'call_id', 'result', 'status'),
      };
    default:
      return hostedCall(item) ?? machineItem(item) ?? { type: 'unknown', ...idOf(item), providerData: { ...item } };
  }
}

function reasoning(item: Json): AgentOutputItem {
  const content = list(item['summary']).map((part) => ({
    type: 'input_text' as const,
    text: text(part['text']),
    providerData: rest(part, 'text'),
  }));
  return { type: 'reasoning', ...idOf(item), content, providerData: rest(item, 'summary') };
}

const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

function message(item: Json): AgentOutputItem {
  const { phase } = item;
  return known({
    ...idOf(item),
    type: 'message' as const,
    role: 'assistant' as const,
    content: list(item['content']).map(contentPart),
    status: statusOf(item) ?? 'completed',
    phase: phase === 'commentary' || phase === 'final_answer' ? phase : undefined,
    // A phase of null says nothing, and would be refused when sent back.
    providerData: rest(item, 'id', 'type', 'role', 'content', 'status', ...(phase === null ? ['phase'] : [])),
  });
}

function contentPart(part: Json): AssistantContent {
  if (part['type'] === 'refusal') return withRest({ type: 'refusal', refusal: text(part['refusal']) }, part, 'refusal');
  // An unknown kind of part keeps its text, if it has one; the rest of it rides along.
  return withRest({ type: 'output_text', text: text(part['text']) }, part, 'text');
}

function withRest<T extends AssistantContent>(content: T, part: Json, taken: string): T {
  const providerData = rest(part, 'type', taken);
  return Object.keys(providerData).length > 0 ? { ...content, providerData } : content;
}

const HOSTED = new Set([
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'mcp_list_tools',
  'mcp_approval_request',
]);

function hostedCall(item: Json): AgentOutputItem | undefined {
  const name = text(item['type']);
  const status = text(item['status']) || 'completed';
  if (HOSTED.has(name))
    return { type: 'hosted_tool_call', ...idOf(item), name, status, providerData: rest(item, 'status') };
  const [outputKey, taken] = name === 'mcp_call' ? ['output', []] : ['result', ['status']];
  if (name !== 'mcp_call' && name !== 'image_generation_call') return undefined;
  const output = item[outputKey];
  // Where there is no output yet, the provider data says so, as the wire did.
  const keep = name === 'image_generation_call' && !isString(output);
  return known({
    type: 'hosted_tool_call' as const,
    ...idOf(item),
    name,
    status,
    output: isString(output) ? output : undefined,
    providerData: rest(item, ...taken, ...(keep ? [] : [outputKey])),
  });
}

/** Computer, shell and patch calls, which run on the user's machine. */
function machineItem(item: Json): AgentOutputItem | undefined {
  const shared = { ...idOf(item), callId: text(item['call_id']) };
  const caller = callerOf(item);
  switch (item['type']) {
    case 'computer_call':
      return computerCall(item);
    case 'shell_call': {
      const action = isObject(item['action']) ? item['action'] : {};
      return known({
        type: 'shell_call' as const,
        ...shared,
        status: statusOf(item) ?? 'in_progress',
        action: known({
          commands: (action['commands'] ?? []) as string[],
          timeoutMs: (action['timeout_ms'] ?? undefined) as number | undefined,
          maxOutputLength: (action['max_output_length'] ?? undefined) as number | undefined,
        }),
        caller,
        providerData: rest(item, 'call_id', 'status', 'action', 'caller'),
      });
    }
    case 'shell_call_output':
      return known({
        type: 'shell_call_output' as const,
        ...shared,
        output: list(item['output']).map(shellOutput),
        status: statusOf(item),
        maxOutputLength: (item['max_output_length'] ?? undefined) as number | undefined,
        caller,
        providerData: rest(item, 'call_id', 'status', 'output', 'max_output_length', 'caller'),
      });
    case 'apply_patch_call':
      return known({
        type: 'apply_patch_call' as const,
        ...shared,
        status: item['status'] === 'in_progress' ? ('in_progress' as const) : ('completed' as const),
        operation: patchOperation(item['operation']),
        caller,
        providerData: rest(item, 'call_id', 'status', 'operation', 'caller'),
      });
    case 'apply_patch_call_output':
      return known({
        type: 'apply_patch_call_output' as const,
        ...shared,
        status: item['status'] === 'failed' ? ('failed' as const) : ('completed' as const),
        output: isString(item['output']) ? item['output'] : undefined,
        caller,
        providerData: rest(item, 'call_id', 'status', 'output', 'caller'),
      });
    default:
      return undefined;
  }
}

function computerCall(item: Json): AgentOutputItem {
  const actions = list(item['actions']) as ComputerAction[];
  return known({
    type: 'computer_call' as const,
    ...idOf(item),
    callId: text(item['call_id']),
    status: statusOf(item) ?? 'completed',
    action: (item['action'] ?? actions[0]) as ComputerAction | undefined,
    actions: actions.length > 0 ? actions : undefined,
    providerData: rest(item, 'call_id', 'status', 'action', 'actions'),
  });
}

function shellOutput(part: Json): ShellCallOutputContent {
  const outcome = isObject(part['outcome']) ? part['outcome'] : {};
  const exitCode = typeof outcome['exit_code'] === 'number' ? outcome['exit_code'] : null;
  return {
    stdout: text(part['stdout']),
    stderr: text(part['stderr']),
    outcome: outcome['type'] === 'exit' ? { type: 'exit', exitCode } : { type: 'timeout' },
  };
}

function patchOperation(operation: unknown): ApplyPatchOperation {
  const { move_to: moveTo, ...wire } = isObject(operation) ? operation : {};
  return { ...wire, ...(moveTo !== undefined && moveTo !== null && { moveTo }) } as ApplyPatchOperation;
}

function toolSearch(item: Json, type: 'tool_search_call' | 'tool_search_output'): AgentOutputItem {
  const status = item['status'] as string | undefined;
  const shared = { ...idOf(item), ...(status !== undefined && { status }) };
  return type === 'tool_search_call'
    ? { type, ...shared, arguments: item['arguments'], providerData: rest(item, 'type', 'id', 'status', 'arguments') }
    : {
        type,
        ...shared,
        tools: list(item['tools']).map(toolDefinition),
        providerData: rest(item, 'type', 'id', 'status', 'tools'),
      };
}

/** A found tool's own keys in camel case; its schemas are the user's and stay as they are. */
function toolDefinition(tool: Json): Json {
  const found: Json = {};
  for (const [key, value] of Object.entries(tool)) {
    const nested = key === 'tools' && Array.isArray(value);
    found[key.replace(/_([a-z])/g, (_m, c: string) => c.toUpperCase())] = nested
      ? list(value).map(toolDefinition)
      : value;
  }
  return found;
}

function functionResult(item: Json): AgentOutputItem {
  const callId = text(item['call_id']);
  return known({
    type: 'function_call_result' as const,
    ...idOf(item),
    callId,
    name: text(item['name'] ?? item['function_name'] ?? callId),
    namespace: item['namespace'] as string | undefined,
    status: statusOf(item) ?? 'completed',
    output: isString(item['output']) ? item['output'] : list(item['output']).map(resultPart),
    caller: callerOf(item),
    providerData: rest(item, 'call_id', 'name', 'function_name', 'namespace', 'status', 'output', 'caller'),
  });
}

type ResultPart = Extract<FunctionCallResultItem['output'], unknown[]>[number];

function resultPart(part: Json): ResultPart {
  const { file_id: fileId, filename } = part;
  if (part['type'] === 'input_image') {
    const image = isString(fileId) ? { id: fileId } : (part['image_url'] as string | undefined);
    return known({ type: 'input_image' as const, image, detail: part['detail'] as string | undefined });
  }
  if (part['type'] === 'input_file') {
    const { file_url: url, file_data: data } = part;
    const file = isString(fileId) ? { id: fileId } : isString(url) ? { url } : (data as string | undefined);
    return known({ type: 'input_file' as const, file, filename: filename as string | undefined });
  }
  return { type: 'input_text', text: text(part['text']) };
}
