/** Tools, handoffs and the tool choice, as the Responses API takes them. */
import { UserError } from '../../../protocol/errors.ts';
import type {
  ModelRequest,
  SerializedFunctionTool,
  SerializedHandoff,
  SerializedHostedTool,
} from '../../../protocol/model.ts';
import { compact, isObject, isString, omit, type Json } from '../json.ts';

/** What the tools of a request come to. */
export type WireTools = { tools: Json[]; include: string[] };

/** Members of hosted tools that are ours, not the API's. */
const OURS = new Set(['name', 'include_search_results', 'include_outputs', 'on_approval']);
/** Hosted tools whose definition we know; others go through untouched. */
const KNOWN_HOSTED = new Set([
  'web_search',
  'web_search_preview',
  'file_search',
  'code_interpreter',
  'image_generation',
  'mcp',
  'tool_search',
]);

/** Converts the tools and handoffs of a request, and says what else the reply should include for them. */
export function toTools(request: Pick<ModelRequest, 'tools' | 'handoffs'>): WireTools {
  checkCallers(request.tools);
  const result: WireTools = { tools: [], include: [] };
  const namespaces = new Map<string, { definition: Json; tools: Json[] }>();
  for (const tool of request.tools) {
    if (tool.type === 'hosted_tool') addHosted(tool, result);
    else if (tool.type === 'function') addFunction(tool, result, namespaces);
    else throw unsupported(tool);
  }
  for (const handoff of request.handoffs) result.tools.push(handoffTool(handoff));
  checkDeferred(request.tools, result.tools);
  return result;
}

function unsupported(tool: never): UserError {
  const { type }: { type?: unknown } = tool;
  return new UserError(`A tool has the type ${JSON.stringify(type)}. Tools are functions or hosted tools.`);
}

function functionTool(tool: SerializedFunctionTool): Json {
  return compact({
    type: 'function',
    name: tool.name,
    description: tool.description,
    parameters: tool.parameters,
    strict: tool.strict,
    defer_loading: tool.deferLoading ? true : undefined,
    allowed_callers: tool.allowedCallers,
    output_schema: tool.outputSchema,
  });
}

function handoffTool(handoff: SerializedHandoff): Json {
  return {
    type: 'function',
    name: handoff.toolName,
    description: handoff.toolDescription,
    parameters: handoff.inputJsonSchema,
    strict: handoff.strictJsonSchema,
  };
}

function addFunction(
  tool: SerializedFunctionTool,
  result: WireTools,
  namespaces: Map<string, { definition: Json; tools: Json[] }>,
): void {
  const { namespace, namespaceDescription: description } = tool;
  if (namespace === undefined) {
    result.tools.push(functionTool(tool));
    return;
  }
  if (!description?.trim()) {
    throw new UserError(
      `The tool "${tool.name}" is in the namespace "${namespace}" and says nothing of what that is for. Make it with toolNamespace().`,
    );
  }
  let space = namespaces.get(namespace);
  if (!space) {
    const tools: Json[] = [];
    space = { definition: { type: 'namespace', name: namespace, description, tools }, tools };
    namespaces.set(namespace, space);
    result.tools.push(space.definition);
  } else if (space.definition['description'] !== description) {
    throw new UserError(
      `The tool "${tool.name}" describes the namespace "${namespace}" otherwise than the tools before it. Give a namespace one description.`,
    );
  }
  space.tools.push(functionTool(tool));
}

function addHosted(tool: SerializedHostedTool, { tools, include }: WireTools): void {
  const data = tool.providerData;
  if (!data || !isString(data['type'])) {
    throw new UserError(`The hosted tool "${tool.name}" has no providerData.type, which says what it is to the API.`);
  }
  if (!KNOWN_HOSTED.has(data['type'])) {
    tools.push({ ...data });
    return;
  }
  if (data['include_search_results']) include.push('file_search_call.results');
  if (data['include_outputs']) include.push('code_interpreter_call.outputs');
  if (data['type'] === 'web_search' && listIncludes(data['search_content_types'], 'image')) {
    include.push('web_search_call.results');
  }
  const wire = compact(omit(data, OURS));
  if (data['type'] === 'mcp') wire['require_approval'] ??= 'never';
  tools.push(wire);
}

