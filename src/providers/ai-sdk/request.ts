/** The options of a call of an AI SDK model. */
import { projectHistory, toolNameFor, type HistoryWire } from '../../model/projection/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Origin } from '../../protocol/items.ts';
import type { ModelRequest, ModelSettings, SerializedHostedTool } from '../../protocol/model.ts';
import { toPrompt, type Spec } from './prompt.ts';
import { compact, isObject, isString, type Json } from './types.ts';

export type Target = { origin: Origin; wire: HistoryWire; spec: Spec };
export type Built = { options: Json; toolName: (sent: string) => string };

export function toCallOptions({ origin, wire, spec }: Target, request: ModelRequest): Built {
  checkFeatures(request);
  const { modelSettings: settings, systemInstructions, input, signal } = request;
  const { provider, model } = origin;
  const { items } = projectHistory(input, { wire, provider, model });
  const prompt = toPrompt(items, spec);
  if (systemInstructions) prompt.unshift({ role: 'system', content: systemInstructions });
  const names = new Map<string, string>();
  const tools = toTools(request, { names, wire });
  const data = settings.providerData ?? {};
  const headers = data['extra_headers'] ?? data['extraHeaders'];
  const options = compact({
    prompt,
    maxOutputTokens: settings.maxTokens,
    temperature: settings.temperature,
    topP: settings.topP,
    frequencyPenalty: settings.frequencyPenalty,
    presencePenalty: settings.presencePenalty,
    responseFormat: responseFormat(request),
    tools: tools.length > 0 ? tools : undefined,
    toolChoice: toToolChoice(settings.toolChoice, names, tools),
    // V3 has no effort that all providers understand.
    reasoning: spec === 'v4' ? (settings.reasoning?.effort ?? undefined) : undefined,
    headers: isObject(headers) ? headers : undefined,
    abortSignal: signal,
    providerOptions: providerOptions(settings, provider),
  });
  return { options, toolName: (sent) => names.get(sent) ?? sent };
}

function checkFeatures({ prompt, previousResponseId, conversationId }: ModelRequest): void {
  const asked = Object.entries({ prompt, previousResponseId, conversationId });
  const names = asked.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0) return;
  throw new UserError(
    `AI SDK models keep no prompts and no conversations, so ${names.join(' and ')} cannot be honored. ` +
      'Pass the whole history, or use a session.',
  );
}

type Naming = { names: Map<string, string>; wire: HistoryWire };

function toTools({ tools, handoffs }: ModelRequest, { names, wire }: Naming): Json[] {
  const nameFor = (name: string): string => {
    const sent = toolNameFor(name, { max: 64, letterFirst: wire === 'gemini' });
    const other = names.get(sent);
    if (other !== undefined)
      throw new UserError(`The tools "${other}" and "${name}" are both "${sent}" to the model. Rename one of them.`);
    names.set(sent, name);
    return sent;
  };
  const wireTools = tools.map((tool): Json => {
    if (tool.type === 'hosted_tool') return providerTool(tool);
    const { name, namespace, description, parameters, strict, providerData } = tool;
    return compact({
      type: 'function',
      name: nameFor(namespace === undefined ? name : `${namespace}.${name}`),
      description,
      inputSchema: parameters,
      strict: strict ? true : undefined,
      providerOptions: providerData,
    });
  });
  for (const { toolName, toolDescription, inputJsonSchema, strictJsonSchema } of handoffs) {
    const tool = {
      type: 'function',
      name: nameFor(toolName),
      description: toolDescription,
      inputSchema: inputJsonSchema,
    };
    wireTools.push({ ...tool, ...(strictJsonSchema && { strict: true }) });
  }
  return wireTools;
}

/** A tool of the provider, by the AI SDK's name for it: `google.google_search`. */
function providerTool({ name, providerData }: SerializedHostedTool): Json {
  const id = providerData?.['type'];
  const args = providerData?.['args'];
  if (isString(id) && id.includes('.')) return { type: 'provider', id, name, args: isObject(args) ? args : {} };
  throw new UserError(
    `The hosted tool "${name}" (${JSON.stringify(id)}) is not one of the AI SDK's. Name it as the AI SDK does: ` +
      `{ type: 'hosted_tool', name: 'google_search', providerData: { type: 'google.google_search', args: {} } }.`,
  );
}

function toToolChoice(choice: string | undefined, names: Map<string, string>, tools: Json[]): Json | undefined {
  if (choice === undefined) return undefined;
  if (tools.length === 0 && (choice === 'auto' || choice === 'none')) return undefined;
  if (choice === 'auto' || choice === 'none' || (choice === 'required' && tools.length > 0)) return { type: choice };
  for (const [sent, name] of names) if (name === choice) return { type: 'tool', toolName: sent };
  const all = [...names.values()].join(', ');
  throw new UserError(`modelSettings.toolChoice=${JSON.stringify(choice)} is no tool. Available: ${all || 'none'}.`);
}

function responseFormat({ outputType }: ModelRequest): Json | undefined {
  return outputType === 'text' ? undefined : { type: 'json', schema: outputType.schema, name: outputType.name };
}

/** What the specification has no word for, in the words of the providers that have one. */
function providerOptions({ parallelToolCalls, providerData }: ModelSettings, provider: string): Json | undefined {
  const given = isObject(providerData?.['providerOptions']) ? providerData['providerOptions'] : undefined;
  if (parallelToolCalls === undefined) return given;
  const own: Json = provider.startsWith('openai')
    ? { openai: { parallelToolCalls } }
    : provider.startsWith('anthropic')
      ? { anthropic: { disableParallelToolUse: !parallelToolCalls } }
      : {};
  const merged: Json = { ...own };
  for (const [name, value] of Object.entries(given ?? {})) {
    const before = merged[name];
    merged[name] = isObject(before) && isObject(value) ? { ...before, ...value } : value;
  }
  return Object.keys(merged).length > 0 ? merged : undefined;
}
