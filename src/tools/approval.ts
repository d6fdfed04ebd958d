/**
 * The arguments as an approval function sees them: its own copy, so that what it changes reaches nobody.
 */
import { UserError } from '../protocol/errors.ts';
import type { PreparedArguments } from './invoke.ts';

/** `ask`: call the approval function with this input. `person`: there is nothing that it could inspect; ask a person. */
export type ApprovalInput = { readonly kind: 'ask'; readonly input: unknown } | { readonly kind: 'person' };

/**
 * What to give to a tool's `needsApproval` function.
 * Arguments that are no object (malformed JSON, a list, a number) always go to a person.
 * @throws UserError when the schema made something that cannot be copied as plain data, such as a Date or a class
 */
export function approvalInput(prepared: PreparedArguments): ApprovalInput {
  if (!prepared.ok && prepared.kind === 'malformed') return { kind: 'person' };
  const input = copyPlain(prepared.value);
  return typeof input === 'object' && input !== null && !Array.isArray(input)
    ? { kind: 'ask', input }
    : { kind: 'person' };
}

/** A deep copy of plain data. @throws UserError for anything else */
export function copyPlain(value: unknown, depth = 0): unknown {
  if (typeof value === 'function' || typeof value === 'symbol' || depth > 200) throw notPlain();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => copyPlain(entry, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notPlain();
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copyPlain(entry, depth + 1)]));
}

function notPlain(): UserError {
  return new UserError(
    'A needsApproval function gets a copy of the arguments, and what the schema made of them cannot be copied. ' +
      'Let the schema give plain data, and make objects of your own in execute.',
  );
}
