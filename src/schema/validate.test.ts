import fc from 'fast-check';
import * as valibot from 'valibot';
import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { UserError } from '../protocol/errors.ts';
import { convert } from './convert.ts';
import type { InferOutput, SchemaLike } from './standard.ts';
import { validate } from './validate.ts';

/** What arguments become when a model sent them under strict mode. */
function receive(schema: SchemaLike, value: unknown): unknown {
  const result = validate(schema, value, convert(schema, { name: 'Tool' }));
  return result.ok ? result.value : result.issues;
}

test('a value is validated, converted and completed', () => {
  const schema = z.object({ a: z.string(), b: z.coerce.number(), c: z.string().default('q') });
  expect(validate(schema, { a: 'x', b: '5', extra: 1 })).toEqual({ ok: true, value: { a: 'x', b: 5, c: 'q' } });
});

test('what is wrong is told with its path', () => {
  const schema = z.object({ a: z.array(z.object({ b: z.string() })) });
  const result = validate(schema, { a: [{ b: 5 }] });
  expect(result).toMatchObject({ ok: false, issues: [{ path: ['a', 0, 'b'] }] });
  expect(result.ok ? '' : result.error.message).toMatch(/^a\.0\.b: Invalid input: expected string/);
  const nested = valibot.object({ a: valibot.object({ b: valibot.string() }) });
  expect(validate(nested as unknown as SchemaLike, { a: { b: 1 } })).toMatchObject({ issues: [{ path: ['a', 'b'] }] });
});

test('JSON Schema describes and does not validate', () => {
  expect(validate({ type: 'object', properties: {} }, [1])).toEqual({ ok: true, value: [1] });
});

test('asynchronous validation, and a check that throws, are refused', () => {
  const refinements = [
    async () => true,
    () => {
      throw new Error('boom');
    },
  ];
  for (const refinement of refinements) {
    const result = validate(z.object({ a: z.string().refine(refinement) }), { a: 'x' });
    expect(result).toMatchObject({ ok: false, error: expect.any(UserError) });
    expect(result.ok ? '' : result.error.message).toContain('Use a schema with synchronous checks');
  }
});

test('null for an optional property counts as not given, at any depth', () => {
  const schema = z.object({
    o: z.object({ p: z.number().optional() }).optional(),
    l: z.array(z.object({ q: z.number().optional() })),
    n: z.string().nullable(),
    d: z.string().default('q'),
  });
  expect(receive(schema, { o: null, l: [{ q: null }, { q: 1 }], n: null, d: null })).toEqual({
    l: [{}, { q: 1 }],
    n: null,
    d: 'q',
  });
  expect(receive(schema, { o: { p: null }, l: [], n: 'x', d: 'y' })).toEqual({ o: {}, l: [], n: 'x', d: 'y' });
});

test('null stays where the schema takes it, and where it is wrong', () => {
  const schema = z.object({
    a: z.string().nullish(),
    b: z.any().optional(),
    c: z.union([z.string(), z.null()]).optional(),
  });
  expect(receive(schema, { a: null, b: null, c: null })).toEqual({ a: null, b: null, c: null });
  expect(receive(z.object({ a: z.string() }), { a: null })).toMatchObject([{ path: ['a'] }]);
});

test('in a union the branch that fits tells which null means not given', () => {
  const schema = z.object({
    a: z.discriminatedUnion('t', [
      z.object({ t: z.literal('x'), v: z.string().optional() }),
      z.object({ t: z.literal('y'), v: z.string().nullable() }),
    ]),
  });
  expect(receive(schema, { a: { t: 'x', v: null } })).toEqual({ a: { t: 'x' } });
  expect(receive(schema, { a: { t: 'y', v: null } })).toEqual({ a: { t: 'y', v: null } });
  const byKeys = z.object({
    a: z.union([z.strictObject({ p: z.string().optional() }), z.strictObject({ q: z.string().optional() })]),
  });
  expect(receive(byKeys, { a: { q: null } })).toEqual({ a: {} });
  const byType = z.object({
    a: z.union([z.array(z.object({ p: z.string().optional() })), z.object({ p: z.string().optional() })]),
  });
  expect(receive(byType, { a: [{ p: null }] })).toEqual({ a: [{}] });
  expect(receive(byType, { a: { p: null } })).toEqual({ a: {} });
});

test('it holds through references and recursion, and for plain JSON Schema', () => {
  const Node = z.object({
    name: z.string(),
    get child() {
      return Node.optional();
    },
  });
  expect(receive(Node, { name: 'a', child: { name: 'b', child: null } })).toEqual({ name: 'a', child: { name: 'b' } });
  const json = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, required: ['b'] };
  expect(receive(json, { a: null, b: null })).toEqual({ b: null });
});

test('the value given is never changed', () => {
  const schema = z.object({
    a: z.object({ b: z.string().optional() }),
    c: z.array(z.object({ d: z.string().optional() })),
  });
  const value = { a: { b: null }, c: [{ d: null }] };
  receive(schema, value);
  expect(value).toEqual({ a: { b: null }, c: [{ d: null }] });
});

test('without strict mode null is what it says', () => {
  const schema = z.object({ a: z.string().optional() });
  const conversion = convert(schema, { name: 'Tool', strict: false });
  expect(validate(schema, { a: null }, conversion)).toMatchObject({ ok: false });
});

test('property: what a schema takes with optionals left out, it takes with null in their place', () => {
  const schema = z.object({
    a: z.string().optional(),
    b: z.object({ c: z.number().optional(), d: z.array(z.object({ e: z.boolean().optional() })) }).optional(),
    f: z.string().nullable(),
  });
  const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
  const value = fc.record({
    a: maybe(fc.string()),
    b: maybe(fc.record({ c: maybe(fc.integer()), d: fc.array(fc.record({ e: maybe(fc.boolean()) })) })),
    f: maybe(fc.string()),
  });
  const leaveOut = (v: unknown, top = true): unknown => {
    if (Array.isArray(v)) return v.map((entry) => leaveOut(entry, false));
    if (typeof v !== 'object' || v === null) return v;
    const kept = Object.entries(v).filter(([key, entry]) => entry !== null || (top && key === 'f'));
    return Object.fromEntries(kept.map(([key, entry]) => [key, leaveOut(entry, false)]));
  };
  const holds = (v: unknown): void => {
    expect(receive(schema, v)).toEqual(schema.parse(leaveOut(v)));
  };
  fc.assert(fc.property(value, holds));
});

test('values are typed by their schema', () => {
  const schema = z.object({ a: z.string().transform((text) => text.length) });
  expectTypeOf<InferOutput<typeof schema>>().toEqualTypeOf<{ a: number }>();
  expectTypeOf<InferOutput<{ type: 'object' }>>().toEqualTypeOf<unknown>();
  const foreign = valibot.object({ a: valibot.optional(valibot.number()) });
  expectTypeOf<InferOutput<typeof foreign>>().toEqualTypeOf<{ a?: number | undefined }>();
  const result = validate(schema, {});
  if (result.ok) expectTypeOf(result.value).toEqualTypeOf<{ a: number }>();
});
