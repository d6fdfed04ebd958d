/** JSON Schema in the subset that Anthropic enforces. What it cannot enforce is said in the description instead. */
import { isObject, isString, type Json } from './json.ts';

const UNENFORCED = new Set([
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
]);
const MAPS = new Set(['properties', '$defs', 'definitions']);
const LISTS = new Set(['anyOf', 'allOf', 'oneOf', 'prefixItems']);

/** A copy of a schema that strict tools and structured outputs take. */
export function enforceable(schema: Json): Json {
  const copy: Json = {};
  const notes: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (UNENFORCED.has(key) || (key === 'minItems' && Number(value) > 1))
      notes.push(`${key}: ${JSON.stringify(value)}`);
    else if (key !== '$schema') copy[key] = nested(key, value);
  }
  const types = Array.isArray(schema['type']) ? schema['type'] : [schema['type']];
  if (types.includes('object')) copy['additionalProperties'] = false;
  if (notes.length > 0) {
    const { description } = schema;
    copy['description'] = `${isString(description) ? `${description} ` : ''}(${notes.join(', ')})`;
  }
  return copy;
}

function nested(key: string, value: unknown): unknown {
  if (key === 'items' && isObject(value)) return enforceable(value);
  if (LISTS.has(key) && Array.isArray(value))
    return value.map((each: unknown) => (isObject(each) ? enforceable(each) : each));
  if (!MAPS.has(key) || !isObject(value)) return value;
  const copy: Json = {};
  for (const [name, member] of Object.entries(value)) copy[name] = isObject(member) ? enforceable(member) : member;
  return copy;
}
