/**
 * A request in the form in which requests are compared: what the model reads and must do, and nothing that is another
 * one on the next run.
 *
 * Left out or made equal: ids of calls (numbered by order), ids and data that a provider attached to what it said,
 * cache markers, limits (`maxTokens`, time), retries, storage, and the spelling of JSON arguments.
 *
 * N1: the normal form of a longer conversation begins with that of a shorter one. N2: it shares nothing with the request.
 */
import { createHash } from 'node:crypto';
import type { AgentInputItem } from '../protocol/items.ts';
import type { Json } from '../protocol/json.ts';
import type { ModelRequest, ModelSettings } from '../protocol/model.ts';
import { isMembers, type Members, type RequestParts } from './types.ts';

/** Members that are about cost or storage, wherever they stand. */
const CACHE_MARKERS = new Set(['cache_control', 'cacheControl', 'promptCacheBreakpoint', 'prompt_cache_breakpoint']);
/** Settings that change neither what is read nor what may be answered, and limits that a budget may impose. */
const UNCOMPARED_SETTINGS: ReadonlySet<string> = new Set<keyof ModelSettings>([
  'timeoutMs',
  'retry',
  'store',
  'maxTokens',
  'preserveRawUsage',
  'promptCacheRetention',
  'promptCacheOptions',
]);
/** The same in bodies and in `providerData`, as vendors spell it. */
const UNCOMPARED_MEMBERS = new Set([
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'budget_tokens',
  'metadata',
  'user',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
]);
/** How a request is sent, in `providerData`: headers may hold secrets, and a model reads none of it. */
const TRANSPORT = new Set(['extra_headers', 'extraHeaders', 'extra_query', 'extraQuery']);
const ID_MEMBERS = new Set([
  'id',
  'call_id',
  'tool_call_id',
  'tool_use_id',
  'item_id',
  'response_id',
  'previous_response_id',
]);
const LONG_DATA_URL = 200;

/** @param model the name under which the model was asked for, where it is known */
export function normalForm(request: ModelRequest, model?: string): RequestParts {
  const { systemInstructions, modelSettings, prompt, conversationId, previousResponseId } = request;
  return {
    ...(model !== undefined && { model }),
    // Plain agents have empty instructions; that is none.
    instructions: systemInstructions || null,
    input: normalInput(request.input),
    tools: plain(request.tools),
    handoffs: plain(request.handoffs),
    outputType: plain(request.outputType),
    settings: normalSettings(modelSettings),
    prompt: prompt ? plain(prompt) : null,
    continues: conversationId !== undefined ? 'conversation' : previousResponseId !== undefined ? 'response' : null,
  };
}

function normalSettings(settings: ModelSettings): Json {
  const { providerData, ...rest } = settings;
  const kept = Object.entries(rest).filter(([key]) => !UNCOMPARED_SETTINGS.has(key));
  const sent = Object.entries(providerData ?? {}).filter(([key]) => !TRANSPORT.has(key));
  const extra = normalBody(plain(Object.fromEntries(sent)), false);
  const hasExtra = isMembers(extra) && Object.keys(extra).length > 0;
  return { ...plainRecord(Object.fromEntries(kept)), ...(hasExtra && { providerData: extra }) };
}

/** The input of a request as a list of items in normal form. */
export function normalInput(input: string | readonly AgentInputItem[]): Json[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const aliases = new Aliases('call');
  return input.map((item) => normalItem(item, aliases));
}

/** Names for ids, numbered in the order in which they are first seen. */
class Aliases {
  readonly #names = new Map<string, string>();
  readonly #prefix: string;
  constructor(prefix: string) {
    this.#prefix = prefix;
  }
  of(id: string): string {
    const known = this.#names.get(id) ?? `${this.#prefix}_${this.#names.size + 1}`;
    this.#names.set(id, known);
    return known;
  }
}

