/** Checks `tools`, `tool_choice` and `parallel_tool_calls` of a request as the real service does. */
import { isObject, own } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { RequestProblem } from './request-problem.ts';

const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);

/** Throws `RequestProblem`. */
export function checkTools(body: JsonObject): void {
  const tools = own(body, 'tools') ?? null;
  if (tools === null) {
    for (const key of ['tool_choice', 'parallel_tool_calls']) {
      const value = own(body, key) ?? null;
      if (value === null || value === 'none') continue;
      throw new RequestProblem(`Invalid value for '${key}': '${key}' is only allowed when 'tools' are specified.`, key);
    }
    return;
  }
  if (!Array.isArray(tools)) throw new RequestProblem("Invalid type for 'tools': expected an array.", 'tools');
  if (tools.length === 0) {
    const message = "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array.";
    throw new RequestProblem(message, 'tools', 'empty_array');
  }
  if (tools.length > 128) {
    const message = `Invalid 'tools': array too long. Expected at most 128, got ${tools.length}.`;
    throw new RequestProblem(message, 'tools', 'array_above_max_length');
  }
  const names = tools.map((tool, index) => checkTool(tool, `tools[${index}]`));
  checkChoice(own(body, 'tool_choice') ?? null, names);
}

function checkTool(tool: Json, path: string): string {
  if (!isObject(tool) || own(tool, 'type') !== 'function') {
    throw new RequestProblem(`Invalid value for '${path}.type': supported is 'function'.`, `${path}.type`);
  }
  const spec = own(tool, 'function');
  if (!isObject(spec)) {
    throw new RequestProblem(`Missing required parameter: '${path}.function'.`, `${path}.function`);
  }
  const name = own(spec, 'name');
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    const message =
      `Invalid '${path}.function.name': string does not match pattern. ` +
      "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$', of at most 64 characters.";
    throw new RequestProblem(message, `${path}.function.name`, 'invalid_value');
  }
  const description = own(spec, 'description') ?? '';
  if (typeof description !== 'string') {
    throw new RequestProblem(`Invalid type for '${path}.function.description'.`, `${path}.function.description`);
  }
  const parameters = own(spec, 'parameters');
  if (parameters !== undefined) checkParameters(name, parameters, own(spec, 'strict') === true);
  return name;
}

function checkParameters(name: string, parameters: Json, strict: boolean): void {
  if (!isObject(parameters) || own(parameters, 'type') !== 'object') {
    const got = isObject(parameters) ? JSON.stringify(own(parameters, 'type') ?? 'None') : JSON.stringify(parameters);
    throw invalidSchema(name, `schema must be a JSON Schema of 'type: "object"', got 'type: ${got}'.`);
  }
  checkSchema(name, parameters, { path: [], strict });
}

type At = { readonly path: readonly string[]; readonly strict: boolean };

function checkSchema(name: string, schema: Json, at: At): void {
  const place = `In context=(${at.path.map((step) => `'${step}'`).join(', ')})`;
  if (!isObject(schema)) throw invalidSchema(name, `${place}, ${JSON.stringify(schema)} is not of type 'object'.`);
  const types = [own(schema, 'type') ?? []].flat();
  const unknown = types.find((type) => typeof type !== 'string' || !TYPES.has(type));
  if (unknown !== undefined) {
    throw invalidSchema(name, `${place}, ${JSON.stringify(unknown)} is not valid under any of the given schemas.`);
  }
  if (types.includes('array')) {
    const items = own(schema, 'items');
    if (items === undefined) throw invalidSchema(name, `${place}, array schema missing items.`);
    checkSchema(name, items, { ...at, path: [...at.path, 'items'] });
  }
  const properties = own(schema, 'properties') ?? {};
  if (!isObject(properties)) throw invalidSchema(name, `${place}, 'properties' is not an object.`);
  const required = own(schema, 'required') ?? [];
  if (!Array.isArray(required) || !required.every((key) => typeof key === 'string')) {
    throw invalidSchema(name, `${place}, 'required' is not an array of strings.`);
  }
  if (at.strict && types.includes('object')) {
    if (own(schema, 'additionalProperties') !== false) {
      throw invalidSchema(name, `${place}, 'additionalProperties' is required to be supplied and to be false.`);
    }
    const lacking = Object.keys(properties).find((key) => !required.includes(key));
    if (lacking !== undefined) {
      const why = "'required' is required to be supplied and to be an array including every key in properties.";
      throw invalidSchema(name, `${place}, ${why} Missing '${lacking}'.`);
    }
  }
  for (const [key, value] of Object.entries(properties)) {
    checkSchema(name, value, { ...at, path: [...at.path, 'properties', key] });
  }
}

function checkChoice(choice: Json, names: readonly string[]): void {
  if (choice === null || choice === 'auto' || choice === 'none' || choice === 'required') return;
  const named = isObject(choice) ? own(choice, 'function') : undefined;
  const name = isObject(named) ? own(named, 'name') : undefined;
  if (typeof name === 'string' && names.includes(name)) return;
  const got = typeof name === 'string' ? name : JSON.stringify(choice);
  throw new RequestProblem(`Invalid value for 'tool_choice': no tool '${got}' in 'tools'.`, 'tool_choice');
}

const invalidSchema = (name: string, why: string): RequestProblem =>
  new RequestProblem(`Invalid schema for function '${name}': ${why}`, 'tools', 'invalid_function_parameters');
