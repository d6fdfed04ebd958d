import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AgentInputItem } from '../../protocol/items.ts';
import { canonical, decodeItem, encodeItem } from './codec.ts';

const item = (providerData: Record<string, unknown>): AgentInputItem => ({ type: 'unknown', providerData });

const data = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => new Uint8Array(bytes)),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('$baton:bytes', '$baton:$baton:bytes', '$baton:', '__proto__')),
    tie('value'),
    { maxKeys: 3, noNullPrototype: true },
  ),
}));

test('what was encoded comes back as it was, bytes and keys that look like marks too', () => {
  fc.assert(
    fc.property(data.object, (providerData) => {
      const given = item(providerData as Record<string, unknown>);
      expect(decodeItem(encodeItem(given, 'x').text)).toEqual(given);
    }),
  );
});

test('a buffer comes back as bytes', () => {
  const { text } = encodeItem(item({ b: Buffer.from([1, 2]) }), 'x');
  expect(decodeItem(text)).toEqual(item({ b: new Uint8Array([1, 2]) }));
});

test('only function calls carry the id of their call apart', () => {
  const call = { type: 'function_call', callId: 'c1', name: 't', arguments: '{}' } as const;
  expect(encodeItem(call, 'x').callId).toBe('c1');
  expect(encodeItem({ ...call, type: 'function_call_result' }, 'x').callId).toBeUndefined();
});

test.each(['', '{', 'null', '5', '"text"', '[]'])('%j is no item', (text) => expect(decodeItem(text)).toBeUndefined());

test('the order of keys does not matter, the order of a list does', () => {
  expect(canonical('{"b":[2,1],"a":{"d":1,"c":2}}')).toBe(canonical('{"a":{"c":2,"d":1},"b":[2,1]}'));
  expect(canonical('[1,2]')).not.toBe(canonical('[2,1]'));
});
