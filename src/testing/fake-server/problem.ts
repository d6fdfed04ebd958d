/** What is wrong with a request, in the vendor's words. */

export type Json = Record<string, unknown>;

/** Thrown by the checks; becomes a 400 with the vendor's error body. */
export class Problem extends Error {
  readonly param: string;
  readonly code: string;

  constructor(param: string, message: string, code = 'invalid_value') {
    super(message);
    this.name = 'Problem';
    this.param = param;
    this.code = code;
  }
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}

export function text(value: unknown, param: string, { empty = false }: { empty?: boolean } = {}): string {
  if (value === undefined)
    throw new Problem(param, `Missing required parameter: '${param}'.`, 'missing_required_parameter');
  if (typeof value !== 'string') {
    throw new Problem(
      param,
      `Invalid type for '${param}': expected a string, but got ${typeName(value)} instead.`,
      'invalid_type',
    );
  }
  if (!empty && value === '')
    throw new Problem(param, `Invalid '${param}': empty string. Expected a string with minimum length 1.`);
  return value;
}

export function object(value: unknown, param: string): Json {
  if (value === undefined)
    throw new Problem(param, `Missing required parameter: '${param}'.`, 'missing_required_parameter');
  if (!isObject(value)) {
    throw new Problem(
      param,
      `Invalid type for '${param}': expected an object, but got ${typeName(value)} instead.`,
      'invalid_type',
    );
  }
  return value;
}

export function list(value: unknown, param: string, { empty = false }: { empty?: boolean } = {}): unknown[] {
  if (value === undefined)
    throw new Problem(param, `Missing required parameter: '${param}'.`, 'missing_required_parameter');
  if (!Array.isArray(value)) {
    throw new Problem(
      param,
      `Invalid type for '${param}': expected an array, but got ${typeName(value)} instead.`,
      'invalid_type',
    );
  }
  if (!empty && value.length === 0)
    throw new Problem(
      param,
      `Invalid '${param}': empty array. Expected an array with minimum length 1.`,
      'empty_array',
    );
  return value;
}

export function oneOf(value: unknown, param: string, allowed: readonly string[]): string {
  const said = text(value, param);
  if (allowed.includes(said)) return said;
  const options = allowed.map((name) => `'${name}'`).join(', ');
  throw new Problem(param, `Invalid value: '${said}'. Supported values are: ${options}.`);
}

/** Optional members of simple types, by name. */
export function optional(
  body: Json,
  types: Record<string, 'string' | 'number' | 'boolean' | 'object' | 'array'>,
): void {
  for (const [name, type] of Object.entries(types)) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    const is = type === 'array' ? Array.isArray(value) : type === 'object' ? isObject(value) : typeof value === type;
    if (!is)
      throw new Problem(
        name,
        `Invalid type for '${name}': expected ${type}, but got ${typeName(value)} instead.`,
        'invalid_type',
      );
  }
}

export function onlyKnown(body: Json, known: ReadonlySet<string>, prefix = ''): void {
  for (const name of Object.keys(body)) {
    if (!known.has(name))
      throw new Problem(prefix + name, `Unknown parameter: '${prefix}${name}'.`, 'unknown_parameter');
  }
}

export function callId(value: unknown, param: string): string {
  const id = text(value, param);
  if (id.length > 64) {
    throw new Problem(
      param,
      `Invalid '${param}': string too long. ` +
        `Expected a string with maximum length 64, but got a string with length ${id.length} instead.`,
      'string_above_max_length',
    );
  }
  return id;
}
