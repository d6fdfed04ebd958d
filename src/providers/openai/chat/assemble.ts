/** Puts a streamed chat completion together again. */
import { isObject, isString, type Json } from '../json.ts';

type Call = { index: unknown; call: Json; fn: Json; argument: string[]; whole?: unknown };

/** Collects chunks. Its message is what the plain call would have answered. */
export class ChatAssembler {
  /** The completion's id, from the first chunk that has one. */
  id = '';
  usage: unknown;
  finishReason: unknown;
  readonly #text: string[] = [];
  readonly #strings = new Map<string, string[]>();
  readonly #calls: Call[] = [];
  readonly #lists = new Map<string, unknown[]>();
  #audio: Json | undefined;
  #sawContent = false;

  /** Takes a chunk and returns its text for the reader, if it has any. */
  add(chunk: Json): string | undefined {
    if (this.id === '' && isString(chunk['id'])) this.id = chunk['id'];
    if (isObject(chunk['usage'])) this.usage = chunk['usage'];
    const { choices } = chunk;
    if (!Array.isArray(choices)) return undefined;
    for (const choice of choices) {
      // Only the first choice is the answer; nothing asks for more.
      if (isObject(choice) && (choice['index'] === 0 || choice['index'] === undefined)) return this.#addChoice(choice);
    }
    return undefined;
  }

  get message(): Json {
    const message: Json = { content: this.#sawContent ? this.#text.join('') : null };
    for (const [key, parts] of this.#strings) message[key] = parts.join('');
    for (const [key, parts] of this.#lists) message[key] = key === 'thinking_blocks' ? wholeBlocks(parts) : parts;
    if (this.#audio) message['audio'] = this.#audio;
    if (this.#calls.length > 0) {
      message['tool_calls'] = this.#calls.map(({ call, fn, argument, whole }) => ({
        ...call,
        function: { ...fn, arguments: whole ?? argument.join('') },
      }));
    }
    return message;
  }

  #addChoice(choice: Json): string | undefined {
    if (choice['finish_reason'] !== null && choice['finish_reason'] !== undefined)
      this.finishReason = choice['finish_reason'];
    // A server that does not stream after all puts the whole message where the delta belongs.
    const delta = isObject(choice['delta']) ? choice['delta'] : choice['message'];
    if (!isObject(delta)) return undefined;
    for (const key of ['refusal', 'reasoning', 'reasoning_content']) {
      const value = delta[key];
      if (isString(value) && value !== '') appendTo(this.#strings, key, [value]);
    }
    for (const key of ['reasoning_details', 'thinking_blocks', 'annotations']) {
      const value = delta[key];
      if (Array.isArray(value) && value.length > 0) appendTo(this.#lists, key, value);
    }
    if (isObject(delta['audio'])) this.#addAudio(delta['audio']);
    if (Array.isArray(delta['tool_calls']))
      for (const part of delta['tool_calls']) if (isObject(part)) this.#addCall(part);
    const { content } = delta;
    if (!isString(content)) return undefined;
    this.#sawContent = true;
    if (content === '') return undefined;
    this.#text.push(content);
    return content;
  }

  #addAudio(delta: Json): void {
    const audio = (this.#audio ??= {});
    for (const [key, value] of Object.entries(delta)) {
      const before = audio[key];
      audio[key] =
        (key === 'data' || key === 'transcript') && isString(before) && isString(value) ? before + value : value;
    }
  }

  #addCall(part: Json): void {
    const { index, function: fnPart, ...rest } = part;
    const call = this.#callFor(index, rest['id']);
    for (const [key, value] of Object.entries(rest))
      if (value !== undefined && value !== null && value !== '') call.call[key] = value;
    if (!isObject(fnPart)) return;
    const { name, arguments: argument, ...more } = fnPart;
    Object.assign(call.fn, more);
    if (isString(name)) {
      const before = call.fn['name'];
      // Some servers repeat the name with each part, some cut it in two.
      call.fn['name'] = isString(before) && before !== name ? before + name : name;
    }
    if (isString(argument)) call.argument.push(argument);
    else if (argument !== undefined && argument !== null) call.whole = argument;
  }

  /** The call that a part belongs to: by its index, by its id, or the last one where it names neither. */
  #callFor(index: unknown, id: unknown): Call {
    const named = isString(id) && id !== '';
    const same = (call: Call): boolean => !named || call.call['id'] === undefined || call.call['id'] === id;
    const found =
      index === undefined || index === null
        ? named
          ? this.#calls.find((call) => call.call['id'] === id)
          : this.#calls.at(-1)
        : this.#calls.findLast((call) => call.index === index && same(call));
    if (found) return found;
    const call: Call = { index, call: {}, fn: {}, argument: [] };
    this.#calls.push(call);
    return call;
  }
}

/**
 * LiteLLM streams the thoughts of Anthropic's models as pieces of blocks: texts first, the signature with the last. A
 * signature ends a block.
 */
function wholeBlocks(parts: readonly unknown[]): Json[] {
  const blocks: Json[] = [];
  let open: { block: Json; thinking: string } | undefined;
  for (const part of parts) {
    if (!isObject(part)) continue;
    const { type, thinking, signature } = part;
    if (type !== 'thinking') {
      open = undefined;
      blocks.push(part);
      continue;
    }
    if (!open) {
      open = { block: { ...part }, thinking: '' };
      blocks.push(open.block);
    }
    open.thinking += isString(thinking) ? thinking : '';
    open.block['thinking'] = open.thinking;
    if (!isString(signature) || signature === '') continue;
    open.block['signature'] = signature;
    open = undefined;
  }
  return blocks;
}

function appendTo<T>(map: Map<string, T[]>, key: string, values: readonly T[]): void {
  const list = map.get(key);
  if (list) list.push(...values);
  else map.set(key, [...values]);
}
