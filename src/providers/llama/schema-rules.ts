/**
 * JSON Schema as rules of a grammar. The library's own converter is not used: it turns `anyOf` into `null`.
 *
 * Invariants: G1 every text of the grammar is JSON. G2 it fits the schema in types, members, `required`, `enum`,
 * `const`, `anyOf` and lengths; what a grammar cannot say (`pattern`, bounds of numbers, `uniqueItems`) is left to
 * the validation of the run. G3 members come in the order of the schema, which models keep to anyway.
 */
import { UserError } from '../../protocol/errors.ts';
import type { JsonSchema } from '../../protocol/json.ts';
import { mergeAllOf } from '../../schema/all-of.ts';
import { jsonLiteral, oneOf, type Rules } from './gbnf.ts';

/** Repetitions above this are written as "any number": llama.cpp copies a repeated rule that often. */
const MAX_REPEAT = 500;
/** Bounded integers of up to so many values are listed. */
const MAX_LISTED = 200;

type Scope = { readonly root: JsonSchema; readonly rules: Rules; readonly refs: Map<string, string> };

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;

/** Adds the rules of a schema and returns the name of its own. @throws UserError where nothing can fit the schema */
export function addSchema(rules: Rules, schema: JsonSchema): string {
  return addRule({ root: schema, rules, refs: new Map() }, schema);
}

const addRule = (scope: Scope, schema: unknown): string => scope.rules.add(bodyOf(scope, schema));

function bodyOf(scope: Scope, schema: unknown): string {
  if (schema === false) throw new UserError('A part of the schema is `false`: no value fits it. Remove that member.');
  if (!isSchema(schema)) return 'value';
  if (schema['nullable'] === true) return oneOf([bodyOf(scope, { ...schema, nullable: false }), '"null"']);
  if (typeof schema['$ref'] === 'string') return refRule(scope, schema['$ref']);
  if ('const' in schema) return jsonLiteral(schema['const']);
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'].map(jsonLiteral));
  if (Array.isArray(schema['allOf'])) return allOf(scope, schema);
  const branches = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(branches)) return anyOf(scope, schema, branches);
  const { type } = schema;
  if (Array.isArray(type)) return oneOf(type.map((one: unknown) => bodyOf(scope, { ...schema, type: one })));
  return typed(scope, schema, type);
}

function typed(scope: Scope, schema: JsonSchema, type: unknown): string {
  switch (type) {
    case 'null':
      return '"null"';
    case 'boolean':
    case 'number':
      return type;
    case 'integer':
      return integerOf(schema);
    case 'string':
      return stringOf(schema);
    case 'array':
      return arrayOf(scope, schema);
    case 'object':
      return objectOf(scope, schema);
    default:
      if ('properties' in schema) return objectOf(scope, schema);
      return 'items' in schema || 'prefixItems' in schema ? arrayOf(scope, schema) : 'value';
  }
}

/** `#/$defs/node`, also where it is inside of itself. */
function refRule(scope: Scope, ref: string): string {
  const known = scope.refs.get(ref);
  if (known !== undefined) return known;
  const name = scope.rules.reserve();
  scope.refs.set(ref, name);
  return scope.rules.define(name, bodyOf(scope, resolve(scope, ref)));
}

