/** The arguments of the final tool's call, as they stream in: they are the text of the answer. */
import { isObject, isString, type Json } from '../json.ts';

export class FinalCall {
  readonly #tool: string;
  readonly #names = new Map<unknown, string>();
  /** The call's place, once it was seen. */
  #at: { index: unknown } | undefined;

  constructor(tool: string) {
    this.#tool = tool;
  }

  /** Takes a chunk and returns its part of the answer, which may be empty. */
  add({ choices }: Json): string {
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    const delta = isObject(choice) ? choice['delta'] : undefined;
    const parts: unknown = isObject(delta) ? delta['tool_calls'] : undefined;
    if (!Array.isArray(parts)) return '';
    return parts.map((part: unknown) => (isObject(part) ? this.#partOf(part) : '')).join('');
  }

  #partOf({ index, function: fn }: Json): string {
    if (!isObject(fn)) return '';
    const { name, arguments: text } = fn;
    const before = this.#names.get(index);
    // Some servers repeat the name with each part, some cut it in two.
    if (isString(name) && name !== before) this.#names.set(index, `${before ?? ''}${name}`);
    if (this.#names.get(index) === this.#tool) this.#at ??= { index };
    return this.#at?.index === index && this.#at !== undefined && isString(text) ? text : '';
  }
}
