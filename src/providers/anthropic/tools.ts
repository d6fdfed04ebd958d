/** Tools, handoffs and the tool choice, as the Messages API takes them. */
import { toolNameFor } from '../../model/projection/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { ModelRequest, SerializedHostedTool } from '../../protocol/model.ts';
import { compact, isString, omit, type Json } from './json.ts';
import { enforceable } from './schema.ts';

const NAME = { max: 128 };
/** More strict tools than this are refused; the rest is validated on our side, as ever. */
const MAX_STRICT = 20;

export type WireTools = {
  tools: Json[];
  /** The tool's own name by the name that was sent, where the two differ. */
  names: Map<string, string>;
};

type Options = { strict: boolean };

/** Converts the tools and handoffs of a request. */
export function toTools(request: Pick<ModelRequest, 'tools' | 'handoffs'>, { strict }: Options): WireTools {
  const names = new Map<string, string>();
  const wanted = request.tools.filter((tool) => tool.type === 'function' && tool.strict).length;
  const enforces = strict && wanted + request.handoffs.length <= MAX_STRICT;
  const custom = (name: string, more: { description: string; schema: Json; strict: boolean }): Json => ({
    name: nameFor(name, names),
    description: more.description,
    input_schema: enforces && more.strict ? enforceable(more.schema) : more.schema,
    ...(enforces && more.strict && { strict: true }),
  });
  const tools = request.tools.map((tool): Json => {
    if (tool.type === 'hosted_tool') return hosted(tool);
    const { name, namespace, description, parameters, deferLoading } = tool;
    const full = namespace === undefined ? name : `${namespace}.${name}`;
    return {
      ...custom(full, { description, schema: parameters, strict: tool.strict }),
      ...(deferLoading && { defer_loading: true }),
      ...(tool.providerData?.['anthropic'] as object | undefined),
    };
  });
  for (const { toolName, toolDescription, inputJsonSchema, strictJsonSchema } of request.handoffs) {
    tools.push(custom(toolName, { description: toolDescription, schema: inputJsonSchema, strict: strictJsonSchema }));
  }
  return { tools, names };
}

function nameFor(name: string, names: Map<string, string>): string {
  const sent = toolNameFor(name, NAME);
  const other = names.get(sent);
  if (other !== undefined) {
    throw new UserError(
      `The tools "${other}" and "${name}" are both "${sent}" to Anthropic, which takes letters, digits, "_" and "-" ` +
        'only. Rename one of them.',
    );
  }
  names.set(sent, name);
  return sent;
}

const OURS = new Set(['type', 'name', 'search_context_size', 'filters', 'external_web_access', 'search_content_types']);

/** Anthropic's own tools have a date in their type. The web search of the common kind is translated. */
function hosted({ name, providerData }: SerializedHostedTool): Json {
  const type = providerData?.['type'];
  if (isString(type) && (/_\d{8}$/.test(type) || type === 'mcp_toolset')) return { name, ...providerData };
  if (type === 'web_search') {
    const filters = providerData?.['filters'];
    const domains = typeof filters === 'object' && filters !== null && 'allowed_domains' in filters ? filters : {};
    return compact({
      type: 'web_search_20250305',
      name: 'web_search',
      ...domains,
      ...omit(providerData ?? {}, OURS),
    });
  }
  throw new UserError(
    `The hosted tool "${name}" (${JSON.stringify(type)}) is not Anthropic's. Give one of its server tools, such as ` +
      `{ type: 'hosted_tool', name: 'code_execution', providerData: { type: 'code_execution_20250825' } }.`,
  );
}

type Choice = { choice: string | undefined; parallel: boolean | undefined; thinks: boolean };

/** The tool choice. `warn` is told where it cannot be as asked. */
export function toToolChoice(
  { choice, parallel, thinks }: Choice,
  { tools, names }: WireTools,
  warn: (message: string) => void,
): Json | undefined {
  const alone = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (tools.length === 0) {
    if (choice === undefined || choice === 'auto' || choice === 'none') return undefined;
    throw new UserError(`modelSettings.toolChoice=${JSON.stringify(choice)} needs a tool, and the request has none.`);
  }
  if (choice === 'none') return { type: 'none' };
  if (choice === undefined || choice === 'auto') return parallel === false ? { type: 'auto', ...alone } : undefined;
  const sent = tools.find((tool) => tool['name'] === choice || names.get(String(tool['name'])) === choice)?.['name'];
  if (choice !== 'required' && sent === undefined) {
    const all = tools.map((tool) => names.get(String(tool['name'])) ?? String(tool['name'])).join(', ');
    throw new UserError(`modelSettings.toolChoice=${JSON.stringify(choice)} is no tool. Available: ${all}.`);
  }
  if (thinks) {
    warn(`A forced tool (${choice}) and thinking exclude each other on Anthropic: the model chooses by itself.`);
    return { type: 'auto', ...alone };
  }
  return choice === 'required' ? { type: 'any', ...alone } : { type: 'tool', name: sent, ...alone };
}
