/** Models behind Chat Completions, of OpenAI and of the many servers that speak it. */
import { UserError } from '../../../protocol/errors.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  StreamEvent,
} from '../../../protocol/model.ts';
import { errorOfAnswer, truncatedStream, type ModelError } from '../../../wire/index.ts';
import { readStream, type EventReader, type Opened } from '../../../model/read-stream.ts';
import { requestIdOf } from '../../../model/vendor-client.ts';
import { create, createStream, retryAdvice, type BuiltRequest } from '../call.ts';
import type { OpenAIClient } from '../client.ts';
import { isObject, isString, type Json } from '../json.ts';
import { OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE } from '../raw-events.ts';
import { chatUsage, chatUsageData, rawUsage } from '../usage.ts';
import { ChatAssembler } from './assemble.ts';
import { toOutput } from './output.ts';
import { toChatRequest } from './request.ts';

const PROVIDER = 'OpenAI';
/** One for all events: there are as many as tokens. */
const RAW = Object.freeze({ rawModelEventSource: OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE });

export type OpenAIChatCompletionsModelOptions = {
  /** Refuse what Chat Completions cannot do (stored prompts, conversations), else leave it out. @default false */
  strictFeatureValidation?: boolean;
};

/** Asks a model through Chat Completions. The client is `new OpenAI()`, `new AzureOpenAI()`, or one of ours. */
export class OpenAIChatCompletionsModel implements Model {
  readonly #client: Pick<OpenAIClient, 'chat'>;
  readonly #model: string;
  readonly #strict: boolean;
  #warned = false;

  constructor(
    client: Pick<OpenAIClient, 'chat'>,
    model: string,
    { strictFeatureValidation = false }: OpenAIChatCompletionsModelOptions = {},
  ) {
    this.#client = client;
    this.#model = model;
    this.#strict = strictFeatureValidation;
  }

  /** @throws ModelError the request failed. @throws ModelBehaviorError the token limit left no room for an answer. */
  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const completion = await create(this.#client.chat.completions, request, this.#build(request, false));
    const { id, choices, usage } = completion;
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (choice === undefined && isObject(completion['error'])) throw errorInAnswer(completion);
    const requestId = requestIdOf(completion);
    return {
      usage: chatUsage(usage),
      output: isObject(choice) ? outputOf(id, choice['message'], choice['finish_reason']) : [],
      ...(isString(id) && { responseId: id }),
      ...(requestId !== undefined && { requestId }),
      providerData: completion,
      ...rawUsage(usage, request.modelSettings.preserveRawUsage),
    };
  }

  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    const open = async (): Promise<Opened> =>
      createStream(this.#client.chat.completions, request, this.#build(request, true));
    return readStream(open, (opened) => new ChatReader(request, opened));
  }

  getRetryAdvice(args: ModelRetryAdviceRequest): ModelRetryAdvice | undefined {
    return retryAdvice(args);
  }

  #build(request: ModelRequest, stream: boolean): BuiltRequest {
    this.#checkFeatures(request);
    return toChatRequest(this.#model, request, { stream, strict: this.#strict });
  }

  #checkFeatures({ prompt, previousResponseId, conversationId }: ModelRequest): void {
    const asked = [
      prompt && 'prompt',
      previousResponseId !== undefined && 'previousResponseId',
      conversationId !== undefined && 'conversationId',
    ].filter(isString);
    if (asked.length === 0) return;
    const message =
      `Chat Completions keeps no prompts and no conversations, so ${asked.join(' and ')} cannot be honored. ` +
      'Use the Responses API, or pass the whole history.';
    if (this.#strict) throw new UserError(message);
    if (!this.#warned)
      globalThis.process?.emitWarning(`${message} Ignored; strictFeatureValidation makes it an error.`);
    this.#warned = true;
  }
}

/** Reads the chunks of one streamed completion. */
class ChatReader implements EventReader {
  readonly #assembler = new ChatAssembler();
  readonly #request: ModelRequest;
  readonly #opened: Opened;
  #started = false;

  constructor(request: ModelRequest, opened: Opened) {
    this.#request = request;
    this.#opened = opened;
  }

  read(chunk: unknown, out: StreamEvent[]): void {
    if (!isObject(chunk)) return;
    if (chunk['error']) throw errorInAnswer(chunk);
    if (!this.#started) {
      this.#started = true;
      out.push({ type: 'response_started', providerData: { ...chunk } });
    }
    out.push({ type: 'model', event: chunk, providerData: RAW });
    const delta = this.#assembler.add(chunk);
    if (delta === undefined) return;
    const { id: itemId } = this.#assembler;
    out.push({ type: 'output_text_delta', delta, ...(itemId !== '' && { itemId }), providerData: chunk });
  }

  end(out: StreamEvent[]): void {
    const { id, finishReason, usage, message } = this.#assembler;
    const { events, requestId } = this.#opened;
    const whole = finishReason !== undefined || ('sawDone' in events && events.sawDone === true && this.#started);
    if (!whole) throw truncatedStream(PROVIDER);
    out.push({
      type: 'response_done',
      response: {
        id,
        usage: chatUsageData(usage),
        ...rawUsage(usage, this.#request.modelSettings.preserveRawUsage),
        output: outputOf(id, message, finishReason),
        ...(requestId !== undefined && { requestId }),
      },
    });
  }
}

function outputOf(id: unknown, message: unknown, finishReason: unknown): ModelResponse['output'] {
  return toOutput({ id: isString(id) ? id : '', message: isObject(message) ? message : {}, finishReason });
}

function errorInAnswer(body: Json): ModelError {
  return errorOfAnswer({
    provider: PROVIDER,
    prefix: `${PROVIDER} answered with an error`,
    body,
    responseStarted: true,
  });
}
