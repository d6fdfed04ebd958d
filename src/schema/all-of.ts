/**
 * Strict mode has no `allOf`. An intersection of objects is one object, and a list of constraints on one type is
 * that type: what is left out is still checked when the arguments are validated.
 */
import type { JsonSchema } from '../protocol/json.ts';
import { isAnnotation } from './nulls.ts';
import { isRecord } from './standard.ts';

/** One schema in place of `allOf`; `undefined` where there is none. */
export function mergeAllOf(schema: JsonSchema): JsonSchema | undefined {
  const { allOf, ...rest } = schema;
  if (!Array.isArray(allOf)) return undefined;
  if (allOf.length === 1 && Object.keys(rest).every(isAnnotation) && isRecord(allOf[0]))
    return { ...allOf[0], ...rest };
  let merged: JsonSchema | undefined = rest;
  for (const part of allOf) merged = merged && merge(merged, part);
  return merged;
}

function merge(left: JsonSchema, right: unknown): JsonSchema | undefined {
  if (!isRecord(right) || '$ref' in right || 'anyOf' in right || 'oneOf' in right) return undefined;
  const { type = right.type } = left;
  if (right.type !== undefined && right.type !== type) return undefined;
  if (type === 'object') return mergeObjects({ ...left, type }, right);
  // Strict mode knows one pattern only; a second one is checked on validation.
  return typeof type === 'string' ? { ...right, ...left, type } : undefined;
}

function mergeObjects(left: JsonSchema, right: JsonSchema): JsonSchema | undefined {
  const a = isRecord(left.properties) ? left.properties : {};
  const b = isRecord(right.properties) ? right.properties : {};
  if (Object.keys(b).some((name) => Object.hasOwn(a, name))) return undefined;
  const required = [left.required, right.required].flatMap((names) => (Array.isArray(names) ? names : []));
  return { ...right, ...left, properties: { ...a, ...b }, required };
}
