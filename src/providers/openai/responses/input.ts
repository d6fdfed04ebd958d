/** Conversation items as the Responses API takes them. */
import { UserError } from '../../../protocol/errors.ts';
import type {
  AgentInputItem,
  AssistantMessageItem,
  ComputerUseCallItem,
  HostedToolCallItem,
  ProgramCallItem,
  ProgramCallResultItem,
  ReasoningItem,
  ShellCallItem,
  ShellCallResultItem,
  ToolCaller,
  ToolSearchCallItem,
  ToolSearchOutputItem,
} from '../../../protocol/items.ts';
import { compact, extra, isObject, isString, type Json } from '../json.ts';
import { assistantPart, toolOutput, userPart } from './content.ts';

/** An id that the published SDK wrote where it had none. It names nothing on the server. */
export const FAKE_ID = 'FAKE_ID';

const keys = (...names: string[]): ReadonlySet<string> => new Set(['id', 'created_by', ...names]);

/** What each item decides itself; provider data cannot override it. */
const RESERVED = {
  message: /* @__PURE__ */ keys('role', 'content', 'phase'),
  assistant: /* @__PURE__ */ keys('type', 'role', 'content', 'status', 'phase'),
  functionCall: /* @__PURE__ */ keys('type', 'status', 'call_id', 'name', 'arguments', 'namespace', 'caller'),
  functionResult: /* @__PURE__ */ keys('type', 'status', 'call_id', 'output', 'namespace', 'caller'),
  computerCall: /* @__PURE__ */ keys('type', 'status', 'call_id', 'action', 'actions', 'pending_safety_checks'),
  computerResult: /* @__PURE__ */ keys('type', 'call_id', 'output'),
  reasoning: /* @__PURE__ */ keys('type', 'summary', 'encrypted_content'),
  summary: new Set(['type', 'text']),
  toolSearch: /* @__PURE__ */ keys('type', 'status', 'call_id', 'arguments', 'execution'),
  toolSearchOutput: /* @__PURE__ */ keys('type', 'status', 'call_id', 'tools', 'execution'),
  program: /* @__PURE__ */ keys('type', 'call_id', 'code', 'fingerprint'),
  programOutput: /* @__PURE__ */ keys('type', 'call_id', 'output', 'result', 'status'),
  hosted: /* @__PURE__ */ keys('type', 'status'),
  mcp: new Set(['type', 'created_by']),
};

const idOf = (id: string | undefined): string | undefined => (id === FAKE_ID ? undefined : id);

function wireCaller(caller: ToolCaller | undefined): Json | undefined {
  if (caller === undefined) return undefined;
  return caller.type === 'program' ? { type: 'program', caller_id: caller.callerId } : { type: 'direct' };
}

/** The `input` of a request. */
export function toInput(input: string | AgentInputItem[]): Json[] {
  return isString(input) ? [{ role: 'user', content: input }] : input.map(toInputItem);
}

/** One conversation item as the Responses API takes it. */
export function toInputItem(item: AgentInputItem): Json {
  return compact(inputItem(item));
}

function inputItem(item: AgentInputItem): Json {
  if (isMessage(item)) return message(item);
  const id = idOf(item.id);
  switch (item.type) {
    case 'function_call':
      return {
        type: item.type,
        id,
        call_id: item.callId,
        name: item.name,
        arguments: item.arguments,
        status: item.status,
        namespace: item.namespace,
        caller: wireCaller(item.caller),
        ...extra(item.providerData, RESERVED.functionCall),
      };
    case 'function_call_result':
      return {
        type: 'function_call_output',
        id,
        call_id: item.callId,
        output: toolOutput(item.output, item.callId),
        status: item.status,
        caller: wireCaller(item.caller),
        ...extra(item.providerData, RESERVED.functionResult),
      };
    case 'reasoning':
      return reasoning(item);
    case 'compaction':
      return { type: item.type, id, encrypted_content: item.encrypted_content };
    case 'unknown': {
      // Verbatim, but for the id: where a session took it off the item, the server does not know it either.
      const { id: _id, created_by: _author, ...rest } = item.providerData ?? {};
      return { ...rest, id };
    }
    case 'hosted_tool_call':
      return hostedCall(item);
    case 'tool_search_call':
    case 'tool_search_output':
      return toolSearch(item);
    case 'program':
    case 'program_output':
      return program(item);
    default:
      return machineItem(item);
  }
}

