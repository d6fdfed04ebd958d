/** Puts a streamed message together again. */
import { errorOfAnswer } from '../../wire/index.ts';
import { PROVIDER } from './client.ts';
import { isObject, isString, type Json } from './json.ts';

/** A block in the making: its growing members in pieces, joined once at its end. */
type Draft = {
  block: Json;
  text: string[];
  thinking: string[];
  signature: string[];
  json: string[];
  citations: unknown[];
};

/** A message, or the part of one up to a pause. */
export type Message = { id: string; content: Json[]; stopReason?: string; usage: Json; rest: Json };

/** Collects events. Its messages are what the plain call would have answered, one a request. */
export class MessageAssembler {
  /** Whole messages: all but the last one ended with a pause. */
  readonly messages: Message[] = [];
  readonly #drafts = new Map<unknown, Draft>();
  #current: Message | undefined;

  /** Whether the last message is whole. */
  get isWhole(): boolean {
    return this.#current === undefined && this.messages.length > 0;
  }

  /** Takes an event and returns its text for the reader, if it has any. */
  add(event: Json): string | undefined {
    switch (event['type']) {
      // First, as there are as many as tokens.
      case 'content_block_delta':
        return this.#grow(event['index'], event['delta']);
      case 'message_start':
        this.#start(event['message']);
        return undefined;
      case 'content_block_start':
        if (isObject(event['content_block'])) this.#drafts.set(event['index'], draft(event['content_block']));
        return undefined;
      case 'content_block_stop':
        this.#finish(event['index']);
        return undefined;
      case 'message_delta':
        this.#update(event);
        return undefined;
      case 'message_stop':
        this.#stop();
        return undefined;
      default:
        return undefined;
    }
  }

  #start(message: unknown): void {
    const { id, usage, content: _, ...rest } = isObject(message) ? message : {};
    this.#drafts.clear();
    this.#current = { id: isString(id) ? id : '', content: [], usage: isObject(usage) ? usage : {}, rest };
  }

  #grow(index: unknown, delta: unknown): string | undefined {
    const growing = this.#drafts.get(index);
    if (!growing || !isObject(delta)) return undefined;
    const { text } = delta;
    if (isString(text)) growing.text.push(text);
    if (delta['type'] === 'text_delta') return isString(text) && text !== '' ? text : undefined;
    const { thinking, signature, partial_json: json, citation } = delta;
    if (isString(thinking)) growing.thinking.push(thinking);
    if (isString(signature)) growing.signature.push(signature);
    if (isString(json)) growing.json.push(json);
    if (citation !== undefined) growing.citations.push(citation);
    return isString(text) && text !== '' ? text : undefined;
  }

  #finish(index: unknown): void {
    const done = this.#drafts.get(index);
    this.#drafts.delete(index);
    if (done) this.#current?.content.push(whole(done));
  }

  #update({ delta, usage }: Json): void {
    const message = this.#current;
    if (!message) return;
    if (isObject(delta)) {
      if (isString(delta['stop_reason'])) message.stopReason = delta['stop_reason'];
      Object.assign(message.rest, delta);
    }
    // Cumulative: the last count of each kind is the count.
    if (!isObject(usage)) return;
    for (const [key, value] of Object.entries(usage))
      if (value !== null && value !== undefined) message.usage[key] = value;
  }

  #stop(): void {
    const message = this.#current;
    this.#current = undefined;
    // A block that was begun and never ended is half a block.
    if (message?.stopReason !== undefined && this.#drafts.size === 0) this.messages.push(message);
    else this.#current = message;
  }
}

function draft(block: Json): Draft {
  return { block, text: [], thinking: [], signature: [], json: [], citations: [] };
}

function whole({ block, text, thinking, signature, json, citations }: Draft): Json {
  const done: Json = { ...block };
  if (text.length > 0) done['text'] = joined(block['text'], text);
  if (thinking.length > 0) done['thinking'] = joined(block['thinking'], thinking);
  if (signature.length > 0) done['signature'] = joined(block['signature'], signature);
  if (citations.length > 0) done['citations'] = citations;
  const args = json.join('');
  if (args !== '') done['input'] = parseInput(args);
  return done;
}

const joined = (start: unknown, pieces: string[]): string => (isString(start) ? start : '') + pieces.join('');

/** A model may write broken JSON; then it is kept as text, and the call says so to the model. */
function parseInput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The error of an `error` event inside a stream. */
export function errorInStream(event: Json): Error {
  return errorOfAnswer({
    provider: PROVIDER,
    prefix: `${PROVIDER} sent an error inside the stream`,
    body: event,
    responseStarted: true,
  });
}
