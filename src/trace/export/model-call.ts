/** What a span says of a model call, read once for all dialects. */
import type { GenerationSpanData, ResponseSpanData, Span } from '../types.ts';
import { toMessages, toOutputMessages, type Message } from './messages.ts';

export type TokenCounts = {
  /** With cached tokens. */
  input?: number;
  /** With reasoning. */
  output?: number;
  cacheRead?: number;
  cacheWrite?: number;
  reasoning?: number;
};

export type ModelCall = {
  /** A well-known name of the GenAI conventions where there is one. */
  provider?: string;
  /** `responses` or `chat_completions`, of OpenAI. */
  openaiApi?: string;
  requestModel?: string;
  responseModel?: string;
  responseId?: string;
  settings: Record<string, unknown>;
  tokens: TokenCounts;
  firstTokenSeconds?: number;
  /** US dollars. */
  cost?: number;
  content?: { instructions?: string; input: Message[]; output: Message[]; tools?: unknown };
};

/** Providers that are called otherwise in the conventions. */
const PROVIDERS: Readonly<Record<string, string>> = {
  mistral: 'mistral_ai',
  google: 'gcp.gen_ai',
  vertex: 'gcp.vertex_ai',
  xai: 'x_ai',
  azure: 'azure.ai.openai',
  bedrock: 'aws.bedrock',
  'amazon-bedrock': 'aws.bedrock',
};
const NANO = 1e9;

type ModelSpan = Span<GenerationSpanData> | Span<ResponseSpanData>;
type Json = Record<string, unknown>;

export function readModelCall(span: ModelSpan, withContent: boolean): ModelCall {
  const { details } = span;
  const facts = readData(span.spanData, withContent);
  const origin = details?.origin;
  const provider = origin?.provider ?? (span.spanData.type === 'response' ? 'openai' : undefined);
  const { content } = facts;
  return {
    ...facts,
    ...given('provider', provider === undefined ? undefined : providerName(provider)),
    ...given(
      'openaiApi',
      openaiApi(origin?.api ?? (span.spanData.type === 'response' ? 'openai-responses' : undefined)),
    ),
    ...given('requestModel', facts.requestModel ?? origin?.model),
    ...given('responseId', facts.responseId ?? details?.responseId),
    tokens: details?.usage === undefined ? facts.tokens : tokensOf(details.usage as Json),
    ...given('firstTokenSeconds', details?.firstTokenMs === undefined ? undefined : details.firstTokenMs / 1000),
    ...given('cost', details?.nanoUsd === undefined ? undefined : details.nanoUsd / NANO),
    ...(content !== undefined && {
      content: { ...content, ...given('instructions', content.instructions ?? text(details?.instructions)) },
    }),
  };
}

function readData(data: GenerationSpanData | ResponseSpanData, withContent: boolean): ModelCall {
  if (data.type === 'generation') {
    return {
      ...given('requestModel', data.model),
      settings: data.model_config ?? {},
      tokens: tokensOf(data.usage),
      ...(withContent && {
        content: { input: toMessages(data.input ?? []), output: toOutputMessages(data.output ?? []) },
      }),
    };
  }
  const response: Json = data._response ?? {};
  const model = text(response['model']);
  return {
    ...given('requestModel', model),
    ...given('responseModel', model),
    ...given('responseId', data.response_id ?? text(response['id'])),
    settings: response,
    tokens: tokensOf(response['usage']),
    ...(withContent && {
      content: {
        input: toMessages(data._input ?? []),
        output: toOutputMessages(response['output'] ?? []),
        ...given('instructions', text(response['instructions'])),
        ...given('tools', response['tools']),
      },
    }),
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null;

function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: T });
}

function providerName(name: string): string {
  // AI SDK providers say `mistral.chat`; the conventions' own names have dots too.
  const first = name.split('.')[0] ?? name;
  return PROVIDERS[first] ?? (/^(?:aws|gcp|azure|ibm)\./.test(name) ? name : first);
}

function openaiApi(api: string | undefined): string | undefined {
  if (api === 'openai-responses') return 'responses';
  return api === 'openai-chat' ? 'chat_completions' : undefined;
}

/** Counts of a usage in camelCase or snake_case, with details under any of the names that providers use. */
export function tokensOf(usage: unknown): TokenCounts {
  if (!isJson(usage)) return {};
  const input = count(usage, 'inputTokens', 'input_tokens', 'prompt_tokens');
  const output = count(usage, 'outputTokens', 'output_tokens', 'completion_tokens');
  const sources = [usage, ...detailsOf(usage)];
  const sum = (...names: string[]): number | undefined => {
    const found = sources.map((source) => count(source, ...names)).filter((value) => value !== undefined);
    return found.length === 0 ? undefined : found.reduce((total, value) => total + value, 0);
  };
  const split = sources.flatMap((source) => [count(source, 'cacheWrite5m') ?? 0, count(source, 'cacheWrite1h') ?? 0]);
  const cacheWrite =
    sum('cacheWrite', 'cache_write_tokens', 'cache_write_input_tokens') ?? split.reduce((a, b) => a + b, 0);
  return {
    ...given('input', input),
    ...given('output', output),
    ...given('cacheRead', positive(sum('cached_tokens', 'cacheRead', 'cached_input_tokens'))),
    ...given('cacheWrite', positive(cacheWrite)),
    ...given('reasoning', positive(sum('reasoning_tokens'))),
  };
}

function detailsOf(usage: Json): Json[] {
  const names = [
    'inputTokensDetails',
    'outputTokensDetails',
    'input_tokens_details',
    'output_tokens_details',
    'details',
  ];
  return names.flatMap((name) => {
    const value = usage[name];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.filter(isJson).flatMap((details) => [details, ...detailsOf(details)]);
  });
}

function count(source: Json, ...names: string[]): number | undefined {
  for (const name of names) {
    const value = source[name];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
  }
  return undefined;
}

const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 ? value : undefined;
