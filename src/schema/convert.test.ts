import * as valibot from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { UserError } from '../protocol/errors.ts';
import { convert, toObjectSchema } from './convert.ts';
import type { SchemaLike } from './standard.ts';

const inside = (a: unknown): SchemaLike => ({
  type: 'object',
  properties: { a },
  required: ['a'],
  additionalProperties: false,
});

describe('what cannot be strict is refused with the owner, the path and the remedy', () => {
  test.each<[string, SchemaLike, string]>([
    [
      'a record',
      z.object({ a: z.record(z.string(), z.number()) }),
      "Tool 't' at `properties/a`: strict mode has no open objects",
    ],
    [
      'a record deep inside',
      z.object({ l: z.array(z.object({ r: z.record(z.string(), z.any()) })) }),
      'at `properties/l/items/properties/r`',
    ],
    ['a record at the root', z.record(z.string(), z.string()), 'set `strict: false`'],
    ['an open object', inside({ type: 'object', additionalProperties: true }), 'List its properties'],
    ['a string at the root', z.string(), 'of type "string", but a provider takes only an object at the root'],
    ['a union at the root', z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]), 'no single object'],
    ['a JSON Schema without type', {}, 'no single object'],
    ['a Date', z.object({ a: z.date() }), 'Date cannot be represented in JSON Schema. Use types that JSON has'],
    ['a file', z.object({ a: z.file() }), 'strict mode has no `contentEncoding`'],
    ['never', z.object({ a: z.never() }), 'strict mode has no `not`'],
    [
      'oneOf',
      inside({ oneOf: [{ type: 'string' }] }),
      'strict mode has no `oneOf`. Take it out, or disable strict mode.',
    ],
    ['allOf', inside({ allOf: [{ type: 'string' }] }), 'strict mode has no `allOf`'],
    [
      'patternProperties',
      inside({ type: 'object', properties: {}, patternProperties: {} }),
      'strict mode has no `patternProperties`',
    ],
    ['if', inside({ if: {}, else: {} }), 'strict mode has no `if`'],
    ['prefixItems', inside({ type: 'array', prefixItems: [] }), 'strict mode has no `prefixItems`'],
    ['a typeless object', inside({ properties: { x: {} } }), 'it has properties and no `type: "object"`'],
    ['anyOf beside a type', inside({ type: 'string', anyOf: [{}] }), '`type` stands beside `anyOf`'],
    ['a remote reference', inside({ $ref: 'http://x/y' }), 'leads to `http://x/y`, which is not in this schema'],
    ['a dangling reference', inside({ $ref: '#/$defs/Q' }), 'leads to `#/$defs/Q`'],
    ['something that is no schema', inside(5), 'here stands a number'],
    [
      'conflicting intersections',
      z.object({ a: z.intersection(z.string(), z.number()) }),
      'strict mode has no `allOf`',
    ],
  ])('%s', (_, schema, message) => {
    const act = (): unknown => toObjectSchema(schema, { name: "Tool 't'" });
    expect(act).toThrow(UserError);
    expect(act).toThrow(message);
    expect(act).toThrow("Tool 't'");
  });

  test('a schema that contains itself as an object is refused, not followed forever', () => {
    const loop: Record<string, unknown> = { type: 'array' };
    loop.items = loop;
    expect(() => toObjectSchema(inside(loop), { name: 'Tool' })).toThrow('nested more than 100 levels deep');
  });

  test.each([
    [null, 'null'],
    [5, 'a number'],
    [[], 'an array'],
    [() => 1, 'a function'],
  ])('%o is no schema', (schema, kind) => {
    const act = (): unknown => toObjectSchema(schema as unknown as SchemaLike, { name: 'Tool' });
    expect(act).toThrow('is no schema. Give a zod schema');
    expect(act).toThrow(kind);
  });

  test('a library without JSON Schema is named, with its adapter', () => {
    const schema = valibot.object({ a: valibot.string() }) as unknown as SchemaLike;
    expect(() => toObjectSchema(schema, { name: 'Tool' })).toThrow(
      'The schema of valibot has no JSON Schema to show to a model. Update the library',
    );
    expect(() => toObjectSchema(schema, { name: 'Tool' })).toThrow('@valibot/to-json-schema');
  });
});

test('constraints in allOf are one schema, an intersection of objects is one object', () => {
  const schema = z.object({ a: z.string().startsWith('x').endsWith('y'), o: z.string().optional() });
  expect(toObjectSchema(schema, { name: 'Tool' }).properties.a).toMatchObject({ type: 'string', pattern: '^x.*' });
  const foreign = (json: object): SchemaLike => ({
    '~standard': {
      version: 1,
      vendor: 'other',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => ({ ...json }), output: () => ({}) },
    },
  });
  const both = {
    allOf: [
      { type: 'object', properties: { x: { type: 'string' } }, required: ['x'] },
      { type: 'object', properties: { y: { type: 'string' } } },
    ],
  };
  const schemaOfBoth = { type: 'object', properties: { both }, required: ['both'] };
  expect(toObjectSchema(foreign(schemaOfBoth), { name: 'Tool' }).properties.both).toEqual({
    type: 'object',
    properties: { x: { type: 'string' }, y: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
    required: ['x', 'y'],
    additionalProperties: false,
  });
});

test('a schema is converted once; JSON Schema, which may change, every time', () => {
  let conversions = 0;
  const schema: SchemaLike = {
    '~standard': {
      version: 1,
      vendor: 'counting',
      validate: (value) => ({ value }),
      jsonSchema: {
        input: () => (conversions++, { type: 'object', properties: { a: { type: 'string' } } }),
        output: () => ({ type: 'object', properties: {} }),
      },
    },
  };
  expect(convert(schema, { name: 'Tool' })).toBe(convert(schema, { name: 'another' }));
  expect(conversions).toBe(1);
  expect(convert(schema, { name: 'Tool', strict: false }).schema).not.toHaveProperty('required');
  expect(toObjectSchema(schema, { name: 'Tool', io: 'output' }).required).toEqual([]);
  const json: Record<string, unknown> = { type: 'object', properties: { a: { type: 'string' } } };
  expect(toObjectSchema(json, { name: 'Tool' }).required).toEqual(['a']);
  json.properties = { b: { type: 'string' } };
  expect(toObjectSchema(json, { name: 'Tool' }).required).toEqual(['b']);
});
