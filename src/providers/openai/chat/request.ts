/** The body of a request to Chat Completions. */
import { UserError } from '../../../protocol/errors.ts';
import type { ModelRequest, SerializedFunctionTool, SerializedHandoff } from '../../../protocol/model.ts';
import { compact, isObject, omit, type Json } from '../json.ts';
import type { BuiltRequest } from '../call.ts';
import { toMessages } from './messages.ts';

const TRANSPORT = new Set(['extra_headers', 'extraHeaders', 'extra_query', 'extraQuery', 'extra_body', 'extraBody']);

/** Builds the body; whatever `modelSettings.providerData` holds is laid on top of it. */
export function toChatRequest(
  model: string,
  request: ModelRequest,
  options: { stream: boolean; strict: boolean },
): BuiltRequest {
  const { stream, strict } = options;
  const { modelSettings: settings, systemInstructions, outputType } = request;
  const data = settings.providerData ?? {};
  const messages = toMessages(request.input, { strict });
  if (systemInstructions) messages.unshift({ role: 'system', content: systemInstructions });
  const tools = toTools(request);
  const extraBody = data['extra_body'] ?? data['extraBody'];
  const body: Json = {
    model,
    messages,
    tools: tools.length > 0 ? tools : undefined,
    temperature: settings.temperature,
    top_p: settings.topP,
    frequency_penalty: settings.frequencyPenalty,
    presence_penalty: settings.presencePenalty,
    max_tokens: settings.maxTokens,
    tool_choice: toToolChoice(settings.toolChoice, tools),
    parallel_tool_calls: tools.length > 0 ? settings.parallelToolCalls : undefined,
    stream,
    stream_options: stream ? { include_usage: true } : undefined,
    store: settings.store,
    prompt_cache_retention: settings.promptCacheRetention,
    prompt_cache_options: settings.promptCacheOptions,
    ...omit(data, TRANSPORT),
    // What has a setting of its own is taken from there.
    ...(outputType !== 'text' && { response_format: responseFormat(outputType) }),
    ...(settings.reasoning?.effort && { reasoning_effort: settings.reasoning.effort }),
    ...(settings.text?.verbosity && { verbosity: settings.text.verbosity }),
    ...(isObject(extraBody) ? extraBody : {}),
  };
  const headers = data['extra_headers'] ?? data['extraHeaders'];
  const query = data['extra_query'] ?? data['extraQuery'];
  return { body: compact(body), ...(isObject(headers) && { headers }), ...(isObject(query) && { query }) };
}

function responseFormat({ name, strict, schema }: Exclude<ModelRequest['outputType'], 'text'>): Json {
  return { type: 'json_schema', json_schema: { name, strict, schema } };
}

function toTools({ tools, handoffs }: ModelRequest): Json[] {
  const wire = tools.map((tool) => {
    if (tool.type === 'function') return functionTool(tool);
    throw new UserError(
      `Chat Completions has no hosted tools, and the agent has "${tool.name}". ` +
        'Use the Responses API (useResponses: true), or a function tool of your own.',
    );
  });
  return [...wire, ...handoffs.map(handoffTool)];
}

/** Members of a function tool that only the Responses API knows, and what they are called. */
function responsesOnly(tool: SerializedFunctionTool): string | undefined {
  if (tool.namespace !== undefined) return 'a namespace';
  if (tool.deferLoading) return 'deferLoading';
  if (tool.allowedCallers?.includes('programmatic')) return 'programmatic callers';
  return tool.outputSchema ? 'an outputSchema' : undefined;
}

function functionTool(tool: SerializedFunctionTool): Json {
  const feature = responsesOnly(tool);
  if (feature !== undefined) {
    throw new UserError(`The tool "${tool.name}" has ${feature}, which only the Responses API supports.`);
  }
  const { name, description, parameters, strict } = tool;
  return { type: 'function', function: { name, description, parameters, strict } };
}

function handoffTool({ toolName, toolDescription, inputJsonSchema }: SerializedHandoff): Json {
  return { type: 'function', function: { name: toolName, description: toolDescription, parameters: inputJsonSchema } };
}

function toToolChoice(choice: string | undefined, tools: Json[]): unknown {
  // "auto" and "none" without tools are what happens anyway, and servers refuse to be told so.
  if (choice === undefined || (tools.length === 0 && (choice === 'auto' || choice === 'none'))) return undefined;
  const names = tools.map((tool) => (isObject(tool['function']) ? tool['function']['name'] : undefined));
  if (choice === 'auto' || choice === 'none') return choice;
  if (choice === 'required' && tools.length > 0) return choice;
  if (names.includes(choice)) return { type: 'function', function: { name: choice } };
  throw new UserError(
    `modelSettings.toolChoice=${JSON.stringify(choice)} ${
      choice === 'required' ? 'needs a tool to choose' : 'names no tool and no handoff of the request'
    }. ${names.length > 0 ? `It has: ${names.join(', ')}.` : 'It has no tools.'}`,
  );
}