function reasoning({ id, content, providerData }: ReasoningItem): Json {
  const { encrypted_content: encrypted } = extra(providerData);
  const summary = content.map(({ text, providerData: data }) => ({
    type: 'summary_text',
    text,
    ...extra(data, RESERVED.summary),
  }));
  return {
    type: 'reasoning',
    id: idOf(id),
    summary,
    encrypted_content: isString(encrypted) ? encrypted : undefined,
    ...extra(providerData, RESERVED.reasoning),
  };
}

function program(item: ProgramCallItem | ProgramCallResultItem): Json {
  const shared = { type: item.type, id: idOf(item.id), call_id: item.callId };
  return item.type === 'program'
    ? { ...shared, code: item.code, fingerprint: item.fingerprint, ...extra(item.providerData, RESERVED.program) }
    : { ...shared, result: item.output, status: item.status, ...extra(item.providerData, RESERVED.programOutput) };
}

type Message = Extract<AgentInputItem, { role: string }>;

const isMessage = (item: AgentInputItem): item is Message => item.type === undefined || item.type === 'message';

type MachineItem = Extract<
  AgentInputItem,
  { type: `computer_${string}` | `shell_${string}` | `apply_patch_${string}` }
>;

/** Computer, shell and patch calls, which run on the user's machine. */
function machineItem(item: MachineItem): Json {
  const id = idOf(item.id);
  switch (item.type) {
    case 'computer_call':
      return computerCall(item, id);
    case 'computer_call_result':
      return {
        type: 'computer_call_output',
        id,
        call_id: item.callId,
        output: { type: 'computer_screenshot', image_url: item.output.data },
        ...extra(item.providerData, RESERVED.computerResult),
      };
    case 'shell_call':
    case 'shell_call_output':
      return shell(item);
    case 'apply_patch_call':
      return {
        type: item.type,
        id,
        call_id: item.callId,
        status: item.status,
        operation: extra(item.operation),
        caller: wireCaller(item.caller),
      };
    case 'apply_patch_call_output':
      return {
        type: item.type,
        id,
        call_id: item.callId,
        status: item.status,
        output: item.output,
        caller: wireCaller(item.caller),
      };
    default: {
      const { type }: { type?: unknown } = item;
      throw new UserError(
        `The history has an item of the unknown type ${JSON.stringify(type)}. ` +
          `Items from elsewhere go in as { type: 'unknown', providerData }.`,
      );
    }
  }
}

function shell(item: ShellCallItem | ShellCallResultItem): Json {
  const shared = { type: item.type, id: idOf(item.id), call_id: item.callId, caller: wireCaller(item.caller) };
  if (item.type === 'shell_call_output') {
    const output = item.output.map(shellOutput);
    return { ...shared, output, status: item.status, max_output_length: item.maxOutputLength };
  }
  const { commands, timeoutMs = null, maxOutputLength = null } = item.action;
  const environment = item.providerData?.['environment'];
  return {
    ...shared,
    status: item.status ?? 'in_progress',
    action: { commands, timeout_ms: timeoutMs, max_output_length: maxOutputLength },
    environment: isObject(environment) ? environment : undefined,
  };
}

function message(item: Message): Json {
  const id = idOf(item.id);
  switch (item.role) {
    case 'user': {
      const content = isString(item.content) ? item.content : item.content.map(userPart);
      return { id, role: 'user', content, ...extra(item.providerData, RESERVED.message) };
    }
    case 'system':
      return { id, role: 'system', content: item.content, ...extra(item.providerData, RESERVED.message) };
    case 'assistant': {
      const content: AssistantMessageItem['content'] = isString(item.content)
        ? [{ type: 'output_text', text: item.content }]
        : item.content;
      return {
        type: 'message',
        id,
        role: 'assistant',
        content: content.map(assistantPart),
        status: item.status,
        phase: phaseOf(item),
        ...extra(item.providerData, RESERVED.assistant),
      };
    }
    default: {
      const { role }: { role?: unknown } = item;
      throw new UserError(
        `A message has the unknown role ${JSON.stringify(role)}. Roles are user, system and assistant.`,
      );
    }
  }
}

