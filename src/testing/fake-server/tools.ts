/** Checks of tools, tool choices and schemas, which both APIs share. */
import { isObject, list, object, oneOf, Problem, text, type Json } from './problem.ts';

const NAME = /^[a-zA-Z0-9_-]+$/;

export function toolName(value: unknown, param: string): string {
  const name = text(value, param);
  if (name.length > 64) {
    throw new Problem(
      param,
      `Invalid '${param}': string too long. ` +
        `Expected a string with maximum length 64, but got a string with length ${name.length} instead.`,
      'string_above_max_length',
    );
  }
  if (!NAME.test(name)) {
    throw new Problem(
      param,
      `Invalid '${param}': string does not match pattern. ` +
        `Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
    );
  }
  return name;
}

/** The definition of a function. Returns its name. */
export function functionDefinition(fn: Json, param: string): string {
  const name = toolName(fn['name'], `${param}.name`);
  if (fn['description'] !== undefined && fn['description'] !== null)
    text(fn['description'], `${param}.description`, { empty: true });
  if (fn['parameters'] !== undefined && fn['parameters'] !== null) {
    const parameters = object(fn['parameters'], `${param}.parameters`);
    const context = `Invalid schema for function '${name}'`;
    // A schema without a type stands for "anything"; the APIs let it pass when it is not strict.
    if (parameters['type'] !== undefined && parameters['type'] !== 'object') {
      throw invalid(
        param,
        context,
        `schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify(parameters['type'])}'`,
      );
    }
    if (fn['strict'] === true) strictSchema(parameters, `${param}.parameters`, context);
  } else if (fn['strict'] === true)
    throw invalid(param, `Invalid schema for function '${name}'`, 'strict functions need parameters');
  return name;
}

/** No two functions may have one name. */
export function uniqueNames(names: string[], param: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name))
      throw new Problem(
        param,
        `Invalid '${param}': Tool names must be unique. '${name}' was given twice.`,
        'duplicate_tool_name',
      );
    seen.add(name);
  }
}

function invalid(param: string, context: string, why: string): Problem {
  return new Problem(param, `${context}: ${why}.`, 'invalid_function_parameters');
}

const UNSUPPORTED = [
  'allOf',
  'not',
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'oneOf',
];

/** The subset of JSON Schema that strict mode takes. */
export function strictSchema(schema: Json, param: string, context: string): void {
  if (schema['type'] !== 'object') throw invalid(param, context, `schema must be of 'type: "object"'`);
  if (schema['anyOf'] !== undefined) throw invalid(param, context, `the root may not be an anyOf`);
  strictNode(schema, { path: [], depth: 0, param, context });
}

type Place = { path: string[]; depth: number; param: string; context: string };

function strictNode(schema: unknown, place: Place): void {
  const { path, depth, param, context } = place;
  const below = (node: unknown, ...steps: string[]): void =>
    strictNode(node, { ...place, path: [...path, ...steps], depth: depth + 1 });
  const at = `In context=(${path.map((step) => `'${step}'`).join(', ')})`;
  if (!isObject(schema)) throw invalid(param, context, `${at}, a schema must be an object`);
  if (depth > 10) throw invalid(param, context, `${at}, nesting exceeds the limit of 10 levels`);
  for (const word of UNSUPPORTED) {
    if (schema[word] !== undefined) throw invalid(param, context, `${at}, '${word}' is not permitted`);
  }
  const { type, properties, items, anyOf, required } = schema;
  const known =
    type !== undefined ||
    anyOf !== undefined ||
    schema['$ref'] !== undefined ||
    schema['enum'] !== undefined ||
    schema['const'] !== undefined;
  if (!known) throw invalid(param, context, `${at}, schema must have a 'type' key`);
  if (type === 'object' || (Array.isArray(type) && type.includes('object'))) {
    if (schema['additionalProperties'] !== false)
      throw invalid(param, context, `${at}, 'additionalProperties' is required to be supplied and to be false`);
    const names = isObject(properties) ? Object.keys(properties) : [];
    const missing = names.filter((name) => !Array.isArray(required) || !required.includes(name));
    if (missing.length > 0 || (names.length > 0 && !Array.isArray(required))) {
      throw invalid(
        param,
        context,
        `${at}, 'required' is required to be supplied and to be an array including every key in properties. ` +
          `Missing '${missing[0]}'`,
      );
    }
    for (const name of names) below((properties as Json)[name], 'properties', name);
  }
  if (type === 'array' && items === undefined) throw invalid(param, context, `${at}, array schema missing items`);
  if (items !== undefined) below(items, 'items');
  if (Array.isArray(anyOf)) anyOf.forEach((branch, i) => below(branch, 'anyOf', String(i)));
  for (const word of ['$defs', 'definitions']) {
    const definitions = schema[word];
    if (!isObject(definitions)) continue;
    for (const [name, node] of Object.entries(definitions))
      strictNode(node, { ...place, path: [...path, word, name], depth: 0 });
  }
}

/** A JSON schema for structured output. */
export function outputSchema(format: Json, param: string): void {
  const name = toolName(format['name'], `${param}.name`);
  const schema = object(format['schema'], `${param}.schema`);
  const context = `Invalid schema for response_format '${name}'`;
  if (schema['type'] !== 'object')
    throw invalid(`${param}.schema`, context, `schema must be a JSON Schema of 'type: "object"'`);
  if (format['strict'] === true) strictSchema(schema, `${param}.schema`, context);
}

/** The choice among functions by name, and the modes. `byType` are the hosted tools of the request. */
export function toolChoice(choice: unknown, functions: string[], byType: string[]): void {
  if (choice === undefined || choice === null) return;
  const any = functions.length + byType.length > 0;
  if (typeof choice === 'string') {
    oneOf(choice, 'tool_choice', ['none', 'auto', 'required']);
    if (choice === 'required' && !any)
      throw new Problem('tool_choice', "Tool choice 'required' must be specified with 'tools' parameter.");
    return;
  }
  const { type, name, function: fn } = object(choice, 'tool_choice');
  if (type === 'function') {
    const wanted = isObject(fn) ? text(fn['name'], 'tool_choice.function.name') : text(name, 'tool_choice.name');
    if (!functions.includes(wanted))
      throw new Problem('tool_choice', `Tool choice '${wanted}' not found in 'tools' parameter.`);
  } else if (!byType.includes(text(type, 'tool_choice.type'))) {
    throw new Problem('tool_choice', `Tool choice '${String(type)}' not found in 'tools' parameter.`);
  }
}

/** Every member of a list as an object. */
export function objects(value: unknown, param: string, options?: { empty?: boolean }): Json[] {
  return list(value, param, options).map((member, at) => object(member, `${param}[${at}]`));
}
