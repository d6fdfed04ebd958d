/**
 * From what users give (zod, Standard Schema, JSON Schema) to the JSON Schema that a model gets.
 */
import type { JsonObjectSchema, JsonSchema } from '../protocol/json.ts';
import { UserError } from '../protocol/errors.ts';
import { isRecord, isStandardSchema, isStandardSchemaWithJSON } from './standard.ts';
import type { SchemaLike, StandardSchemaWithJSON } from './standard.ts';
import { toStrict } from './strict.ts';
import type { Dialect } from './strict.ts';

export type ConvertOptions = {
  /** Whose schema it is, for errors, such as `Tool 'search'`. */
  name: string;
  /** Make it fit for strict mode. @default true */
  strict?: boolean;
  /** Which side of the schema: what goes into validation, or what comes out of it. @default 'input' */
  io?: 'input' | 'output';
};

/** A converted schema, and what is needed to take a model's answer back. */
export type Conversion = {
  readonly schema: JsonObjectSchema;
  /** The schema before it was made strict, in which optional properties are still optional. */
  readonly source: JsonSchema;
  readonly strict: boolean;
};

type Cached = { [key: string]: Conversion | undefined };

/** Schemas of libraries are immutable, so a conversion holds as long as they live. Plain JSON Schema may change. */
const cache = new WeakMap<object, Cached>();

/**
 * Converts a schema to the JSON Schema of an object.
 * @throws UserError that names the owner, the path and the remedy, where that is not possible.
 */
export function toObjectSchema(schema: SchemaLike, options: ConvertOptions): JsonObjectSchema {
  return convert(schema, options).schema;
}

/** As {@link toObjectSchema}, with what {@link validate} needs to understand the arguments that come back. */
export function convert(schema: SchemaLike, options: ConvertOptions): Conversion {
  const { name, strict = true, io = 'input' } = options;
  if (!isStandardSchema(schema)) return convertJsonSchema(schema, name, strict);
  if (!isStandardSchemaWithJSON(schema)) {
    throw new UserError(
      `${name}: The schema of ${vendorOf(schema)} has no JSON Schema to show to a model. ` +
        remedyFor(vendorOf(schema)),
    );
  }
  const key = `${io}/${strict}`;
  let known = cache.get(schema);
  if (!known) cache.set(schema, (known = {}));
  return (known[key] ??= convertStandard(schema, { name, strict, io }));
}

const remedyFor = (vendor: string): string =>
  vendor === 'zod'
    ? 'It is of zod 3, or of zod 4 before 4.2: run `npm install zod@latest`, and import from "zod".'
    : 'Update the library, or use its adapter to Standard JSON Schema (valibot: `toStandardJsonSchema` of @valibot/to-json-schema).';

function convertJsonSchema(schema: unknown, name: string, strict: boolean): Conversion {
  if (!isRecord(schema)) {
    throw new UserError(
      `${name}: ${schema === null ? 'null' : Array.isArray(schema) ? 'an array' : `a ${typeof schema}`} is no schema. ` +
        'Give a zod schema (zod 4.2 or newer), another Standard Schema, or a JSON Schema object.',
    );
  }
  if (schema.type === undefined && Object.values(schema).some(isStandardSchema)) {
    throw new UserError(`${name}: this is a plain object with schemas in it. Make one schema of it: z.object({ … }).`);
  }
  const converted = strict ? toStrict(schema, { subject: name, dialect: 'json' }) : (schema as JsonObjectSchema);
  return { schema: converted, source: schema, strict };
}

function convertStandard(schema: StandardSchemaWithJSON, { name, strict, io }: Required<ConvertOptions>): Conversion {
  const dialect = dialectOf(schema);
  const source = describe(schema, { name, io, dialect });
  const converted = strict ? toStrict(source, { subject: name, dialect }) : (source as JsonObjectSchema);
  return { schema: converted, source, strict };
}

function describe(
  schema: StandardSchemaWithJSON,
  { name, io, dialect }: { name: string; io: 'input' | 'output'; dialect: Dialect },
): JsonSchema {
  const side = schema['~standard'].jsonSchema[io];
  try {
    return side({ target: dialect === 'zod' ? 'draft-07' : 'draft-2020-12' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      `${name}: the schema of ${vendorOf(schema)} cannot be written as JSON Schema: ${reason}. Use types that JSON has, convert inside \`execute\`, or give a JSON Schema object instead.`,
    );
  }
}

const vendorOf = (schema: { readonly '~standard': { readonly vendor: string } }): string =>
  String(schema['~standard'].vendor);

function dialectOf(schema: StandardSchemaWithJSON): Dialect {
  const isObject = 'type' in schema && schema.type === 'object';
  return vendorOf(schema) === 'zod' && isObject ? 'zod' : 'standard';
}
