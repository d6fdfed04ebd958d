/** Schemas as the original makes them from the same zod schema or JSON Schema; it is a black box here. */
import { tool as publishedTool } from '@openai/agents';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { JsonSchema } from '../protocol/json.ts';
import { toObjectSchema } from './convert.ts';
import type { SchemaLike } from './standard.ts';

const point = z.object({ x: z.number() });
const shared = z.object({ x: z.number() }).meta({ id: 'Shared' });

const ZOD: Record<string, z.ZodType> = {
  'no properties': z.object({}),
  'a required string': z.object({ a: z.string() }),
  descriptions: z.object({ a: z.string().describe('the a') }).describe('root'),
  'an optional string': z.object({ a: z.string().optional() }),
  'an optional string with a description': z.object({ a: z.string().describe('x').optional() }),
  'a description after optional': z.object({ a: z.string().optional().describe('y') }),
  nullable: z.object({ a: z.string().nullable() }),
  nullish: z.object({ a: z.string().nullish() }),
  'nullable with a description, optional': z.object({ a: z.string().nullable().describe('q').optional() }),
  default: z.object({ a: z.string().default('q') }),
  'a default beside an optional': z.object({ a: z.string().default('q'), b: z.string().optional() }),
  'an enum with default and description beside an optional': z.object({
    a: z.enum(['x', 'y']).default('x').describe('aa'),
    b: z.string().optional(),
  }),
  'a default object': z.object({ a: z.object({ b: z.string().default('x') }).default({ b: 'k' }) }),
  'a nullable default': z.object({ a: z.string().nullable().default(null) }),
  'a nullable default beside an optional': z.object({
    a: z.string().nullable().default(null),
    b: z.string().optional(),
  }),
  catch: z.object({ a: z.string().catch('q') }),
  numbers: z.object({ a: z.number().min(1).max(5), b: z.int(), c: z.number().gt(3).multipleOf(2), d: z.int32() }),
  'string formats': z.object({
    a: z.email(),
    b: z.uuid(),
    c: z.string().min(2).max(4).regex(/^a/),
    d: z.iso.datetime(),
    e: z.url(),
  }),
  'enums and literals': z.object({
    a: z.enum(['x', 'y']),
    b: z.literal('k'),
    c: z.literal(['p', 'q']),
    d: z.literal(3),
    e: z.null(),
  }),
  'optional enums and literals': z.object({
    a: z.enum(['x', 'y']).optional(),
    b: z.literal('k').optional(),
    c: z.literal(true).optional(),
  }),
  'nested optional objects': z.object({ a: z.object({ b: z.number().optional(), c: z.string() }).optional() }),
  'deeply nested': z.object({ a: z.object({ b: z.object({ c: z.object({ d: z.string().optional() }).optional() }) }) }),
  'an array': z.object({ a: z.array(z.string()).min(1).max(3) }),
  'an array of objects with an optional': z.object({ b: z.array(z.object({ c: z.string().optional() })) }),
  'an optional array': z.object({ a: z.array(z.string()).optional() }),
  union: z.object({ a: z.union([z.string(), z.number()]) }),
  'an optional union': z.object({ a: z.union([z.string(), z.number()]).optional() }),
  'an optional union with null': z.object({ a: z.union([z.string(), z.null()]).optional() }),
  'nullable and optional': z.object({
    a: z.number().nullable().optional(),
    b: z.object({ x: z.string().optional() }).nullable(),
  }),
  'a described union beside an optional': z.object({
    u: z.union([z.string(), z.number()]).describe('ud'),
    o: z.string().optional(),
  }),
  'a discriminated union': z.object({
    a: z.discriminatedUnion('t', [
      z.object({ t: z.literal('x'), v: z.string() }).describe('bx'),
      z.object({ t: z.literal('y'), w: z.number().optional() }),
    ]),
  }),
  'a union of object and array': z.object({
    a: z.union([z.object({ x: z.string().optional() }), z.array(z.object({ y: z.number().optional() }))]),
  }),
  any: z.object({ a: z.any(), b: z.unknown() }),
  'any, optional': z.object({ a: z.any().optional() }),
  tuple: z.object({ a: z.tuple([z.string(), z.number()]) }),
  coerced: z.object({ a: z.coerce.number() }),
  boolean: z.object({ a: z.boolean(), b: z.boolean().optional() }),
  'a loose object': z.looseObject({ a: z.string() }),
  'a strict object': z.strictObject({ a: z.string() }),
  catchall: z.object({ a: z.string() }).catchall(z.number()),
  'a nested loose object': z.object({ o: z.looseObject({ a: z.string() }) }),
  'an empty loose object': z.object({ o: z.looseObject({}) }),
  intersection: z.object({ a: z.intersection(z.object({ x: z.string() }), z.object({ y: z.number().optional() })) }),
  'an intersection at the root': z.intersection(z.object({ x: z.string() }), z.object({ y: z.number() })),
  refined: z.object({ a: z.string().refine((text) => text.length > 1) }).refine(() => true),
  preprocessed: z.object({ a: z.preprocess((value) => value, z.string()) }),
  readonly: z.object({ a: z.string().readonly() }),
  branded: z.object({ a: z.string().brand('x') }),
  lazy: z.object({ a: z.lazy(() => z.string()) }),
  'a shared definition': z.object({ a: shared, b: shared }),
  'a reused object': z.object({ a: point, b: point }),
  'a reused object, once optional': z.object({ a: point.optional(), b: point }),
  meta: z.object({ a: z.string().meta({ title: 'T', examples: ['e'], description: 'D' }) }).meta({ title: 'Root' }),
  partial: z.object({ a: z.string(), b: z.number() }).partial(),
  extended: z.object({ a: z.string() }).extend({ b: z.number() }),
  nonoptional: z.object({ a: z.string().optional().nonoptional() }),
  'a template literal': z.object({ a: z.templateLiteral(['a', z.number()]) }),
  keyof: z.object({ a: z.object({ p: z.string(), q: z.string() }).keyof() }),
  'an optional root': z.object({ a: z.string() }).optional(),
  'a described optional object': z.object({
    a: z
      .object({ x: z.string().describe('xd') })
      .describe('od')
      .optional(),
  }),
};

