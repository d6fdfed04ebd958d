/** Whatever a model writes under our grammar fits the schema that the grammar is of. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { JsonSchema } from '../../protocol/json.ts';
import { Rules } from './gbnf.ts';
import { readGrammar, sample, type Pick } from './gbnf.fixture.ts';
import { addSchema } from './schema-rules.ts';

function grammarOf(schema: JsonSchema): string {
  const rules = new Rules();
  rules.define('root', addSchema(rules, schema));
  return rules.toString();
}

/** Numbers from a list, then zeros: fast-check shrinks the list. */
function picks(numbers: readonly number[]): Pick {
  let at = 0;
  return (n) => (n <= 0 ? 0 : (numbers[at++ % Math.max(1, numbers.length)] ?? 0) % n);
}
const someNumbers = fc.array(fc.nat(1000), { minLength: 1, maxLength: 200 });

/** Texts of the grammar, parsed. */
function values(schema: JsonSchema, count = 300): unknown[] {
  const grammar = readGrammar(grammarOf(schema));
  return fc.sample(someNumbers, { numRuns: count, seed: 7 }).map((numbers): unknown => {
    return JSON.parse(sample(grammar, picks(numbers)));
  });
}

const names = fc.constantFrom('a', 'b', 'with space', 'quo"te', 'back\\slash', 'é', 'x-y');
const { schema: anySchema } = fc.letrec<{ schema: JsonSchema; leaf: JsonSchema }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<JsonSchema>(
      { type: 'string' },
      { type: ['string', 'null'] },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'integer' },
      { type: 'integer', minimum: 0 },
      { type: 'integer', minimum: -3, exclusiveMaximum: 12 },
      { const: 'fixed "quoted"' },
      { enum: ['a', 1, null, true, 'line\nend', '😀'] },
      { type: 'string', format: 'date-time' },
      { type: 'string', format: 'uuid' },
      { type: 'string', format: 'date' },
      {},
    ),
    fc.record({ type: fc.constant('string'), minLength: fc.nat(3), maxLength: fc.integer({ min: 3, max: 9 }) }),
  ),
  schema: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('leaf'),
    fc
      .uniqueArray(fc.tuple(names, tie('schema'), fc.boolean()), { selector: ([name]) => name, maxLength: 4 })
      .map((members): JsonSchema => ({
        type: 'object',
        properties: Object.fromEntries(members.map(([name, schema]) => [name, schema])),
        required: members.flatMap(([name, , needed]) => (needed ? [name] : [])),
        additionalProperties: false,
      })),
    fc
      .tuple(tie('schema'), fc.nat(2), fc.option(fc.integer({ min: 2, max: 4 })))
      .map(([items, minItems, maxItems]): JsonSchema => ({
        type: 'array',
        items,
        minItems,
        ...(maxItems && { maxItems }),
      })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf): JsonSchema => ({ anyOf })),
    tie('schema').map((inner): JsonSchema => ({ anyOf: [inner, { type: 'null' }] })),
    tie('schema').map((additionalProperties): JsonSchema => ({ type: 'object', additionalProperties })),
  ),
}));

describe('schemas as grammars', () => {
  test('every text of the grammar is JSON that fits the schema', () => {
    fc.assert(
      fc.property(anySchema, someNumbers, (schema, numbers) => {
        const text = sample(readGrammar(grammarOf(schema)), picks(numbers));
        const checked = z.fromJSONSchema(schema).safeParse(JSON.parse(text));
        expect(checked.success, `${text} is not ${JSON.stringify(schema)}`).toBe(true);
      }),
    );
  });

  test('a nullable member can be null and can be its other type', () => {
    for (const member of [
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
      { type: ['string', 'null'] },
      { oneOf: [{ $ref: '#/$defs/text' }, { type: 'null' }] },
      { type: 'string', nullable: true },
    ]) {
      const schema = {
        type: 'object',
        properties: { m: member },
        required: ['m'],
        $defs: { text: { type: 'string' } },
      };
      const found = new Set(values(schema).map((value) => typeof Object(value).m));
      expect(found, JSON.stringify(member)).toEqual(new Set(['object', 'string']));
    }
  });

  test('each subset of the optional members can be written, and no other member', () => {
    const properties = { a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' } };
    const found = new Set(
      values({ type: 'object', properties, required: ['b'] }).map((v) => Object.keys(Object(v)).join()),
    );
    expect(found).toEqual(new Set(['b', 'a,b', 'b,c', 'a,b,c']));
  });

  test('a schema may hold itself', () => {
    const node = {
      type: 'object',
      properties: { next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
      required: ['next'],
    };
    const depth = (value: unknown): number => (value === null ? 0 : 1 + depth(Object(value).next));
    expect(new Set(values(node).map(depth)).size).toBeGreaterThan(2);
  });

  test('an intersection is one object, and a union of objects keeps the members around it', () => {
    const a = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
    const b = { type: 'object', properties: { b: { type: 'boolean' } }, required: ['b'] };
    for (const value of values({ allOf: [a, { $ref: '#/$defs/b' }], $defs: { b } })) {
      expect(Object.keys(Object(value))).toEqual(['a', 'b']);
    }
    const found = new Set(values({ ...a, anyOf: [b, { required: [] }] }).map((v) => Object.keys(Object(v)).join()));
    expect(found).toEqual(new Set(['a', 'a,b']));
  });

  test('what cannot be is refused with a reason', () => {
    expect(() => grammarOf({ $ref: '#/$defs/gone' })).toThrow('refers to "#/$defs/gone", which is not in it');
    expect(() => grammarOf({ type: 'array', items: { anyOf: [false] } })).toThrow('no value fits it');
  });

  test('long texts and lists are not copied into the grammar', () => {
    expect(grammarOf({ type: 'string', maxLength: 100_000 })).toContain('char{0,}');
  });
});
