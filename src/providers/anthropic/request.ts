/** The body of a request to the Messages API. */
import { projectHistory } from '../../model/projection/index.ts';
import type { AgentInputItem, Origin } from '../../protocol/items.ts';
import type { ModelRequest, ModelSettings } from '../../protocol/model.ts';
import { UserError } from '../../protocol/errors.ts';
import type { BuiltRequest } from './call.ts';
import { markCache, type CacheTtl } from './cache.ts';
import type { AnthropicCapabilities } from './capabilities.ts';
import { compact, isObject, omit, type Json } from './json.ts';
import { toConversation } from './messages.ts';
import { enforceable } from './schema.ts';
import { toThinking } from './thinking.ts';
import { toToolChoice, toTools } from './tools.ts';

export type Target = {
  model: string;
  origin: Origin;
  can: AnthropicCapabilities;
  cache: CacheTtl | 'off';
  warn: (message: string) => void;
};

export type Built = BuiltRequest & {
  /** The tool's own name by the name that was sent. */
  toolName: (sent: string) => string;
};

const TRANSPORT = new Set(['extra_headers', 'extraHeaders', 'extra_body', 'extraBody']);

/** Builds the body; whatever `modelSettings.providerData` holds is laid on top of it. */
export function toMessagesRequest(target: Target, request: ModelRequest, stream: boolean): Built {
  checkFeatures(request);
  const { can, model, warn } = target;
  const { modelSettings: settings } = request;
  const data = settings.providerData ?? {};
  const { system, messages } = conversationOf(target, request);
  const wireTools = toTools(request, { strict: can.structured });
  const maxTokens = settings.maxTokens ?? can.defaultMaxTokens;
  const { thinking, effort } = toThinking({ settings, messages, maxTokens }, target);
  const format = formatOf(request, target, system);
  const { tools } = wireTools;
  markCache({ tools, system, messages }, cacheFor(settings, target.cache));
  const output = compact({ effort, format });
  const extraBody = data['extra_body'] ?? data['extraBody'];
  const body: Json = {
    model,
    max_tokens: maxTokens,
    system: system.length > 0 ? system : undefined,
    messages,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: toToolChoice(
      { choice: settings.toolChoice, parallel: settings.parallelToolCalls, thinks: thinking !== undefined },
      wireTools,
      warn,
    ),
    ...sampling(settings, { can, thinks: thinking !== undefined, warn }),
    thinking,
    output_config: Object.keys(output).length > 0 ? output : undefined,
    stream: stream ? true : undefined,
    ...omit(data, TRANSPORT),
    ...(isObject(extraBody) ? extraBody : {}),
  };
  const headers = data['extra_headers'] ?? data['extraHeaders'];
  const toolName = (sent: string): string => wireTools.names.get(sent) ?? sent;
  return { body: compact(body), toolName, ...(isObject(headers) && { headers }) };
}

function checkFeatures({ prompt, previousResponseId, conversationId }: ModelRequest): void {
  const asked = Object.entries({ prompt, previousResponseId, conversationId });
  const names = asked.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0) return;
  throw new UserError(
    `Anthropic keeps no prompts and no conversations, so ${names.join(' and ')} cannot be honored. ` +
      'Pass the whole history, or use a session.',
  );
}

type Messages = { system: Json[]; messages: { role: 'user' | 'assistant'; content: Json[] }[] };

function conversationOf({ origin, model }: Target, { input, systemInstructions }: ModelRequest): Messages {
  const { provider, project } = origin;
  const { items } = projectHistory(input, {
    wire: 'anthropic',
    provider,
    model,
    ...(project !== undefined && { project }),
  });
  const { system, messages } = toConversation(items satisfies AgentInputItem[]);
  const texts = [systemInstructions ?? '', ...system].filter((text) => text.trim() !== '');
  return { system: texts.map((text) => ({ type: 'text', text })), messages };
}

/** The form of the answer: enforced where the model can be held to it, else asked for. */
function formatOf({ outputType }: ModelRequest, { can }: Target, system: Json[]): Json | undefined {
  if (outputType === 'text') return undefined;
  if (can.structured && outputType.strict) return { type: 'json_schema', schema: enforceable(outputType.schema) };
  const schema = JSON.stringify(outputType.schema);
  system.push({ type: 'text', text: `Answer with JSON that fits this schema, and with nothing else: ${schema}` });
  return undefined;
}

type Sampling = { can: AnthropicCapabilities; thinks: boolean; warn: (message: string) => void };

function sampling({ temperature, topP }: ModelSettings, { can, thinks, warn }: Sampling): Json {
  if (temperature === undefined && topP === undefined) return {};
  if (!can.sampling || thinks) {
    const why = can.sampling ? 'while it thinks' : 'at all';
    warn(`temperature and topP are left out: this model does not take them ${why}.`);
    return {};
  }
  // Newer models take one of the two.
  if (temperature !== undefined && topP !== undefined) warn('topP is left out: Anthropic takes temperature or topP.');
  return temperature === undefined ? { top_p: topP } : { temperature };
}

/** What the request says in the words of OpenAI, else what the model was made with. */
function cacheFor({ promptCacheRetention, providerData }: ModelSettings, made: CacheTtl | 'off'): CacheTtl | undefined {
  if (isObject(providerData) && 'cache_control' in providerData) return undefined;
  if (promptCacheRetention === '24h') return '1h';
  if (promptCacheRetention === 'in-memory') return '5m';
  return promptCacheRetention === null || made === 'off' ? undefined : made;
}
