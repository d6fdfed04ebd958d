import { describe, expect, test } from 'vitest';
import { readSse, SseParser, type SseEvent } from './sse.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(chunks: Uint8Array[]): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = new SseParser((event) => events.push(event));
  for (const chunk of chunks) parser.push(chunk);
  return events;
}
const parseText = (text: string): SseEvent[] => parse([bytesOf(text)]);

/** A small seeded generator, so that a failure can be run again. */
function seeded(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

function cutRandomly(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const longest = 1 + Math.floor(random() * 40);
  for (let at = 0; at < bytes.length;) {
    const length = Math.floor(random() * (longest + 1));
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Everything that is hard at once: all line ends, characters of 1 to 4 bytes, comments, several data lines. */
const HARD = [
  '\uFEFFdata: first\n\n',
  ': a comment\r\n: \u{1F600}\r\n\r\n',
  'event: über\r\ndata: {"text":"\u00fc\u20ac\u{1F600}\u{1F468}\u200d\u{1F469}"}\r\n\r\n',
  'data: cr only\rdata: second line\r\r',
  'data:no space\ndata:  two spaces\n\n',
  'event: named\n\n',
  'data\n\n',
  'data:\n\n',
  'id: 7\nretry: 100\nunknown: x\ndata: with others\n\n',
  'event: a\nevent: b\ndata: last name counts\n\n',
  'data: a\r\ndata: b\rdata: c\ndata: \uFEFFnot a mark\n\n',
  'data: unfinished \u{1F600}',
].join('');

describe('SSE', () => {
  test('is read by the letter of the standard', () => {
    expect(parseText(HARD)).toEqual([
      { data: 'first' },
      { event: 'über', data: '{"text":"ü€😀👨\u200d👩"}' },
      { data: 'cr only\nsecond line' },
      { data: 'no space\n two spaces' },
      { data: '' },
      { data: '' },
      { data: 'with others' },
      { event: 'b', data: 'last name counts' },
      { data: 'a\nb\nc\n\uFEFFnot a mark' },
    ]);
  });

  test('cut into random chunks gives the same events as uncut, for 1,000 seeds', () => {
    const bytes = bytesOf(HARD);
    const uncut = parse([bytes]);
    for (let seed = 0; seed < 1000; seed++)
      expect(parse(cutRandomly(bytes, seeded(seed))), `seed ${seed}`).toEqual(uncut);
  });

  test('cut at any one byte, or at every byte, gives the same events', () => {
    const bytes = bytesOf(HARD);
    const uncut = parse([bytes]);
    for (let at = 0; at <= bytes.length; at++)
      expect(parse([bytes.subarray(0, at), bytes.subarray(at)]), `byte ${at}`).toEqual(uncut);
    expect(parse([...bytes].map((byte) => new Uint8Array([byte])))).toEqual(uncut);
  });

  test('an event without its empty line is dropped', () => {
    expect(parseText('data: {"half":')).toEqual([]);
    expect(parseText('data: whole line\n')).toEqual([]);
  });

  test('a name without data is no event and names nothing after it', () => {
    expect(parseText('event: lost\n\ndata: x\n\n')).toEqual([{ data: 'x' }]);
  });

  test('one long line in many chunks costs as much as its length, not its square', () => {
    const chunk = bytesOf('x'.repeat(1000));
    const chunks = [bytesOf('data: '), ...Array.from({ length: 5000 }, () => chunk), bytesOf('\n\n')];
    expect(parse(chunks)[0]?.data.length).toBe(5_000_000);
  });

  test('a body that breaks in the middle rejects after the events that came', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytesOf('data: 1\n\ndata: 2'));
      },
      pull(controller) {
        controller.error(new Error('socket'));
      },
    });
    const seen: SseEvent[] = [];
    const reading = (async () => {
      for await (const batch of readSse(body)) seen.push(...batch);
    })();
    await expect(reading).rejects.toThrow('socket');
    expect(seen).toEqual([{ data: '1' }]);
  });

  test('leaving the loop cancels the body', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(bytesOf('data: x\n\n')),
      cancel: () => void (cancelled = true),
    });
    for await (const _batch of readSse(body)) break;
    expect(cancelled).toBe(true);
  });
});