function resolve({ root }: Scope, ref: string): unknown {
  let at: unknown = root;
  for (const step of ref.replace(/^#\/?/, '').split('/')) {
    if (step === '') continue;
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    at = Array.isArray(at) ? at[Number(key)] : isSchema(at) ? at[key] : undefined;
  }
  if (at === undefined || !ref.startsWith('#')) {
    throw new UserError(`The schema refers to ${JSON.stringify(ref)}, which is not in it. Use #/$defs/<name>.`);
  }
  return at;
}

function allOf(scope: Scope, schema: JsonSchema): string {
  const parts = list(schema['allOf']).map((part) =>
    isSchema(part) && typeof part['$ref'] === 'string' ? resolve(scope, part['$ref']) : part,
  );
  const merged = mergeAllOf({ ...schema, allOf: parts });
  // What cannot be merged is any value here, and checked when the answer is validated.
  return merged === undefined || 'allOf' in merged ? 'value' : bodyOf(scope, merged);
}

function anyOf(scope: Scope, schema: JsonSchema, branches: readonly unknown[]): string {
  const { anyOf: _any, oneOf: _one, ...rest } = schema;
  const structured = ['type', 'properties', 'items'].some((key) => key in rest);
  const choices = branches.map((branch) => {
    if (!structured || !isSchema(branch) || '$ref' in branch) return addRule(scope, branch);
    const properties = { ...both(rest['properties']), ...both(branch['properties']) };
    const required = [...list(rest['required']), ...list(branch['required'])];
    const members = Object.keys(properties).length > 0 ? { properties, required } : {};
    return addRule(scope, { ...rest, ...branch, ...members });
  });
  return choices.length === 0 ? 'value' : oneOf([...new Set(choices)]);
}

const both = (properties: unknown): JsonSchema => (isSchema(properties) ? properties : {});

function integerOf(schema: JsonSchema): string {
  const [low, high] = [bound(schema, 'inimum', 1), bound(schema, 'aximum', -1)];
  if (low !== undefined && high !== undefined && high >= low && high - low < MAX_LISTED) {
    return oneOf(Array.from({ length: high - low + 1 }, (_, at) => jsonLiteral(low + at)));
  }
  return low !== undefined && low >= 0 ? 'natural' : 'integer';
}

function bound(schema: JsonSchema, name: 'inimum' | 'aximum', inward: 1 | -1): number | undefined {
  const round = inward === 1 ? Math.ceil : Math.floor;
  const [open, closed] = name === 'inimum' ? ['exclusiveMinimum', 'minimum'] : ['exclusiveMaximum', 'maximum'];
  const bounds = [schema[closed]].flatMap((value) => (typeof value === 'number' ? [round(value)] : []));
  const beyond = schema[open];
  if (typeof beyond === 'number') bounds.push(Number.isInteger(beyond) ? beyond + inward : round(beyond));
  if (bounds.length === 0) return undefined;
  return inward === 1 ? Math.max(...bounds) : Math.min(...bounds);
}

const FORMATS: Record<string, string> = {
  date: '"\\"" date "\\""',
  time: '"\\"" time "Z\\""',
  'date-time': '"\\"" date "T" time "Z\\""',
  uuid: '"\\"" hex{8} "-" hex{4} "-4" hex{3} "-" [89ab] hex{3} "-" hex{12} "\\""',
};

function stringOf({ format, minLength, maxLength }: JsonSchema): string {
  const known = typeof format === 'string' ? FORMATS[format] : undefined;
  if (known !== undefined) return known;
  const [min = 0, max] = [count(minLength), count(maxLength)];
  if (min === 0 && max === undefined) return 'string';
  return `"\\"" char${times(min, max)} "\\""`;
}

/** How often, as GBNF says it. */
function times(min: number, max: number | undefined): string {
  const least = Math.min(min, MAX_REPEAT);
  return max === undefined || max > MAX_REPEAT ? `{${least},}` : `{${least},${Math.max(max, least)}}`;
}

function arrayOf(scope: Scope, schema: JsonSchema): string {
  const first = list(schema['prefixItems']).map((item) => addRule(scope, item));
  const closed = schema['items'] === false || (first.length > 0 && schema['items'] === undefined);
  const [min = 0, max] = [count(schema['minItems']), count(schema['maxItems'])];
  const head = first.join(' ", " ');
  if (closed) return `"[" ${head} "]"`;
  const item = addRule(scope, schema['items']);
  if (first.length > 0) {
    const more = max === undefined ? undefined : Math.max(0, max - first.length);
    return `"[" ${head} (", " ${item})${times(Math.max(0, min - first.length), more)} "]"`;
  }
  if (max === 0) return '"[]"';
  const items = `${item} (", " ${item})${times(Math.max(0, min - 1), max === undefined ? undefined : max - 1)}`;
  return min > 0 ? `"[" ${items} "]"` : `"[" (${items})? "]"`;
}

function objectOf(scope: Scope, schema: JsonSchema): string {
  const properties = both(schema['properties']);
  const required = new Set(list(schema['required']).filter((name) => typeof name === 'string'));
  const names = [...new Set([...Object.keys(properties), ...required])];
  if (names.length === 0) return recordOf(scope, schema);
  const members = names.map((name) => ({
    text: `${jsonLiteral(name).slice(0, -1)}: " ${addRule(scope, properties[name])}`,
    optional: !required.has(name),
  }));
  return `"{" ${membersFrom(scope, members)} "}"`;
}

type Member = { readonly text: string; readonly optional: boolean };

/** Two rules for each place: after a member there is a comma, before the first there is none. Built from the end. */
function membersFrom({ rules }: Scope, members: readonly Member[]): string {
  let [fresh, started] = ['""', '""'];
  for (const { text, optional } of members.toReversed()) {
    const [alone, after] = [`${text} ${started}`, `", " ${text} ${started}`];
    // Without optional members before it, the first of the two is used once at most.
    [fresh, started] = [
      rules.add(optional ? `${alone} | ${fresh}` : alone),
      rules.add(optional ? `${after} | ${started}` : after),
    ];
  }
  return fresh;
}

/** Any names. Beside named members others are left out: a model that was not told of them would invent them. */
function recordOf(scope: Scope, { additionalProperties, minProperties, maxProperties }: JsonSchema): string {
  if (additionalProperties === false) return '"{}"';
  const value = isSchema(additionalProperties) ? addRule(scope, additionalProperties) : 'value';
  const [min = 0, max] = [count(minProperties), count(maxProperties)];
  if (max === 0) return '"{}"';
  const entry = `string ": " ${value}`;
  const entries = `${entry} (", " ${entry})${times(Math.max(0, min - 1), max === undefined ? undefined : max - 1)}`;
  return min > 0 ? `"{" ${entries} "}"` : `"{" (${entries})? "}"`;
}
