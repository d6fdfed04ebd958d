/** Models behind OpenAI's Responses API. */
import type { HistoryTarget } from '../../../model/index.ts';
import type { Origin } from '../../../protocol/items.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  StreamEvent,
} from '../../../protocol/model.ts';
import { errorOfAnswer, errorOfResponse, truncatedStream, type ModelResponseError } from '../../../wire/index.ts';
import { readStream, type EventReader, type Opened } from '../../../model/read-stream.ts';
import { requestIdOf } from '../../../model/vendor-client.ts';
import { create, createStream, retryAdvice, type BuiltRequest } from '../call.ts';
import type { OpenAIClient } from '../client.ts';
import { fitHistory, marked, targetFor, type OpenAIModelIdentity } from '../history.ts';
import { isObject, isString, type Json } from '../json.ts';
import { OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE } from '../raw-events.ts';
import { rawUsage, responsesUsage, responsesUsageData } from '../usage.ts';
import { toOutput } from './output.ts';
import { toResponsesRequest } from './request.ts';

const PROVIDER = 'OpenAI';
/** One for all events: there are as many as tokens. */
const RAW = /* @__PURE__ */ Object.freeze({ rawModelEventSource: OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE });

/** Asks a model through the Responses API. The client is `new OpenAI()`, `new AzureOpenAI()`, or one of ours. */
export class OpenAIResponsesModel implements Model {
  /** A stored prompt may name the model. */
  readonly supportsPromptModelSelection = true;
  readonly #client: Pick<OpenAIClient, 'responses'>;
  readonly #model: string;
  readonly #target: HistoryTarget;
  /** Who answers; the items of its answers are marked with it. */
  readonly origin: Origin;

  constructor(client: Pick<OpenAIClient, 'responses'>, model: string, identity: OpenAIModelIdentity = {}) {
    this.#client = client;
    this.#model = model;
    ({ target: this.#target, origin: this.origin } = targetFor('openai-responses', model, identity));
  }

  /** @throws ModelError the request failed. @throws ModelResponseError the response is failed or incomplete. */
  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const response = await create(this.#client.responses, request, await this.#build(request, false));
    const { id, status, usage } = response;
    if (status === 'failed' || status === 'incomplete') throw endedBadly(`response.${status}`, response);
    const requestId = requestIdOf(response);
    return {
      usage: responsesUsage(usage),
      output: marked(toOutput(response['output']), this.origin),
      ...(isString(id) && { responseId: id }),
      ...(requestId !== undefined && { requestId }),
      providerData: response,
      ...rawUsage(usage, request.modelSettings.preserveRawUsage),
    };
  }

  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    const open = async (): Promise<Opened> =>
      createStream(this.#client.responses, request, await this.#build(request, true));
    return readStream(open, ({ requestId }) => new ResponsesReader({ request, requestId, origin: this.origin }));
  }

  getRetryAdvice(args: ModelRetryAdviceRequest): ModelRetryAdvice | undefined {
    return retryAdvice(args);
  }

  async #build(request: ModelRequest, stream: boolean): Promise<BuiltRequest> {
    return toResponsesRequest(this.#model, await fitHistory(request, this.#target), stream);
  }
}

type Reading = { request: ModelRequest; requestId: string | undefined; origin: Origin };

/** Reads the events of one streamed response. */
class ResponsesReader implements EventReader {
  readonly #reading: Reading;
  #done = false;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  read(event: unknown, out: StreamEvent[]): void {
    if (!isObject(event)) return;
    const raw: StreamEvent = { type: 'model', event, providerData: RAW };
    switch (event['type']) {
      case 'response.output_text.delta':
        out.push(textDelta(event), raw);
        return;
      case 'response.created':
        out.push({ type: 'response_started', providerData: { ...event } }, raw);
        return;
      case 'response.completed':
        this.#done = true;
        out.push(responseDone(event, this.#reading), raw);
        return;
      case 'response.failed':
      case 'response.incomplete':
        out.push(raw);
        throw endedBadly(event['type'], event['response'], this.#reading.requestId);
      case 'error':
        out.push(raw);
        throw endedBadly('error', event, this.#reading.requestId);
      default:
        if (isObject(event['error'])) throw errorInStream(event);
        out.push(raw);
    }
  }

  end(): void {
    if (!this.#done) throw truncatedStream(PROVIDER);
  }
}

function textDelta(event: Json): StreamEvent {
  const { delta, ...providerData } = event;
  const { item_id: itemId } = event;
  return {
    type: 'output_text_delta',
    delta: isString(delta) ? delta : '',
    ...(isString(itemId) && { itemId }),
    providerData,
  };
}

function responseDone(event: Json, { request: { modelSettings }, requestId: ofStream, origin }: Reading): StreamEvent {
  const { response, ...providerData } = event;
  const { id, output, usage, ...rest } = isObject(response) ? response : {};
  const requestId = requestIdOf(response) ?? ofStream;
  return {
    type: 'response_done',
    response: {
      id: isString(id) ? id : '',
      ...(requestId !== undefined && { requestId }),
      output: marked(toOutput(output), origin),
      usage: responsesUsageData(usage),
      ...rawUsage(usage, modelSettings.preserveRawUsage),
      providerData: rest,
    },
    providerData,
  };
}

/** The error of a response that the API itself calls failed or incomplete. */
function endedBadly(state: string, source: unknown, requestId = requestIdOf(source)): ModelResponseError {
  const response: Json = isObject(source) ? source : {};
  const details = response['incomplete_details'];
  const reason = isObject(details) && isString(details['reason']) ? details['reason'] : undefined;
  const prefix = `${PROVIDER} ended the response with "${state}"`;
  const shared = { provider: PROVIDER, prefix, responseStarted: true, ...(requestId !== undefined && { requestId }) };
  if (state !== 'response.incomplete')
    return errorOfResponse({ ...shared, body: state === 'error' ? response : { error: response['error'] } });
  const kind = reason === 'content_filter' ? 'content_policy' : 'incomplete';
  return errorOfResponse({ ...shared, kind, body: { code: reason ?? 'unknown reason' } });
}

/** Gateways put an error into the stream without an event type. */
function errorInStream(event: Json): Error {
  return errorOfAnswer({
    provider: PROVIDER,
    prefix: `${PROVIDER} sent an error inside the stream`,
    body: event,
    responseStarted: true,
  });
}
