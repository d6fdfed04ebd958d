/** Claude, and other models behind the Messages API. */
import { asMessage, withFinalTool, type Finalized } from '../../model/final-tool.ts';
import { readStream, type EventReader, type Opened } from '../../model/read-stream.ts';
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
import { warn } from '../../protocol/warn.ts';
import { truncatedStream } from '../../wire/index.ts';
import { errorInStream, MessageAssembler, type Message } from './assemble.ts';
import { requestIdOf } from '../../model/vendor-client.ts';
import { create, createStream, retryAdvice, type Call } from './call.ts';
import type { CacheTtl } from './cache.ts';
import { capabilitiesOf, type AnthropicCapabilities } from './capabilities.ts';
import { ANTHROPIC_RAW_MODEL_EVENT_SOURCE, PROVIDER, type AnthropicClient } from './client.ts';
import { detached, isObject, isString, type Json } from './json.ts';
import { toOutput } from './output.ts';
import { toMessagesRequest, type Built, type Target } from './request.ts';
import { sumUsage } from './usage.ts';

/** One for all events: there are as many as tokens. */
const RAW = /* @__PURE__ */ Object.freeze({ rawModelEventSource: ANTHROPIC_RAW_MODEL_EVENT_SOURCE });
/** How often a model that pauses in the middle of its server tools is told to go on. */
const MAX_PAUSES = 5;

export type AnthropicModelOptions = {
  /** Mark the prompt for caching. Written parts cost 1.25 (5m) or 2 times (1h), read ones a tenth. @default 'off' */
  cache?: CacheTtl | 'off';
  /** Where the model's name does not tell what it can do. */
  capabilities?: Partial<AnthropicCapabilities>;
  /** Who answers, for a gateway: thoughts of one provider mean nothing to another. @default 'anthropic' */
  provider?: string;
  /** A label of the credential (never the key), where thoughts are bound to it. */
  project?: string;
};

/** What an `AnthropicModel` loads with its first request. */
export class MessagesModel implements Model {
  readonly origin: Origin;
  readonly #client: AnthropicClient;
  readonly #target: Target;
  readonly #warned = new Set<string>();

  constructor(client: AnthropicClient, origin: Origin, { cache = 'off', capabilities }: AnthropicModelOptions) {
    const { model } = origin;
    this.#client = client;
    this.origin = origin;
    const can = { ...capabilitiesOf(model), ...capabilities };
    this.#target = { model, origin: this.origin, can, cache, warn: (message) => this.#warnOnce(message) };
  }

