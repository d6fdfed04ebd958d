/** What a local model wrote, as conversation items; and which of it can be shown while it is still writing. */
import { randomUUID } from 'node:crypto';
import type { AgentOutputItem, Origin } from '../../protocol/items.ts';
import { ModelResponseError } from '../../wire/index.ts';
import { CALL_BEGIN, CALL_END, type ReplyForm } from './reply.ts';

/** Why the model stopped: by itself, or at `maxTokens`. */
export type Stop = 'end' | 'max-tokens';
export type Written = { text: string; stop: Stop; form: ReplyForm; origin: Origin };

/** @throws ModelResponseError when a call or an object was cut off: half of one is none */
export function toOutput({ text, stop, form, origin }: Written): AgentOutputItem[] {
  const begin = form.offered.length > 0 ? text.indexOf(CALL_BEGIN) : -1;
  const said = begin < 0 ? text : text.slice(0, begin).trimEnd();
  const calls = begin < 0 ? '' : text.slice(begin);
  if (stop === 'max-tokens' && (calls !== '' || form.schema !== undefined)) throw cutOff(calls !== '');
  const items: AgentOutputItem[] = [];
  if (said !== '' || calls === '') {
    const status = stop === 'end' ? 'completed' : 'incomplete';
    items.push({ type: 'message', role: 'assistant', status, content: [{ type: 'output_text', text: said }], origin });
  }
  // The grammar has every call on a line of its own, and no line's end inside of one.
  for (const line of calls.split('\n')) {
    if (line === '' || line === CALL_BEGIN || line === CALL_END) continue;
    items.push(toCall(line, form, origin));
  }
  return items;
}

function toCall(line: string, { offered }: ReplyForm, origin: Origin): AgentOutputItem {
  // Text of our own grammar: it has this shape or the grammar was not kept.
  const call = JSON.parse(line) as { name: string; arguments: unknown };
  const tool = offered.find(({ sent }) => sent === call.name);
  return {
    type: 'function_call',
    callId: `call_${randomUUID().replaceAll('-', '')}`,
    name: tool?.name ?? call.name,
    ...(tool?.namespace !== undefined && { namespace: tool.namespace }),
    arguments: JSON.stringify(call.arguments),
    status: 'completed',
    origin,
  };
}

function cutOff(inCall: boolean): ModelResponseError {
  return new ModelResponseError(
    `The local model reached modelSettings.maxTokens inside of ${inCall ? 'a tool call' : 'its structured answer'}. ` +
      'Nothing of it counts. Raise maxTokens, or shorten what is asked for with maxLength and maxItems in the schema.',
    { kind: 'incomplete', retryable: false, responseStarted: true },
  );
}

/** Hands out text as it grows, but nothing of a call, nor of what may become one. */
export class Saying {
  readonly #calls: boolean;
  #held = '';
  #calling = false;

  constructor({ offered }: ReplyForm) {
    this.#calls = offered.length > 0;
  }

  add(piece: string): string {
    if (!this.#calls) return piece;
    if (this.#calling) return '';
    this.#held += piece;
    const begin = this.#held.indexOf(CALL_BEGIN);
    this.#calling = begin >= 0;
    // Blanks before a call are none of the message.
    const safe = this.#calling ? this.#held.slice(0, begin).trimEnd() : this.#held.slice(0, safeLength(this.#held));
    this.#held = this.#held.slice(safe.length);
    return safe;
  }

  /** What was held back and is text after all. */
  end(): string {
    return this.#calling ? '' : this.#held;
  }
}

function safeLength(text: string): number {
  const at = text.lastIndexOf('<');
  const open = at >= 0 && CALL_BEGIN.startsWith(text.slice(at));
  return text.slice(0, open ? at : text.length).trimEnd().length;
}