function phaseOf(item: AssistantMessageItem): string | undefined {
  const phase: unknown = item.phase ?? item.providerData?.['phase'] ?? undefined;
  if (phase === undefined || phase === 'commentary' || phase === 'final_answer') return phase;
  throw new UserError(
    `A message of the assistant has the phase ${JSON.stringify(phase)}. There are "commentary" and "final_answer".`,
  );
}

function computerCall(item: ComputerUseCallItem, id: string | undefined): Json {
  const { pending_safety_checks: pending } = extra(item.providerData);
  return {
    type: item.type,
    id,
    call_id: item.callId,
    status: item.status,
    pending_safety_checks: Array.isArray(pending) && pending.length > 0 ? pending : undefined,
    action: item.action ?? item.actions?.[0],
    actions: item.actions && item.actions.length > 0 ? item.actions : undefined,
    ...extra(item.providerData, RESERVED.computerCall),
  };
}

function shellOutput({ stdout, stderr, outcome }: ShellCallResultItem['output'][number]): Json {
  return {
    stdout,
    stderr,
    outcome: outcome.type === 'exit' ? { type: 'exit', exit_code: outcome.exitCode ?? 0 } : { type: 'timeout' },
  };
}

function toolSearch(item: ToolSearchCallItem | ToolSearchOutputItem): Json {
  const data = item.providerData ?? {};
  const execution = item.execution ?? data['execution'];
  const shared = {
    type: item.type,
    id: idOf(item.id),
    status: item.status,
    call_id: data['call_id'] ?? item.call_id ?? item.callId ?? undefined,
    execution: execution === 'client' || execution === 'server' ? execution : undefined,
  };
  return item.type === 'tool_search_call'
    ? { ...shared, arguments: item.arguments, ...extra(data, RESERVED.toolSearch) }
    : { ...shared, tools: item.tools.map(toolDefinition), ...extra(data, RESERVED.toolSearchOutput) };
}

/** A found tool's own keys in the wire's spelling; its schemas are the user's and stay as they are. */
function toolDefinition(tool: Json): Json {
  const wire: Json = {};
  for (const [key, value] of Object.entries(tool)) {
    const nested = key === 'tools' && Array.isArray(value);
    wire[key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)] = nested
      ? value.filter(isObject).map(toolDefinition)
      : value;
  }
  return wire;
}

const HOSTED_TYPES: Record<string, string> = {
  web_search: 'web_search_call',
  file_search: 'file_search_call',
  code_interpreter: 'code_interpreter_call',
  image_generation: 'image_generation_call',
};
/** Members that the API demands, where the item does not have them. */
const HOSTED_DEFAULTS: Record<string, Json> = {
  web_search_call: {},
  file_search_call: { queries: [] },
  code_interpreter_call: { code: '', outputs: [] },
  image_generation_call: { result: null },
};

function hostedCall(item: HostedToolCallItem): Json {
  const data = item.providerData ?? {};
  const named = isString(data['type']) ? data['type'] : item.name;
  const type = HOSTED_TYPES[named] ?? named;
  const defaults = HOSTED_DEFAULTS[type];
  if (defaults) {
    if (type === 'web_search_call' && 'action' in data && !isObject(data['action'])) {
      throw new UserError(
        `The web search call ${item.id ?? ''} has no valid action: ${JSON.stringify(data['action'])}.`,
      );
    }
    const status = item.status ?? 'completed';
    const wire: Json = { type, id: idOf(item.id), status, ...extra(data, RESERVED.hosted) };
    for (const [key, value] of Object.entries(defaults)) wire[key] ??= value;
    return wire;
  }
  const wire = { ...extra(data, RESERVED.mcp), type };
  const id = idOf(item.id);
  switch (type) {
    case 'mcp_call':
      // The output was taken out of the provider data when it became an item's output.
      return { id, output: item.output, ...wire };
    case 'mcp_approval_request':
      return { id, ...wire };
    case 'mcp_list_tools':
      return { ...wire, ...(id !== undefined && { id }) };
    case 'mcp_approval_response':
      return wire;
    default:
      throw new UserError(
        `The history has a hosted tool call of the unknown type ${JSON.stringify(type)}. ` +
          `Items from elsewhere go in as { type: 'unknown', providerData }.`,
      );
  }
}
