/** Asks a model of the AI SDK. */
import { readStream, type EventReader, type Opened } from '../../model/read-stream.ts';
import { afterCall } from '../../model/vendor-client.ts';
import type { Origin } from '../../protocol/items.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  StreamEvent,
} from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { isModelError, truncatedStream } from '../../wire/index.ts';
import { toModelError } from './errors.ts';
import { AI_SDK_RAW_MODEL_EVENT_SOURCE } from './from-ai-sdk.ts';
import { finishOf, toOutput, usageOf, type Finish } from './output.ts';
import { toCallOptions, type Built, type Target } from './request.ts';
import { isObject, isString, type AiSdkLanguageModel, type Json } from './types.ts';

const RAW = /* @__PURE__ */ Object.freeze({ rawModelEventSource: AI_SDK_RAW_MODEL_EVENT_SOURCE });

/** What `fromAiSdk` loads with the first request. */
export class AiSdkModel implements Model {
  readonly #model: AiSdkLanguageModel;
  readonly #target: Target;

  constructor(model: AiSdkLanguageModel, target: Target) {
    this.#model = model;
    this.#target = target;
  }

  get origin(): Origin {
    return this.#target.origin;
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const { origin } = this.#target;
    const { options, toolName } = toCallOptions(this.#target, request);
    const result = await this.#ask(() => this.#model.doGenerate(options as never), request);
    const { content, finishReason, usage, response, structuredOutputText: structured } = result;
    const parts: unknown[] = Array.isArray(content) ? content : [];
    const hasText = parts.some((part) => isObject(part) && part['type'] === 'text');
    // Some providers hand out a structured answer beside the content.
    const all = isString(structured) && !hasText ? [...parts, { type: 'text', text: structured }] : parts;
    const counts = usageOf(usage);
    const id = isObject(response) ? response['id'] : undefined;
    return {
      usage: new Usage({ ...counts, requests: 1 }),
      output: toOutput({ content: all, finish: finishOf(finishReason), origin, toolName }),
      ...(isString(id) && { responseId: id }),
      ...rawUsage(usage, request),
    };
  }

  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    const built = toCallOptions(this.#target, request);
    const open = async (): Promise<Opened> => {
      const { stream } = await this.#ask(() => this.#model.doStream(built.options as never), request);
      if (typeof stream !== 'object' || stream === null || !(Symbol.asyncIterator in stream)) {
        throw afterCall(`The AI SDK model ${this.origin.model} gave no stream.`);
      }
      return { events: guarded(stream as AsyncIterable<unknown>, this.origin.provider) };
    };
    return readStream(open, () => new PartReader({ built, request, origin: this.origin }));
  }

  getRetryAdvice({ error }: ModelRetryAdviceRequest): ModelRetryAdvice | undefined {
    if (!isModelError(error)) return undefined;
    const { retryable, message, retryAfterMs, replaySafe, responseStarted } = error;
    return {
      suggested: retryable,
      reason: message,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(replaySafe && { replaySafety: 'safe' as const }),
      ...(responseStarted !== undefined && { responseStarted }),
    };
  }

  async #ask(call: () => PromiseLike<unknown>, { signal }: ModelRequest): Promise<Json> {
    try {
      const result: unknown = await call();
      if (isObject(result)) return result;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw toModelError(error, this.origin.provider, false);
    }
    throw afterCall(`The AI SDK model ${this.origin.model} did not answer with an object.`);
  }
}

function rawUsage(usage: unknown, { modelSettings }: ModelRequest): { rawUsage?: Json } {
  const raw = isObject(usage) ? usage['raw'] : undefined;
  return modelSettings.preserveRawUsage && isObject(raw) ? { rawUsage: structuredClone(raw) } : {};
}

async function* guarded(stream: AsyncIterable<unknown>, provider: string): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* stream;
  } catch (error) {
    throw toModelError(error, provider, true);
  }
}

type Reading = { built: Built; request: ModelRequest; origin: Origin };

/** Reads the parts of one streamed answer. Calls are handed out with its end, and only a good one. */
class PartReader implements EventReader {
  readonly #reading: Reading;
  readonly #content: Json[] = [];
  /** Texts and reasonings that still grow, by their id. */
  readonly #open = new Map<unknown, { part: Json; pieces: string[] }>();
  #finish: Finish | undefined;
  #usage: unknown;
  #id = '';
  #started = false;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  read(part: unknown, out: StreamEvent[]): void {
    if (!isObject(part)) return;
    if (!this.#started) out.push({ type: 'response_started' });
    this.#started = true;
    const delta = this.#add(part);
    if (delta !== undefined) out.push({ type: 'output_text_delta', delta });
    out.push({ type: 'model', event: part, providerData: RAW });
  }

  #add(part: Json): string | undefined {
    switch (part['type']) {
      case 'text-start':
      case 'reasoning-start':
        this.#begin(part);
        return undefined;
      case 'text-delta':
      case 'reasoning-delta':
        return this.#grow(part);
      case 'text-end':
      case 'reasoning-end':
        this.#end(part);
        return undefined;
      case 'tool-call':
      case 'tool-result':
      case 'file':
      case 'reasoning-file':
      case 'tool-approval-request':
        this.#content.push(part);
        return undefined;
      case 'response-metadata':
        if (isString(part['id'])) this.#id = part['id'];
        return undefined;
      case 'error':
        throw toModelError(part['error'], this.#reading.origin.provider, true);
      case 'finish':
        this.#finish = finishOf(part['finishReason']);
        this.#usage = part['usage'];
        return undefined;
      default:
        return undefined;
    }
  }

  #begin({ type, id, providerMetadata }: Json): void {
    const part: Json = { type: type === 'text-start' ? 'text' : 'reasoning', text: '', providerMetadata };
    this.#content.push(part);
    this.#open.set(`${String(part['type'])} ${String(id)}`, { part, pieces: [] });
  }

  #grow({ type, id, delta, providerMetadata }: Json): string | undefined {
    const kind = type === 'text-delta' ? 'text' : 'reasoning';
    const open = this.#open.get(`${kind} ${String(id)}`);
    if (!open || !isString(delta)) return undefined;
    open.pieces.push(delta);
    // Signatures come with a late delta.
    if (providerMetadata !== undefined) open.part['providerMetadata'] = providerMetadata;
    return kind === 'text' && delta !== '' ? delta : undefined;
  }

  #end({ type, id, providerMetadata, citations }: Json): void {
    const key = `${type === 'text-end' ? 'text' : 'reasoning'} ${String(id)}`;
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (!open) return;
    open.part['text'] = open.pieces.join('');
    if (providerMetadata !== undefined) open.part['providerMetadata'] = providerMetadata;
    if (citations !== undefined) open.part['citations'] = citations;
  }

  end(out: StreamEvent[]): void {
    const { built, request, origin } = this.#reading;
    const { unified, raw } = this.#finish ?? {};
    // Some providers end a stream that was cut with a finish for which the server gave no reason.
    const cut = unified === undefined || (unified === 'other' && raw === undefined);
    if (!this.#finish || cut || this.#open.size > 0) throw truncatedStream(origin.provider);
    const output = toOutput({ content: this.#content, finish: this.#finish, origin, toolName: built.toolName });
    out.push({
      type: 'response_done',
      response: {
        id: this.#id,
        usage: { requests: 1, ...usageOf(this.#usage) },
        output,
        ...rawUsage(this.#usage, request),
      },
    });
  }
}
