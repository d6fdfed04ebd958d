/** How a raw event of OpenAI is recognised in a stream, and by whose API it was sent. */

/** `providerData.rawModelEventSource` of events of the Responses API. */
export const OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE = 'openai-responses';
/** `providerData.rawModelEventSource` of events of the Chat Completions API. */
export const OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE = 'openai-chat-completions';

export type OpenAIRawModelEventSource =
  | typeof OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE
  | typeof OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE;

type RawModelStreamEvent<Source extends OpenAIRawModelEventSource, Event> = {
  type: 'raw_model_stream_event';
  source: Source;
  data: { type: 'model'; event: Event; providerData: { rawModelEventSource: Source; [key: string]: unknown } };
};
/** A run's stream event that carries an event of the Responses API. */
export type OpenAIResponsesRawModelStreamEvent = RawModelStreamEvent<
  typeof OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE,
  { type: string; [key: string]: unknown }
>;
/** A run's stream event that carries a chunk of the Chat Completions API. */
export type OpenAIChatCompletionsRawModelStreamEvent = RawModelStreamEvent<
  typeof OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE,
  { id: string; choices: unknown[]; [key: string]: unknown }
>;

/** Any event of a run's stream. */
type AnyStreamEvent = { type: string; source?: unknown; data?: unknown };

function isRaw(event: AnyStreamEvent, source: OpenAIRawModelEventSource): boolean {
  if (event.type !== 'raw_model_stream_event' || typeof event.data !== 'object' || event.data === null) return false;
  if (!('type' in event.data) || event.data.type !== 'model') return false;
  const from: unknown = 'providerData' in event.data ? event.data.providerData : undefined;
  if (typeof from === 'object' && from !== null && 'rawModelEventSource' in from)
    return from.rawModelEventSource === source;
  return event.source === source;
}

/** Whether a run's stream event carries an event of the Responses API. */
export function isOpenAIResponsesRawModelStreamEvent<E extends AnyStreamEvent>(
  event: E,
): event is E & OpenAIResponsesRawModelStreamEvent {
  return isRaw(event, OPENAI_RESPONSES_RAW_MODEL_EVENT_SOURCE);
}

/** Whether a run's stream event carries a chunk of the Chat Completions API. */
export function isOpenAIChatCompletionsRawModelStreamEvent<E extends AnyStreamEvent>(
  event: E,
): event is E & OpenAIChatCompletionsRawModelStreamEvent {
  return isRaw(event, OPENAI_CHAT_COMPLETIONS_RAW_MODEL_EVENT_SOURCE);
}
