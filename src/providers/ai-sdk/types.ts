/** What we need of an AI SDK model, by its shape: no package of the AI SDK is imported. */

export type Json = Record<string, unknown>;

/**
 * A language model of the AI SDK, specification V3 or V4: what `openai('…')`, `google('…')` and their like return.
 * Its parameters are written as `never`, so that every model fits whatever version its types are.
 */
export type AiSdkLanguageModel = {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  doGenerate(options: never): PromiseLike<unknown>;
  doStream(options: never): PromiseLike<unknown>;
};

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isString = (value: unknown): value is string => typeof value === 'string';

/** Drops members that are `undefined`. */
export function compact(value: Json): Json {
  const copy: Json = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) copy[key] = member;
  return copy;
}