const JSON_SCHEMAS: Record<string, JsonSchema> = {
  plain: object({ a: { type: 'string' } }, ['a']),
  optional: object({ a: { type: 'string' }, b: { type: 'number', minimum: 2 } }, ['a']),
  'no required': { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false },
  'open at the root': { ...object({ a: { type: 'string' } }, ['a']), additionalProperties: true },
  nested: object({ o: { type: 'object', properties: { x: { type: 'string' } } } }, ['o']),
  references: {
    ...object({ o: { $ref: '#/$defs/X' }, p: { $ref: '#/$defs/X', description: 'd' } }, ['o']),
    $defs: { X: { type: 'object', properties: { y: { type: 'string' } } } },
  },
  'lists of types': object({ a: { type: ['string', 'number'] }, b: { type: ['string', 'null'] } }, []),
  'null in other ways': object(
    { a: { enum: ['x', null] }, b: { enum: ['x'] }, c: { const: null }, d: { nullable: true, type: 'string' } },
    [],
  ),
  'arrays of objects': object(
    { a: { type: 'array', items: { type: 'object', properties: { z: { type: 'string' } } } } },
    ['a'],
  ),
  'unknown keywords': object({ a: { type: 'string', 'x-foo': 1, uniqueItems: true } }, ['a']),
  'boolean schemas': object({ a: true }, ['a']),
  'a default': object({ o: { type: 'string', default: 'q' } }, []),
  'a required property that is not declared': object({ a: { type: 'string' } }, ['a', 'z']),
};

function object(properties: JsonSchema, required: string[]): JsonSchema {
  return { type: 'object', properties, required, additionalProperties: false };
}

function published(schema: unknown, strict = true): unknown {
  const options = { name: 't', description: 'd', parameters: schema, strict, execute: () => '' };
  const { parameters } = publishedTool(options as unknown as Parameters<typeof publishedTool>[0]);
  return JSON.parse(JSON.stringify(parameters));
}

/** A schema of another library: what zod's schema is without being known as zod's. */
const foreign = (schema: z.ZodType): SchemaLike => {
  const { validate, jsonSchema } = schema['~standard'];
  return { '~standard': { version: 1, vendor: 'other', validate, jsonSchema } };
};

// Once one property is optional, the original forgets these for the whole schema.
const FORGOTTEN = new Set([
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
]);

function forget(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forget);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([keyword]) => !FORGOTTEN.has(keyword));
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, forget(value)]));
}

describe('as the original', () => {
  test.each(Object.entries(ZOD))('zod: %s', (_, schema) => {
    expect(toObjectSchema(schema as SchemaLike, { name: 'Tool' })).toEqual(published(schema));
  });

  test.each(Object.entries(JSON_SCHEMAS))('JSON Schema: %s', (_, schema) => {
    const before = structuredClone(schema);
    expect(toObjectSchema(schema, { name: 'Tool' })).toEqual(published(schema));
    expect(toObjectSchema(schema, { name: 'Tool', strict: false })).toBe(schema);
    expect(schema).toEqual(before);
  });

  test.each([
    'an optional string with a description',
    'default',
    'union',
    'string formats',
    'deeply nested',
    'a shared definition',
  ])('another Standard Schema: %s', (name) => {
    const schema = foreign(ZOD[name] ?? z.never());
    expect(toObjectSchema(schema, { name: 'Tool' })).toEqual(published(schema));
  });
});

describe('better than the original', () => {
  test('constraints stay when another property is optional', () => {
    const schema = z.object({
      a: z.number().min(1),
      b: z.array(z.string()).max(3),
      c: z.email(),
      d: z.string().optional(),
    });
    const ours = toObjectSchema(schema, { name: 'Tool' });
    expect(ours.properties.a).toEqual({ type: 'number', minimum: 1 });
    expect(forget(ours)).toEqual(published(schema));
  });

  test('a converting schema asks for what goes in; the original asks for what comes out, which validation then refuses', () => {
    const decode = (text: string): number => Number(text);
    const codec = z.object({ a: z.codec(z.string(), z.number(), { decode, encode: String }) });
    expect(toObjectSchema(codec, { name: 'Tool' }).properties.a).toEqual({ type: 'string' });
    expect(published(codec)).toMatchObject({ properties: { a: { type: 'number' } } });
    const transform = z.object({ a: z.string().transform((text) => text.length) });
    expect(toObjectSchema(transform, { name: 'Tool' }).properties.a).toEqual({ type: 'string' });
    expect(() => published(transform)).toThrow('Transforms cannot be represented');
  });

  test('optional elements and recursion are converted', () => {
    const Node = z.object({
      name: z.string(),
      get child() {
        return Node.optional();
      },
    });
    expect(toObjectSchema(Node, { name: 'Tool' })).toMatchObject({
      properties: { child: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
      required: ['name', 'child'],
    });
    expect(() => published(Node)).toThrow();
  });

  test('a tool without parameters is closed, in the form that strict mode takes', () => {
    const closed = { type: 'object', properties: {}, required: [], additionalProperties: false };
    expect(toObjectSchema({ type: 'object' }, { name: 'Tool' })).toEqual(closed);
  });
});