  /** @throws ModelError the request failed. @throws ModelResponseError the token limit left no room for an answer. */
  async getResponse(given: ModelRequest): Promise<ModelResponse> {
    const { request, finalTool } = this.#finalized(given);
    const built = toMessagesRequest(this.#target, request, false);
    const messages: Message[] = [];
    let answer: Json = {};
    let { body } = built;
    for (let pauses = 0; ; pauses++) {
      const asked = create(this.#call(request, { ...built, body }));
      answer = await (pauses > 0 ? asked.catch(failAfterAnswer) : asked);
      messages.push(toMessage(answer));
      if (!isPaused(messages) || pauses === MAX_PAUSES) break;
      body = goOn(body, messages.at(-1));
    }
    const requestId = requestIdOf(answer);
    const { usage, response } = this.#finish(messages, { built, request, finalTool });
    return {
      ...response,
      usage: new Usage(usage),
      ...(requestId !== undefined && { requestId }),
      providerData: answer,
    };
  }

  getStreamedResponse(given: ModelRequest): AsyncIterableIterator<StreamEvent> {
    const { request, finalTool } = this.#finalized(given);
    const assembler = new MessageAssembler();
    const built = toMessagesRequest(this.#target, request, true);
    const open = async (): Promise<Opened> => {
      const first = await createStream(this.#call(request, built));
      const next = (body: Json): Promise<Opened> => createStream(this.#call(request, { ...built, body }));
      return { ...first, events: withPauses(first, { assembler, body: built.body, next }) };
    };
    const finish = (): Finished => this.#finish(assembler.messages, { built, request, finalTool });
    return readStream(open, ({ requestId }) => new MessagesReader({ assembler, finish, requestId, finalTool }));
  }

  getRetryAdvice(args: ModelRetryAdviceRequest): ModelRetryAdvice | undefined {
    return retryAdvice(args);
  }

  #call(request: ModelRequest, { body, headers }: Built): Call {
    return { client: this.#client, request, body, ...(headers && { headers }) };
  }

  /** The request as the model can take it. */
  #finalized(request: ModelRequest): Finalized {
    if (!this.#target.can.finalTool) return { request };
    // A model that thinks cannot be told to call a tool.
    const effort = request.modelSettings.reasoning?.effort ?? 'none';
    return withFinalTool(request, effort === 'none' || this.#target.can.thinking === 'none');
  }

  #finish(messages: readonly Message[], { built, request, finalTool }: Finishing): Finished {
    const last = messages.at(-1);
    const content = messages.flatMap((message) => message.content);
    const usages = messages.map(({ usage }) => usage);
    const raw = request.modelSettings.preserveRawUsage && last ? { rawUsage: detached(last.usage) } : {};
    const { toolName } = built;
    const said = toOutput({ content, stopReason: last?.stopReason, origin: this.origin, toolName });
    const output = asMessage(said, finalTool);
    return {
      usage: sumUsage(usages),
      response: { output, ...(last?.id && { responseId: last.id }), ...raw },
      rest: last ? { ...last.rest, id: last.id, usage: last.usage } : {},
    };
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    warn(`${this.origin.model}: ${message}`);
  }
}

type Finishing = { built: Built; request: ModelRequest; finalTool: string | undefined };

type Finished = {
  usage: ReturnType<typeof sumUsage>;
  response: Pick<ModelResponse, 'output' | 'responseId' | 'rawUsage'>;
  /** The message without its content. */
  rest?: Json;
};

function toMessage({ id, content, stop_reason: stopReason, usage, ...rest }: Json): Message {
  return {
    id: isString(id) ? id : '',
    content: Array.isArray(content) ? content.filter(isObject) : [],
    usage: isObject(usage) ? usage : {},
    rest,
    ...(isString(stopReason) && { stopReason }),
  };
}

/** What was said before the pause is paid for, whatever became of the rest. */
function failAfterAnswer(error: unknown): never {
  throw error instanceof Error ? Object.assign(error, { responseStarted: true }) : error;
}

const isPaused = (messages: readonly Message[]): boolean => messages.at(-1)?.stopReason === 'pause_turn';

/** The same request with what was said so far: the model goes on from there. */
function goOn(body: Json, message: Message | undefined): Json {
  const before: unknown[] = Array.isArray(body['messages']) ? body['messages'] : [];
  const container = isObject(message?.rest['container']) ? message.rest['container']['id'] : undefined;
  return {
    ...body,
    messages: [...before, { role: 'assistant', content: message?.content ?? [] }],
    ...(isString(container) && { container }),
  };
}

type Pausing = { assembler: MessageAssembler; body: Json; next: (body: Json) => Promise<Opened> };

/** The events of a stream and of those that go on where it paused, in their batches. */
function withPauses(first: Opened, pausing: Pausing): AsyncIterable<unknown> {
  const batches = pausedBatches(first, pausing);
  const events: AsyncIterable<unknown> & { batches: AsyncIterator<unknown[]> } = {
    batches,
    async *[Symbol.asyncIterator]() {
      for await (const batch of batches) yield* batch;
    },
  };
  return events;
}

async function* pausedBatches(
  first: Opened,
  { assembler, body, next }: Pausing,
): AsyncGenerator<unknown[], void, undefined> {
  let opened = first;
  let asked = body;
  for (let pauses = 0; ; pauses++) {
    yield* batchesOf(opened.events);
    // Whoever read the last batch has put the message together by now.
    if (!assembler.isWhole || !isPaused(assembler.messages) || pauses === MAX_PAUSES) return;
    asked = goOn(asked, assembler.messages.at(-1));
    opened = await next(asked).catch(failAfterAnswer);
  }
}

async function* batchesOf(events: AsyncIterable<unknown>): AsyncGenerator<unknown[], void, undefined> {
  // Ours come in batches already.
  if ('batches' in events && isIterable(events.batches)) yield* events.batches;
  else for await (const event of events) yield [event];
}

function isIterable(value: unknown): value is AsyncIterable<unknown[]> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

type Reading = {
  assembler: MessageAssembler;
  finish: () => Finished;
  requestId: string | undefined;
  finalTool: string | undefined;
};

/** Reads the events of one streamed answer. */
class MessagesReader implements EventReader {
  readonly #reading: Reading;
  #itemId = '';
  #started = false;
  #finalAt: { index: unknown } | undefined;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  read(event: unknown, out: StreamEvent[]): void {
    if (!isObject(event)) return;
    const { type } = event;
    if (type === 'error' || isObject(event['error'])) throw errorInStream(event);
    if (type === 'message_start') {
      if (isObject(event['message']) && isString(event['message']['id'])) this.#itemId = event['message']['id'];
      if (!this.#started) out.push({ type: 'response_started', providerData: { ...event } });
      this.#started = true;
    }
    const delta = this.#reading.assembler.add(event) ?? this.#finalDelta(event);
    if (delta !== undefined) {
      const itemId = this.#itemId;
      // Without a spread: there are as many as tokens.
      out.push(itemId === '' ? { type: 'output_text_delta', delta } : { type: 'output_text_delta', delta, itemId });
    }
    out.push({ type: 'model', event, providerData: RAW });
  }

  /** The arguments of the final tool's call are the text of the answer. */
  #finalDelta({ type, index, content_block: block, delta }: Json): string | undefined {
    const { finalTool } = this.#reading;
    if (finalTool === undefined) return undefined;
    if (type === 'content_block_start' && isObject(block) && block['name'] === finalTool) this.#finalAt ??= { index };
    if (type !== 'content_block_delta' || this.#finalAt?.index !== index || !isObject(delta)) return undefined;
    const { partial_json: text } = delta;
    return this.#finalAt && isString(text) && text !== '' ? text : undefined;
  }

  end(out: StreamEvent[]): void {
    const { assembler, finish, requestId } = this.#reading;
    if (!assembler.isWhole) throw truncatedStream(PROVIDER);
    const { usage, response, rest } = finish();
    const { responseId = '', output, rawUsage } = response;
    out.push({
      type: 'response_done',
      response: {
        id: responseId,
        usage,
        output,
        ...(requestId !== undefined && { requestId }),
        ...(rest && { providerData: rest }),
        ...(rawUsage && { rawUsage }),
      },
    });
  }
}
