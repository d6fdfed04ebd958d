/** Models behind Chat Completions, of OpenAI and of the many servers that speak it. */
import { UserError } from '../../../protocol/errors.ts';
import type { HistoryTarget } from '../../../model/index.ts';
import { asMessage, withFinalTool, type Finalized } from '../../../model/final-tool.ts';
import { mergeModelSettings } from '../../../model/settings.ts';
import { headersOf } from '../../../model/vendor-http.ts';
import type { Origin } from '../../../protocol/items.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  ModelSettings,
  StreamEvent,
} from '../../../protocol/model.ts';
import { errorOfAnswer, truncatedStream, type ModelError } from '../../../wire/index.ts';
import { readStream, type EventReader, type Opened } from '../../../model/read-stream.ts';
import { requestIdOf } from '../../../model/vendor-client.ts';
import { create, createStream, retryAdvice, type BuiltRequest } from '../call.ts';
import type { OpenAIClient } from '../client.ts';
import { fitHistory, marked, targetFor, type OpenAIModelIdentity } from '../history.ts';
import { isObject, isString, type Json } from '../json.ts';
import { OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE } from '../raw-events.ts';
import { chatUsage, chatUsageData, rawUsage } from '../usage.ts';
import { ChatAssembler } from './assemble.ts';
import { FinalCall } from './final-call.ts';
import { OPENAI, type Answered, type ChatDialect } from './dialect.ts';
import { toOutput } from './output.ts';
import { toChatRequest } from './request.ts';

/** One for all events: there are as many as tokens. */
const RAW = /* @__PURE__ */ Object.freeze({ rawModelEventSource: OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE });

export type OpenAIChatCompletionsModelOptions = OpenAIModelIdentity & {
  /** Refuse what Chat Completions cannot do (stored prompts, conversations), else leave it out. @default false */
  strictFeatureValidation?: boolean;
  /** Settings of every request; the agent's are laid over them. */
  settings?: ModelSettings;
  /** How the server speaks, where it is not OpenAI's. */
  dialect?: ChatDialect;
  /**
   * For servers that do not combine tools and a schema for the answer: the schema goes out as one more tool, whose call
   * comes back as the answer's message.
   * @default false, but for llama.cpp's server
   */
  finalTool?: boolean;
};

/** Asks a model through Chat Completions. The client is `new OpenAI()`, `new AzureOpenAI()`, or one of ours. */
export class OpenAIChatCompletionsModel implements Model {
  readonly #client: Pick<OpenAIClient, 'chat'>;
  readonly #model: string;
  readonly #target: HistoryTarget;
  readonly #strict: boolean;
  declare readonly ownSettings?: ModelSettings;
  readonly #dialect: ChatDialect;
  readonly #usesFinalTool: boolean;
  /** Who answers; the items of its answers are marked with it. */
  readonly origin: Origin;
  #warned = false;

