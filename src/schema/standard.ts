/**
 * The parts of the Standard Schema and Standard JSON Schema specifications that are used here, as types and guards.
 *
 * Any library that follows them fits, without an import: zod 4.2 or newer, ArkType, valibot with its adapter.
 */
import type { JsonSchema } from '../protocol/json.ts';

type StandardIssue = {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
};
type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };
type StandardProps<Input, Output> = {
  readonly version: 1;
  readonly vendor: string;
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
};
type StandardJsonSchema = {
  readonly input: (options: { readonly target: string }) => Record<string, unknown>;
  readonly output: (options: { readonly target: string }) => Record<string, unknown>;
};

/** A schema that can validate. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': StandardProps<Input, Output>;
}

/** A schema that can validate and describe itself as JSON Schema, as tools and structured outputs need it. */
export interface StandardSchemaWithJSON<Input = unknown, Output = Input> {
  readonly '~standard': StandardProps<Input, Output> & { readonly jsonSchema: StandardJsonSchema };
}

/** A JSON Schema as users write it: any object, its keywords are checked on conversion. */
export type JsonSchemaInput = { readonly [keyword: string]: unknown };

/** What can describe data here: a zod schema, any other Standard Schema, or a JSON Schema. */
export type SchemaLike = StandardSchemaWithJSON | JsonSchemaInput;

/** The type of a validated value. JSON Schema is not validated, so its values are `unknown`. */
export type InferOutput<T> = T extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown;

export function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ArkType's schemas are functions.
const hasProps = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** Whether a value follows Standard Schema at all, with or without JSON Schema. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if (!hasProps(value) || !('~standard' in value)) return false;
  const props = value['~standard'];
  return hasProps(props) && 'validate' in props && typeof props.validate === 'function';
}

export function isStandardSchemaWithJSON(value: unknown): value is StandardSchemaWithJSON {
  if (!isStandardSchema(value)) return false;
  const props = value['~standard'];
  if (!('jsonSchema' in props) || !hasProps(props.jsonSchema)) return false;
  return 'input' in props.jsonSchema && typeof props.jsonSchema.input === 'function';
}