const listIncludes = (value: unknown, member: string): boolean => Array.isArray(value) && value.includes(member);

function checkCallers(tools: ModelRequest['tools']): void {
  const callers = (tool: ModelRequest['tools'][number]): unknown =>
    tool.type === 'function' ? tool.allowedCallers : tool.providerData?.['allowed_callers'];
  const hasProgrammatic = tools.some(
    (tool) => tool.type === 'hosted_tool' && tool.providerData?.['type'] === 'programmatic_tool_calling',
  );
  const callable = tools.filter((tool) => listIncludes(callers(tool), 'programmatic'));
  if (hasProgrammatic && callable.length === 0) {
    throw new UserError(
      'Programmatic tool calling is on, and no tool may be called by programs. Add "programmatic" to the allowedCallers of one.',
    );
  }
  if (hasProgrammatic) return;
  const stranded = callable.filter((tool) => !listIncludes(callers(tool), 'direct'));
  if (stranded.length > 0) {
    const names = stranded.map((tool) => tool.name).join(', ');
    throw new UserError(
      `Only programs may call ${names}, and programmatic tool calling is off. Add that tool, or "direct" to allowedCallers.`,
    );
  }
}

function checkDeferred(tools: ModelRequest['tools'], wire: Json[]): void {
  const deferred = tools.some((tool) =>
    tool.type === 'function' ? tool.deferLoading : tool.providerData?.['defer_loading'] === true,
  );
  if (deferred && !wire.some((tool) => tool['type'] === 'tool_search')) {
    throw new UserError(
      'Some tools have deferLoading, and the request has no tool search that could load them. Add that tool, or leave deferLoading out.',
    );
  }
}

const MODES = new Set(['auto', 'required', 'none']);
/** Tools that are chosen by their type. */
const BY_TYPE = new Set([
  'web_search',
  'web_search_preview',
  'file_search',
  'code_interpreter',
  'image_generation',
  'mcp',
  'shell',
  'apply_patch',
  'computer_use_preview',
  'programmatic_tool_calling',
]);

/**
 * The tool choice of a request. A choice that no tool of the request answers to is the caller's mistake, unless a
 * stored prompt may bring tools of its own.
 */
export function toToolChoice(choice: string | undefined, tools: Json[], hasPrompt: boolean): unknown {
  if (choice === undefined || choice === 'auto' || choice === 'none') return choice;
  const name = (at: Json): string => String(at['type'] === 'function' ? at['name'] : at['type']);
  const functions: Json[] = [];
  for (const tool of tools) {
    if (tool['type'] === 'function') functions.push(tool);
    if (tool['type'] !== 'namespace' || !Array.isArray(tool['tools'])) continue;
    for (const inner of tool['tools'].filter(isObject))
      functions.push({ ...inner, name: `${String(tool['name'])}.${String(inner['name'])}` });
  }
  const chosen = functions.find((tool) => tool['name'] === choice);
  if (choice === 'tool_search' && !chosen) {
    throw unavailable(
      choice,
      'can only mean a function of that name: the API lets nobody force its own. Use "auto"',
      [],
    );
  }
  const names = [
    ...functions.map(name),
    ...tools.filter((t) => t['type'] !== 'function' && t['type'] !== 'namespace').map(name),
  ];
  if (MODES.has(choice)) {
    if (tools.length === 0 && !hasPrompt) throw unavailable(choice, 'needs a tool to choose', names);
    return choice;
  }
  if (BY_TYPE.has(choice)) {
    if (!hasPrompt && !tools.some((tool) => tool['type'] === choice))
      throw unavailable(choice, 'is no tool of the request', names);
    return { type: choice };
  }
  if (!hasPrompt && !chosen) throw unavailable(choice, 'names no tool of the request', names);
  if (chosen?.['defer_loading']) {
    throw unavailable(
      choice,
      'names a tool that is not loaded yet. Use "auto", so that the tool search can load it',
      names,
    );
  }
  return { type: 'function', name: choice };
}

function unavailable(choice: string, what: string, names: string[]): UserError {
  const tools = names.length > 0 ? `It has: ${names.join(', ')}.` : 'It has no tools.';
  return new UserError(`modelSettings.toolChoice=${JSON.stringify(choice)} ${what}. ${tools}`);
}
