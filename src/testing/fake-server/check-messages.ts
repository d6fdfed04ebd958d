/** Checks a request to Anthropic's Messages API as the vendor does. */
import { checkConversation } from './messages-conversation.ts';
import { isObject, object, oneOf, onlyKnown, optional, Problem, text, type Json } from './problem.ts';
import { objects, strictSchema, uniqueNames } from './tools.ts';

const KNOWN = new Set([
  'cache_control',
  'container',
  'context_management',
  'inference_geo',
  'max_tokens',
  'mcp_servers',
  'messages',
  'metadata',
  'model',
  'output_config',
  'service_tier',
  'speed',
  'stop_sequences',
  'stream',
  'system',
  'temperature',
  'thinking',
  'tool_choice',
  'tools',
  'top_k',
  'top_p',
]);
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const MAX_BREAKPOINTS = 4;

/** @throws Problem */
export function checkMessagesRequest(body: Json): void {
  onlyKnown(body, KNOWN);
  text(body['model'], 'model');
  optional(body, {
    temperature: 'number',
    top_p: 'number',
    top_k: 'number',
    stream: 'boolean',
    metadata: 'object',
    thinking: 'object',
    output_config: 'object',
    stop_sequences: 'array',
  });
  const max = count(body['max_tokens'], 'max_tokens');
  const { temperature } = body;
  if (typeof temperature === 'number' && (temperature < 0 || temperature > 1))
    throw new Problem('temperature', 'temperature: range: 0..1');
  checkSystem(body['system']);
  const names = checkTools(body['tools']);
  const thinks = checkThinking(body, max);
  checkToolChoice(body['tool_choice'], names, thinks);
  const format = isObject(body['output_config']) ? body['output_config']['format'] : undefined;
  if (isObject(format)) {
    oneOf(format['type'], 'output_config.format.type', ['json_schema']);
    strictSchema(
      object(format['schema'], 'output_config.format.schema'),
      'output_config.format.schema',
      'output_config',
    );
  }
  checkConversation(objects(body['messages'], 'messages'), thinks === 'enabled');
  checkBreakpoints(body);
}

function count(value: unknown, param: string): number {
  if (value === undefined) throw new Problem(param, `${param}: Field required`);
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
  throw new Problem(param, `${param}: must be greater than or equal to 1`);
}

function checkSystem(system: unknown): void {
  if (system === undefined || typeof system === 'string') return;
  objects(system, 'system').forEach((block, at) => {
    oneOf(block['type'], `system.${at}.type`, ['text']);
    if (text(block['text'], `system.${at}.text`, { empty: true }).trim() === '')
      throw new Problem('system', 'system: text content blocks must be non-empty');
  });
}

function checkTools(tools: unknown): string[] {
  if (tools === undefined) return [];
  const names = objects(tools, 'tools', { empty: true }).map((tool, at) => {
    const param = `tools.${at}`;
    const name = text(tool['name'] ?? tool['mcp_server_name'], `${param}.name`);
    if (!NAME.test(name))
      throw new Problem(`${param}.name`, `${param}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
    if (tool['type'] !== undefined && tool['type'] !== 'custom') return name;
    const schema = object(tool['input_schema'], `${param}.input_schema`);
    if (schema['type'] !== 'object')
      throw new Problem(`${param}.input_schema`, `${param}.custom.input_schema.type: Input should be 'object'`);
    if (tool['strict'] === true) strictSchema(schema, `${param}.input_schema`, `${param}.custom`);
    return name;
  });
  uniqueNames(names, 'tools');
  return names;
}

type Thinks = 'enabled' | 'adaptive' | undefined;

function checkThinking({ thinking, temperature }: Json, max: number): Thinks {
  if (!isObject(thinking)) return undefined;
  const type = oneOf(thinking['type'], 'thinking.type', ['enabled', 'adaptive', 'disabled']);
  if (type === 'disabled') return undefined;
  if (temperature !== undefined && temperature !== 1)
    throw new Problem('temperature', '`temperature` may only be set to 1 when thinking is enabled.');
  if (type === 'adaptive') return 'adaptive';
  const budget = count(thinking['budget_tokens'], 'thinking.enabled.budget_tokens');
  if (budget < 1024)
    throw new Problem('thinking', 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024');
  if (budget >= max) throw new Problem('max_tokens', '`max_tokens` must be greater than `thinking.budget_tokens`.');
  return 'enabled';
}

function checkToolChoice(choice: unknown, names: string[], thinks: Thinks): void {
  if (choice === undefined) return;
  const { type, name, disable_parallel_tool_use: alone } = object(choice, 'tool_choice');
  const mode = oneOf(type, 'tool_choice.type', ['auto', 'any', 'tool', 'none']);
  if (names.length === 0 && mode !== 'none')
    throw new Problem('tool_choice', 'tool_choice: may only be specified while providing tools');
  if (alone !== undefined && typeof alone !== 'boolean')
    throw new Problem('tool_choice', 'tool_choice.disable_parallel_tool_use: Input should be a valid boolean');
  if (mode === 'tool' && !names.includes(text(name, 'tool_choice.name')))
    throw new Problem('tool_choice', `Tool '${String(name)}' not found in provided tools`);
  if (thinks && (mode === 'any' || mode === 'tool'))
    throw new Problem('tool_choice', 'Thinking may not be enabled when tool_choice forces tool use.');
}

/** In the order in which the vendor reads them: tools, system, messages. */
function checkBreakpoints({ tools, system, messages }: Json): void {
  const found = [tools, system, messages].flatMap(breakpoints);
  if (found.length > MAX_BREAKPOINTS)
    throw new Problem(
      'cache_control',
      `A maximum of 4 blocks with cache_control may be provided. Found ${found.length}.`,
    );
  let short = false;
  for (const mark of found) {
    oneOf(mark['type'], 'cache_control.type', ['ephemeral']);
    const ttl = mark['ttl'] === undefined ? '5m' : oneOf(mark['ttl'], 'cache_control.ttl', ['5m', '1h']);
    if (ttl === '1h' && short)
      throw new Problem('cache_control', "a ttl='1h' cache_control block must not come after a ttl='5m' block.");
    if (ttl === '5m') short = true;
  }
}

function breakpoints(value: unknown): Json[] {
  if (Array.isArray(value)) return value.flatMap(breakpoints);
  if (!isObject(value)) return [];
  const mark = value['cache_control'];
  const inner = breakpoints(value['content']);
  return isObject(mark) ? [...inner, mark] : inner;
}
