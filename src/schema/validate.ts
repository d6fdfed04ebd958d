/** Runs a schema's own validation, synchronously. */
import { UserError } from '../protocol/errors.ts';
import type { Conversion } from './convert.ts';
import { dropNulls } from './nulls.ts';
import { isStandardSchema } from './standard.ts';
import type { InferOutput, SchemaLike } from './standard.ts';

/** What is wrong with a value, and where. */
export type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly error: Error };

/**
 * Validates a value. A plain JSON Schema describes and does not validate: every value passes.
 *
 * With the `conversion` that the value was asked for under strict mode, a `null` of an optional property
 * counts as not given, for plain JSON Schema too.
 *
 * A schema that needs asynchronous validation fails with a UserError as `error`.
 */
export function validate<T extends SchemaLike>(
  schema: T,
  value: unknown,
  conversion?: Conversion,
): Validation<InferOutput<T>> {
  const given = conversion?.strict === true ? dropNulls(conversion.source, value, conversion.source) : value;
  // Here an untyped value becomes typed: the schema vouches for it.
  if (!isStandardSchema(schema)) return { ok: true, value: given as InferOutput<T> };
  const result = schema['~standard'].validate(given);
  if ('then' in result) return refuseAsync(result);
  if (!result.issues) return { ok: true, value: result.value as InferOutput<T> };
  const issues = result.issues.map(({ path = [], message }) => ({ path: path.map(keyOf), message }));
  return { ok: false, issues, error: new Error(issues.map(formatIssue).join('; ')) };
}

const keyOf = (part: PropertyKey | { readonly key: PropertyKey }): PropertyKey =>
  typeof part === 'object' ? part.key : part;

function formatIssue({ path, message }: Issue): string {
  return path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message;
}

function refuseAsync(result: Promise<unknown>): { ok: false; issues: Issue[]; error: Error } {
  // zod answers with a promise too when a refinement throws; nobody waits for it, so its rejection is handled here.
  Promise.resolve(result).catch(() => undefined);
  const message =
    'The schema validates asynchronously, or one of its checks threw. ' +
    'Use a schema with synchronous checks, and do asynchronous ones inside `execute`.';
  return { ok: false, issues: [{ path: [], message }], error: new UserError(message) };
}
