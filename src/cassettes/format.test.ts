/** The file: what is written is read, what is not a cassette is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../protocol/json.ts';
import { decode, encode } from './format.ts';
import { fileAt } from './folder.fixture.ts';
import { cassette, cassetteFetch, type CassetteData, type CassetteEntry } from './index.ts';
import { newHead } from './tape.ts';
import { SDK_VERSION } from './version.ts';

const json = fc.jsonValue({ depthSize: 'small', maxDepth: 3 }) as fc.Arbitrary<Json>;
/** Histories grow from few items, so that requests have beginnings in common. */
const item = fc.constantFrom<Json>(
  { role: 'user', content: 'a' },
  { role: 'user', content: 'b' },
  { type: 'x', deep: [[]] },
);
const request = fc.record(
  {
    instructions: fc.constantFrom<Json>(null, 'one', 'two'),
    input: fc.array(item, { maxLength: 6 }),
    tools: fc.constantFrom<Json>([], [{ name: 't' }]),
    handoffs: fc.constant<Json>([]),
    outputType: fc.constant<Json>('text'),
    settings: fc.constantFrom<Json>({}, { temperature: 0 }),
    prompt: fc.constant<Json>(null),
  },
  { requiredKeys: [] },
);
const model = fc.record({
  kind: fc.constant('model' as const),
  request,
  response: fc.record({ output: fc.array(json), text: fc.string({ unit: 'binary' }) }),
  eventMs: fc.array(fc.nat()),
});
const wire = fc.record({
  kind: fc.constant('fetch' as const),
  request: fc.record({ method: fc.constant('POST'), url: fc.webPath(), body: json }),
  response: fc.record({ status: fc.constant(200), headers: fc.constant({}), chunks: fc.array(fc.string()) }),
});

test('what was written is read', () => {
  const entries = fc.array(fc.oneof({ weight: 4, arbitrary: model }, wire), { maxLength: 12 });
  fc.assert(
    fc.property(entries, (written) => {
      const data: CassetteData = JSON.parse(JSON.stringify({ ...newHead('recorded'), entries: written }));
      const text = encode(data);
      expect(decode(text, 'x')).toEqual(data);
      expect(encode(decode(text, 'x'))).toBe(text);
    }),
  );
});

test('a conversation stands in the file once, however many turns it has', () => {
  const long = (n: number): string => `item ${n} ${'.'.repeat(200)}`;
  const sizeOf = (turns: number): number => {
    const input = Array.from({ length: turns }, (_, n): Json => ({ role: 'user', content: long(n) }));
    const entries = input.map((_, n): CassetteEntry => ({
      kind: 'model',
      request: { instructions: 'x'.repeat(1000), input: input.slice(0, n + 1), tools: [], settings: {} },
      response: { output: [] },
    }));
    return encode({ ...newHead('recorded'), entries }).length;
  };
  expect(sizeOf(100) / sizeOf(50)).toBeLessThan(2.1);
});

const asking = async (text: string): Promise<unknown> => {
  writeFileSync(fileAt(), text);
  const request = {
    input: 'x',
    modelSettings: {},
    tools: [],
    outputType: 'text',
    handoffs: [],
    tracing: false,
  } as const;
  return cassette({ file: fileAt(), mode: 'replay' })
    .getResponse({ ...request, tools: [], handoffs: [] })
    .catch((error: unknown) => error);
};

test.each([
  ['not json', /is not JSON/],
  ['[]', /its "format" is not "baton\/cassette"/],
  ['{"format":"baton/cassette","version":2,"entries":[]}', /has version 2; this SDK reads version 1/],
  ['{"format":"baton/cassette","entries":[]}', /has version none/],
  ['{"format":"baton/cassette","version":1}', /no list of entries/],
  ['{"format":"baton/cassette","version":1,"entries":[{"kind":"model"}]}', /entry 1 has no request/],
  ['{"format":"baton/cassette","version":1,"entries":[{"kind":"model","request":{}}]}', /neither a response/],
  ['{"format":"baton/cassette","version":1,"entries":[{"kind":"tape","request":{}}]}', /unknown kind "tape"/],
  ['{"format":"baton/cassette","version":1,"entries":[{"kind":"fetch","request":{}}]}', /no response with a status/],
  [
    '{"format":"baton/cassette","version":1,"entries":[{"kind":"model","request":{"like":1},"error":{}}]}',
    /like entry 1, which is not before it/,
  ],
])('%s is refused with the reason', async (text, reason) => {
  const error = await asking(text);
  expect(error).toMatchObject({ code: 'cassette/format', message: expect.stringMatching(reason) });
  expect(String(error)).toContain(fileAt());
});

test('a file that is not there is an empty cassette, and one that cannot be written is an error', async () => {
  const error = await cassetteFetch({ file: fileAt('none.json'), mode: 'replay' })('http://x/y', {}).catch(
    (e: unknown) => e,
  );
  expect(error).toMatchObject({ code: 'cassette/miss', message: expect.stringContaining('there is no such file') });
  writeFileSync(fileAt('plain'), '');
  const send = async (): Promise<Response> => new Response('ok');
  const broken = await cassetteFetch({ file: fileAt('plain/sub.json'), mode: 'record', fetch: send })('http://x/y', {});
  await expect(broken.text()).rejects.toMatchObject({ code: 'cassette/write' });
});

test('cassettes are marked with the version of the package', () => {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  expect(SDK_VERSION).toBe(manifest.version);
});
