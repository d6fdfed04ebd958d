/**
 * Traces for OpenAI's dashboard. Its ingest takes traces and spans as their `toJSON()` gives them, with limits of its
 * own: 100,000 bytes a field, and a usage of two counts with everything else under `details`.
 *
 * What it takes was observed with the published package, which it was made for; the differential test compares them.
 */
import { UserError } from '../../protocol/errors.ts';
import { warn } from '../../protocol/warn.ts';
import { isModelError } from '../../wire/errors.ts';
import { requestBytes, type Fetch } from '../../wire/http.ts';
import { createRedactor, type RedactionOptions, type Redactor } from '../../wire/redaction.ts';
import { BatchTraceProcessor } from '../batch.ts';
import { setTraceProcessors } from '../provider.ts';
import type { Span, Trace, TracingExporter } from '../types.ts';
import { jsonWithin, textWithin, utf8Bytes } from './limits.ts';

export type OpenAITracingExporterOptions = {
  /** A trace's own key goes before it. @default that of setTracingExportApiKey, or OPENAI_API_KEY */
  apiKey?: string;
  /** @default OPENAI_ORG_ID */
  organization?: string;
  /** @default OPENAI_PROJECT_ID */
  project?: string;
  /** @default 'https://api.openai.com/v1/traces/ingest' */
  endpoint?: string;
  /** Further tries after a failure that may pass. @default 3 */
  maxRetries?: number;
  /** First and longest pause between tries, in milliseconds. @default 1_000 and 30_000 */
  baseDelay?: number;
  maxDelay?: number;
  /** What is taken out of all that leaves. `false` sends everything as it is. @default shapes of keys, secret names */
  redact?: RedactionOptions | Redactor | false;
  /** @default globalThis.fetch */
  fetch?: Fetch;
};

type Json = Record<string, unknown>;

const ENDPOINT = 'https://api.openai.com/v1/traces/ingest';
const MAX_FIELD_BYTES = 100_000;
const TIMEOUT_MS = 30_000;

/** The key that all exporters use which were given none: set once, at the start of a program. */
const shared: { apiKey: string | undefined } = { apiKey: undefined };

/** Sets the key with which traces are sent to OpenAI, where it is not that of the model. */
export function setTracingExportApiKey(apiKey: string): void {
  shared.apiKey = apiKey;
}

/**
 * Sends all traces to OpenAI's dashboard, in place of the processors that were set before.
 *
 * @throws UserError where an environment variable cannot be used
 */
export function setDefaultOpenAITracingExporter(options: OpenAITracingExporterOptions = {}): void {
  setTraceProcessors([new BatchTraceProcessor(new OpenAITracingExporter(options))]);
}

/** Sends traces and spans to OpenAI's dashboard. It never fails a run: what cannot be sent is warned of, once. */
export class OpenAITracingExporter implements TracingExporter {
  readonly #options: OpenAITracingExporterOptions;
  readonly #redact: Redactor;
  readonly #told = new Set<string>();

  constructor(options: OpenAITracingExporterOptions = {}) {
    const { endpoint = ENDPOINT, redact = {} } = options;
    if (!URL.canParse(endpoint)) throw new UserError(`endpoint is ${JSON.stringify(endpoint)}, which is no URL.`);
    this.#options = options;
    this.#redact = redact === false ? (value) => value : typeof redact === 'function' ? redact : createRedactor(redact);
  }

  async export(items: (Trace | Span)[], signal?: AbortSignal): Promise<void> {
    const groups = new Map<string | undefined, Json[]>();
    for (const item of items) {
      const body = this.#bodyOf(item);
      if (body === undefined) continue;
      const group = groups.get(item.tracingApiKey);
      if (group) group.push(body);
      else groups.set(item.tracingApiKey, [body]);
    }
    for (const [apiKey, data] of groups) await this.#send(apiKey, data, signal);
  }

  #bodyOf(item: Trace | Span): Json | undefined {
    try {
      const json = item.toJSON();
      return json === null ? undefined : ingestible(this.#redact(json) as Json, this.#isOfficial);
    } catch (error) {
      this.#tell(`an item could not be written down (${error instanceof Error ? error.name : 'unknown'})`);
      return undefined;
    }
  }