function normalItem(item: AgentInputItem, aliases: Aliases): Json {
  const { id: _, origin: __, providerData, ...members } = item;
  const own = saidByModel(item);
  const normal: Members = {};
  for (const [key, value] of Object.entries(members)) {
    if (value === undefined || CACHE_MARKERS.has(key)) continue;
    if (key === 'type' && value === 'message') continue;
    // Providers differ in whether they say it; of a result it says whether the tool succeeded.
    if (key === 'status' && own) continue;
    if (key === 'caller') continue;
    if ((key === 'callId' || key === 'call_id') && typeof value === 'string') normal[key] = aliases.of(value);
    else if (key === 'arguments' && typeof value === 'string') normal[key] = canonicalJson(value);
    else if (key === 'content' || key === 'output' || key === 'rawContent') normal[key] = normalContent(value, own);
    else normal[key] = withoutMarkers(plain(value));
  }
  // Data on what a user or a tool said is a wish of the user; on what a model said it is the provider's.
  if (providerData && !own) {
    const data = withoutMarkers(plain(providerData));
    if (isMembers(data) && Object.keys(data).length > 0) normal.providerData = data;
  }
  return normal;
}

function saidByModel(item: AgentInputItem): boolean {
  if ('role' in item) return item.role === 'assistant';
  return !('output' in item) || item.type === 'hosted_tool_call';
}

/** One text is written as text, whether it came as a part or not. */
function normalContent(value: unknown, own: boolean): Json {
  const parts = Array.isArray(value) ? value.map((part: unknown) => normalPart(part, own)) : normalPart(value, own);
  const only = Array.isArray(parts) && parts.length === 1 ? parts[0] : parts;
  if (isMembers(only) && Object.keys(only).length === 2 && typeof only.text === 'string' && isPlainText(only.type)) {
    return only.text;
  }
  return parts;
}

const isPlainText = (type: Json | undefined): boolean =>
  type === 'input_text' || type === 'output_text' || type === 'text';

function normalPart(part: unknown, own: boolean): Json {
  const value = withoutMarkers(plain(part));
  if (!isMembers(value)) return value;
  const { providerData, ...rest } = value;
  const empty = providerData === undefined || (isMembers(providerData) && Object.keys(providerData).length === 0);
  return own || empty ? rest : value;
}

function withoutMarkers(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutMarkers);
  if (!isMembers(value)) return value;
  const kept = Object.entries(value).flatMap(([key, each]): [string, Json][] => {
    if (CACHE_MARKERS.has(key)) return [];
    const rest = withoutMarkers(each);
    // A vendor's namespace that held a marker only says nothing without it.
    const emptied = isMembers(each) && isMembers(rest) && isEmpty(rest) && !isEmpty(each);
    return emptied ? [] : [[key, rest]];
  });
  return Object.fromEntries(kept);
}

const isEmpty = (value: Members): boolean => Object.keys(value).length === 0;

/** The body of a request to a vendor. @param hasIds whether it holds a conversation, with ids that vary */
export function normalBody(body: Json, hasIds = true): Json {
  return cleanBody(withoutMarkers(body), hasIds ? new Aliases('id') : undefined);
}

function cleanBody(value: Json, aliases: Aliases | undefined): Json {
  if (typeof value === 'string') return shortData(value);
  if (Array.isArray(value)) return value.map((each) => cleanBody(each, aliases));
  if (!isMembers(value)) return value;
  const kept = Object.entries(value).flatMap(([key, each]): [string, Json][] => {
    if (UNCOMPARED_MEMBERS.has(key)) return [];
    if (aliases && ID_MEMBERS.has(key) && typeof each === 'string') return [[key, aliases.of(each)]];
    return [[key, cleanBody(each, aliases)]];
  });
  return Object.fromEntries(kept);
}

/** JSON text with sorted keys and no spaces; another text as it is. */
function canonicalJson(text: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text) as Json));
  } catch {
    // A model's arguments may be anything.
    return text;
  }
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMembers(value)) return value;
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}

function plainRecord(value: object): Members {
  const copy = plain(value);
  return isMembers(copy) ? copy : {};
}

/** A copy as JSON keeps it, with digests in place of images and files. */
export function plain(value: unknown): Json {
  if (typeof value === 'string') return shortData(value);
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes, sha256 ${sha256(value)}]`;
  if (Array.isArray(value)) return value.map((each: unknown) => (each === undefined ? null : plain(each)));
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object') return null;
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON());
  const members = Object.entries(value).filter(([, each]) => each !== undefined && typeof each !== 'function');
  return Object.fromEntries(members.map(([key, each]) => [key, plain(each)]));
}

function shortData(text: string): string {
  if (text.length <= LONG_DATA_URL || !text.startsWith('data:')) return text;
  const comma = text.indexOf(',');
  return `${text.slice(0, Math.max(comma, 0))},[${text.length} characters, sha256 ${sha256(text)}]`;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex').slice(0, 32);
