/**
 * Models behind a LiteLLM proxy.
 *
 * What is read and sent beside the body is from docs.litellm.ai/docs/proxy/request_headers and /response_headers.
 */
import type { Answered, ChatDialect } from '../chat/dialect.ts';
import { OpenAIChatCompletionsModel } from '../chat/model.ts';
import { compact, isObject, isString, type Json } from '../json.ts';
import { numberIn } from './dialects.ts';
import { presetArguments, type Preset, type PresetModelOptions } from './preset.ts';

export type LiteLLMModelOptions = PresetModelOptions & {
  /** For routing by tag and for spend reports: `x-litellm-tags`. */
  tags?: readonly string[];
  /** Who the proxy counts the spend for: `x-litellm-customer-id`. */
  customerId?: string;
  /** Kept with the proxy's spend logs: `x-litellm-spend-logs-metadata`. */
  spendMetadata?: Record<string, unknown>;
  /** How often the proxy itself asks again: `x-litellm-num-retries`. @default what the proxy is configured for */
  proxyRetries?: number;
};

/** Gemini's signatures travel inside of call ids where a client may not know them. */
const THOUGHT = '__thought__';

const DIALECT: ChatDialect = {
  name: 'LiteLLM',
  message: withoutThoughtIds,
  facts: ({ headers, usage }: Answered): Json | undefined => {
    const of = (name: string): string | null => headers?.get(`x-litellm-${name}`) ?? null;
    // 0 is also what the proxy says where it does not know a price.
    const told = numberIn(of('response-cost')) || undefined;
    const facts = compact({
      costUsd: told ?? (isObject(usage) ? numberIn(usage['cost']) : undefined),
      callId: of('call-id') ?? undefined,
      modelId: of('model-id') ?? undefined,
      attemptedRetries: numberIn(of('attempted-retries')),
      attemptedFallbacks: numberIn(of('attempted-fallbacks')),
      overheadMs: numberIn(of('overhead-duration-ms')),
    });
    return Object.keys(facts).length > 0 ? facts : undefined;
  },
};

export const LITELLM: Preset = {
  provider: 'litellm',
  dialect: DIALECT,
  baseURL: { variable: 'LITELLM_BASE_URL', otherwise: 'http://localhost:4000' },
  key: { variable: 'LITELLM_API_KEY', required: true },
};

/**
 * A model behind a LiteLLM proxy. What the proxy says of an answer is in `response.providerData.litellm`: `costUsd`
 * (US dollars; the proxy cannot tell it in a stream unless it is set to count there), `callId`, `modelId`,
 * `attemptedRetries`, `attemptedFallbacks`, `overheadMs`.
 *
 * @throws UserError without a model; at the first call without `apiKey` and LITELLM_API_KEY
 * @example
 * ```ts no-run
 * import { Agent, LiteLLMModel } from '@baton/agents';
 *
 * const agent = new Agent({ name: 'Helper', model: new LiteLLMModel({ model: 'claude', temperature: 0.2 }) });
 * ```
 */
export class LiteLLMModel extends OpenAIChatCompletionsModel {
  constructor({ tags, customerId, spendMetadata, proxyRetries, ...options }: LiteLLMModelOptions) {
    const own: Record<string, string> = {
      ...(tags && { 'x-litellm-tags': tags.join(',') }),
      ...(customerId !== undefined && { 'x-litellm-customer-id': customerId }),
      ...(spendMetadata && { 'x-litellm-spend-logs-metadata': JSON.stringify(spendMetadata) }),
      ...(proxyRetries !== undefined && { 'x-litellm-num-retries': String(proxyRetries) }),
    };
    super(...presetArguments(LITELLM, { ...options, headers: { ...own, ...options.headers } }));
  }
}

/** The call's own id, and the signature where the proxy takes it back too: beside the call. */
function withoutThoughtIds(message: Json): Json {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: calls.map(withoutThoughtId) };
}

function withoutThoughtId(call: unknown): unknown {
  if (!isObject(call) || !isString(call['id'])) return call;
  const at = call['id'].indexOf(THOUGHT);
  if (at < 0) return call;
  const said = isObject(call['provider_specific_fields']) ? call['provider_specific_fields'] : {};
  const signature = call['id'].slice(at + THOUGHT.length);
  return {
    ...call,
    id: call['id'].slice(0, at),
    provider_specific_fields: { thought_signature: signature, ...said },
  };
}