  get #isOfficial(): boolean {
    return new URL(this.#options.endpoint ?? ENDPOINT).hostname === 'api.openai.com';
  }

  async #send(traceKey: string | undefined, data: readonly Json[], signal?: AbortSignal): Promise<void> {
    const { env } = process;
    const apiKey = traceKey ?? this.#options.apiKey ?? shared.apiKey ?? env['OPENAI_API_KEY'];
    if (!apiKey) return this.#tell('there is no key. Set OPENAI_API_KEY or call setTracingExportApiKey(key)');
    const { endpoint = ENDPOINT, maxRetries = 3, fetch } = this.#options;
    // A trace's own key may be of another organization.
    const own = traceKey === undefined;
    const organization = own ? (this.#options.organization ?? env['OPENAI_ORG_ID']) : undefined;
    const project = own ? (this.#options.project ?? env['OPENAI_PROJECT_ID']) : undefined;
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${apiKey}`,
      'openai-beta': 'traces=v1',
      ...(organization && { 'openai-organization': organization }),
      ...(project && { 'openai-project': project }),
    };
    const body = JSON.stringify({ data });
    const timeouts = { headersMs: TIMEOUT_MS, idleMs: TIMEOUT_MS };
    const secrets = [apiKey];
    for (let tries = 0; ; tries++) {
      try {
        await requestBytes({
          provider: "OpenAI's trace ingest",
          url: endpoint,
          headers,
          body,
          signal,
          secrets,
          fetch,
          timeouts,
        });
        return;
      } catch (error) {
        if (signal?.aborted) return;
        const facts = isModelError(error) ? error : undefined;
        if (!facts?.retryable || tries >= maxRetries) return this.#tell(facts?.message ?? String(error));
        await this.#pause(tries, facts.retryAfterMs, signal);
      }
    }
  }

  async #pause(tries: number, asked: number | undefined, signal?: AbortSignal): Promise<void> {
    const { baseDelay = 1_000, maxDelay = 30_000 } = this.#options;
    const own = baseDelay * 2 ** tries * (0.5 + Math.random() / 2);
    const ms = Math.min(maxDelay, asked ?? own);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  #tell(problem: string): void {
    if (this.#told.has(problem)) return;
    this.#told.add(problem);
    warn(`Traces did not reach OpenAI's dashboard: ${problem}.`);
  }
}

/** An item as the ingest takes it. */
function ingestible(item: Json, isOfficial: boolean): Json {
  const data = item['span_data'];
  if (!isJson(data)) return item;
  const fits: Json = { ...data };
  for (const field of ['input', 'output']) if (field in fits) fits[field] = withinLimit(fits[field]);
  if (fits['type'] === 'generation') {
    if (isOfficial) {
      // The ingest refuses a span with reasoning in its messages.
      for (const field of ['input', 'output']) if (field in fits) fits[field] = withoutReasoning(fits[field]);
    }
    const usage = usageOf(fits['usage']);
    if (usage === undefined) delete fits['usage'];
    else fits['usage'] = usage;
  }
  return { ...item, span_data: fits };
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const jsonBytes = (text: string): number => utf8Bytes(JSON.stringify(text));

function withinLimit(value: unknown): unknown {
  if (typeof value === 'string') return textWithin(value, MAX_FIELD_BYTES, jsonBytes);
  if (typeof value !== 'object' || value === null) return value;
  const text = JSON.stringify(value);
  // Three bytes are the most that a UTF-16 unit becomes: most fields need not be measured.
  if (text.length * 3 <= MAX_FIELD_BYTES || utf8Bytes(text) <= MAX_FIELD_BYTES) return value;
  return JSON.parse(jsonWithin(value, MAX_FIELD_BYTES, utf8Bytes)) as unknown;
}

function withoutReasoning(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  return messages.filter((message) => !isJson(message) || message['type'] !== 'reasoning');
}

/** Two counts, and everything else under `details`. Without both counts there is no usage. */
function usageOf(usage: unknown): Json | undefined {
  if (!isJson(usage)) return undefined;
  const { input_tokens: input, output_tokens: output, details, ...others } = usage;
  if (typeof input !== 'number' || typeof output !== 'number') return undefined;
  const all = { ...(isJson(details) && details), ...others };
  return { input_tokens: input, output_tokens: output, ...(Object.keys(all).length > 0 && { details: all }) };
}
