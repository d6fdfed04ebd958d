/**
 * Optional properties under strict mode, where a model must send every property.
 *
 * An optional property is offered as nullable, and the `null` that a model sends for it means "not given".
 * Both sides ask the same question, `isOffered`, so what was offered is exactly what is taken back.
 */
import type { JsonSchema } from '../protocol/json.ts';
import { isRecord } from './standard.ts';

const ANNOTATIONS = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$comment',
  '$id',
]);

/** Keywords that say something about a schema and nothing about a value. */
export const isAnnotation = (keyword: string): boolean => ANNOTATIONS.has(keyword);

/** Finds what a local reference points to; `undefined` for a remote or dangling one. */
export function resolveRef(root: JsonSchema, ref: unknown): unknown {
  if (ref === '#') return root;
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return undefined;
  let node: unknown = root;
  for (const part of ref.slice(2).split('/')) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as JsonSchema)[key];
  }
  return node;
}

/** Whether a schema takes `null` as a value of its own. */
export function allowsNull(schema: unknown, root: JsonSchema, depth = 0): boolean {
  if (schema === true) return true;
  if (!isRecord(schema) || depth > 32) return false;
  const { type, enum: values, anyOf, oneOf, allOf, $ref } = schema;
  const some = (list: unknown): boolean => Array.isArray(list) && list.some((s) => allowsNull(s, root, depth + 1));
  if ($ref !== undefined) return allowsNull(resolveRef(root, $ref), root, depth + 1);
  if (Array.isArray(values)) return values.includes(null);
  if ('const' in schema) return schema.const === null;
  if (type !== undefined) return type === 'null' || (Array.isArray(type) && type.includes('null'));
  if (anyOf !== undefined) return some(anyOf);
  if (oneOf !== undefined) return some(oneOf);
  if (Array.isArray(allOf)) return allOf.every((s) => allowsNull(s, root, depth + 1));
  return Object.keys(schema).every(isAnnotation);
}

/** Whether a property is optional and must be offered as nullable, because it does not take `null` itself. */
export function isOffered(object: JsonSchema, name: string, root: JsonSchema): boolean {
  const { properties, required } = object;
  if (!isRecord(properties) || !Object.hasOwn(properties, name)) return false;
  if (Array.isArray(required) && required.includes(name)) return false;
  return !allowsNull(properties[name], root);
}

/** Removes the `null` of optional properties. Returns the same value where there was none; never changes it. */
export function dropNulls(schema: unknown, value: unknown, root: JsonSchema): unknown {
  if (typeof value !== 'object' || value === null || !isRecord(schema)) return value;
  if (schema.$ref !== undefined) return dropNulls(resolveRef(root, schema.$ref), value, root);
  let result: unknown = value;
  for (const part of Array.isArray(schema.allOf) ? schema.allOf : []) result = dropNulls(part, result, root);
  const branches = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(branches)) {
    const branch: unknown = branches.find((candidate) => fits(candidate, value, { root, depth: 0 }));
    if (branch !== undefined) result = dropNulls(branch, result, root);
  }
  if (Array.isArray(result)) return dropInArray(schema, result, root);
  return isRecord(result) && isRecord(schema.properties) ? dropInObject(schema, result, root) : result;
}

function dropInArray(schema: JsonSchema, value: unknown[], root: JsonSchema): unknown[] {
  const { items } = schema;
  if (items === undefined) return value;
  const next = value.map((entry, i) => dropNulls(Array.isArray(items) ? items[i] : items, entry, root));
  return next.some((entry, i) => entry !== value[i]) ? next : value;
}

function dropInObject(schema: JsonSchema, value: JsonSchema, root: JsonSchema): JsonSchema {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const next: [string, unknown][] = [];
  let changed = false;
  for (const [name, entry] of Object.entries(value)) {
    if (entry === null && isOffered(schema, name, root)) {
      changed = true;
      continue;
    }
    const kept = Object.hasOwn(properties, name) ? dropNulls(properties[name], entry, root) : entry;
    changed ||= kept !== entry;
    next.push([name, kept]);
  }
  return changed ? Object.fromEntries(next) : value;
}

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

type Scope = { readonly root: JsonSchema; readonly depth: number };

/** Whether a value has the shape of a branch, as far as is needed to tell the branches of a union apart. */
function fits(schema: unknown, value: unknown, { root, depth }: Scope): boolean {
  if (typeof schema === 'boolean') return schema;
  if (!isRecord(schema) || depth > 32) return false;
  const inner = { root, depth: depth + 1 };
  if (schema.$ref !== undefined) return fits(resolveRef(root, schema.$ref), value, inner);
  const { type, enum: values, anyOf, oneOf, items } = schema;
  if ('const' in schema && schema.const !== value) return false;
  if (Array.isArray(values) && !values.includes(value)) return false;
  const types: unknown[] = type === undefined ? [] : Array.isArray(type) ? type : [type];
  const actual = typeOf(value);
  if (types.length > 0 && !types.some((t) => t === actual || (t === 'integer' && Number.isInteger(value))))
    return false;
  const branches = anyOf ?? oneOf;
  if (Array.isArray(branches) && !branches.some((branch) => fits(branch, value, inner))) return false;
  if (Array.isArray(value)) return !isRecord(items) || value.every((entry) => fits(items, entry, inner));
  return !isRecord(value) || fitsObject(schema, value, inner);
}

function fitsObject(schema: JsonSchema, value: JsonSchema, scope: Scope): boolean {
  const { properties, required, additionalProperties } = schema;
  const missing = (name: unknown): boolean => typeof name === 'string' && !Object.hasOwn(value, name);
  if (Array.isArray(required) && required.some(missing)) return false;
  if (!isRecord(properties)) return true;
  const open = additionalProperties === true || isRecord(additionalProperties);
  return Object.entries(value).every(([name, entry]) => {
    if (!Object.hasOwn(properties, name)) return open;
    return (entry === null && isOffered(schema, name, scope.root)) || fits(properties[name], entry, scope);
  });
}