  constructor(client: Pick<OpenAIClient, 'chat'>, model: string, options: OpenAIChatCompletionsModelOptions = {}) {
    const { strictFeatureValidation = false, settings, dialect = OPENAI, finalTool, ...identity } = options;
    this.#client = client;
    this.#model = model;
    this.#strict = strictFeatureValidation;
    if (settings) this.ownSettings = settings;
    this.#dialect = dialect;
    this.#usesFinalTool = finalTool ?? dialect.finalTool ?? false;
    ({ target: this.#target, origin: this.origin } = targetFor('openai-chat', model, identity));
  }

  /** @throws ModelError the request failed. @throws ModelBehaviorError the token limit left no room for an answer. */
  async getResponse(given: ModelRequest): Promise<ModelResponse> {
    const { request, finalTool } = this.#settled(given);
    const completion = await create(this.#client.chat.completions, request, await this.#build(request, false));
    const { id, choices, usage } = completion;
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (choice === undefined && isObject(completion['error'])) throw errorInAnswer(this.#dialect.name, completion);
    const requestId = requestIdOf(completion);
    const facts = this.#factsOf({ headers: headersOf(completion), usage });
    return {
      usage: chatUsage(usage),
      output: isObject(choice)
        ? asMessage(this.#outputOf(id, choice['message'], choice['finish_reason']), finalTool)
        : [],
      ...(isString(id) && { responseId: id }),
      ...(requestId !== undefined && { requestId }),
      providerData: facts ? { ...completion, ...facts } : completion,
      ...rawUsage(usage, request.modelSettings.preserveRawUsage),
    };
  }

  getStreamedResponse(given: ModelRequest): AsyncIterableIterator<StreamEvent> {
    const { request, finalTool } = this.#settled(given);
    const open = async (): Promise<Opened> =>
      createStream(this.#client.chat.completions, request, await this.#build(request, true));
    const { name } = this.#dialect;
    const outputOf = this.#outputOf.bind(this);
    const factsOf = this.#factsOf.bind(this);
    return readStream(open, (opened) => new ChatReader({ request, finalTool, opened, name, outputOf, factsOf }));
  }

  getRetryAdvice(args: ModelRetryAdviceRequest): ModelRetryAdvice | undefined {
    return retryAdvice(args);
  }

  /** The request with the model's own settings under those that it brings, as the server can take it. */
  #settled(given: ModelRequest): Finalized {
    const request = this.ownSettings
      ? { ...given, modelSettings: mergeModelSettings(this.ownSettings, given.modelSettings) }
      : given;
    return this.#usesFinalTool ? withFinalTool(request) : { request };
  }

  async #build(request: ModelRequest, stream: boolean): Promise<BuiltRequest> {
    this.#checkFeatures(request);
    const fitted = await fitHistory(request, this.#target);
    const built = toChatRequest(this.#model, fitted, { stream, strict: this.#strict });
    return this.#dialect.request ? { ...built, body: this.#dialect.request(built.body) } : built;
  }

  #outputOf(id: unknown, given: unknown, finishReason: unknown): ModelResponse['output'] {
    const message = isObject(given) ? given : {};
    const read = this.#dialect.message?.(message) ?? message;
    return marked(toOutput({ id: isString(id) ? id : '', message: read, finishReason }), this.origin);
  }

  /** What the server says of an answer, under the provider's name; a cost also where usage is looked for. */
  #factsOf(answered: Answered): Json | undefined {
    const facts = this.#dialect.facts?.(answered);
    if (!facts) return undefined;
    const { costUsd } = facts;
    const usage = isObject(answered.usage) ? answered.usage : {};
    return { [this.origin.provider]: facts, ...(costUsd !== undefined && { usage: { ...usage, cost: costUsd } }) };
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

type Reading = {
  request: ModelRequest;
  finalTool: string | undefined;
  opened: Opened;
  name: string;
  outputOf: (id: unknown, message: unknown, finishReason: unknown) => ModelResponse['output'];
  factsOf: (answered: Answered) => Json | undefined;
};

/** Reads the chunks of one streamed completion. */
class ChatReader implements EventReader {
  readonly #assembler = new ChatAssembler();
  readonly #reading: Reading;
  readonly #final: FinalCall | undefined;
  #started = false;

  constructor(reading: Reading) {
    this.#reading = reading;
    this.#final = reading.finalTool === undefined ? undefined : new FinalCall(reading.finalTool);
  }

  read(chunk: unknown, out: StreamEvent[]): void {
    if (!isObject(chunk)) return;
    if (chunk['error']) throw errorInAnswer(this.#reading.name, chunk);
    if (!this.#started) {
      this.#started = true;
      out.push({ type: 'response_started', providerData: { ...chunk } });
    }
    out.push({ type: 'model', event: chunk, providerData: RAW });
    const text = this.#assembler.add(chunk);
    const delta = this.#final ? `${text ?? ''}${this.#final.add(chunk)}` || undefined : text;
    if (delta === undefined) return;
    const { id: itemId } = this.#assembler;
    // Without a spread: there are as many as tokens.
    out.push(
      itemId === ''
        ? { type: 'output_text_delta', delta, providerData: chunk }
        : { type: 'output_text_delta', delta, itemId, providerData: chunk },
    );
  }

  end(out: StreamEvent[]): void {
    const { id, finishReason, usage, message } = this.#assembler;
    const { request, opened, name, outputOf, factsOf, finalTool } = this.#reading;
    const { events, requestId } = opened;
    const whole = finishReason !== undefined || ('sawDone' in events && events.sawDone === true && this.#started);
    if (!whole) throw truncatedStream(name);
    const facts = factsOf({ headers: headersOf(events), usage });
    out.push({
      type: 'response_done',
      response: {
        id,
        usage: chatUsageData(usage),
        ...rawUsage(usage, request.modelSettings.preserveRawUsage),
        output: asMessage(outputOf(id, message, finishReason), finalTool),
        ...(requestId !== undefined && { requestId }),
        ...(facts && { providerData: facts }),
      },
    });
  }
}

function errorInAnswer(provider: string, body: Json): ModelError {
  return errorOfAnswer({ provider, prefix: `${provider} answered with an error`, body, responseStarted: true });
}
