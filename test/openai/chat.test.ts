/**
 * The Chat Completions adapter against the published one: same body, same items, same events, but for what is listed
 * in `leaveOut` and in the tests below, where ours is better on purpose.
 */
import { describe, expect, test } from 'vitest';
import { ANSWERS, STREAMS } from './chat-output.cases.ts';
import { HISTORIES, REQUESTS } from './chat-request.cases.ts';
import { compare, completion, type Outcome } from './recorder.ts';

/**
 * The published model repeats the whole message as provider data of each text and call, gives a streamed call no
 * status, and an answer of nothing an empty list when streamed, an empty text when not. Ours are alike in both.
 */
function leaveOut(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(leaveOut);
  if (typeof value !== 'object' || value === null) return value;
  const isCall = 'type' in value && value.type === 'function_call';
  const isContent = 'type' in value && ['output_text', 'refusal', 'function_call'].includes(String(value.type));
  const kept = Object.entries(value).filter(
    ([key]) => !(isContent && key === 'providerData') && !(isCall && key === 'status'),
  );
  return Object.fromEntries(kept.map(([key, member]) => [key, leaveOut(member)]));
}

const roles = ({ body }: Outcome): unknown[] =>
  (body as { messages: { role: string }[] }).messages.map(({ role }) => role);

function expectSame(ours: Outcome, theirs: Outcome): void {
  expect(ours.threw === undefined, `ours ${ours.threw}, theirs ${theirs.threw}`).toBe(theirs.threw === undefined);
  if (theirs.threw !== undefined) return;
  expect(leaveOut(ours)).toEqual(leaveOut(theirs));
}

describe('a request to Chat Completions is the published one', () => {
  test.each(Object.entries(REQUESTS))('for %s', async (_name, request) => {
    const { ours, theirs } = await compare('chat', request);
    expectSame(ours, theirs);
  });

  test.each(Object.entries(REQUESTS))('streamed, for %s', async (_name, request) => {
    const { ours, theirs } = await compare('chat', request, { events: STREAMS['text'] ?? [] });
    expectSame(ours, theirs);
  });

  test.each(Object.entries(HISTORIES))('for a history of %s', async (name, input) => {
    const { ours, theirs } = await compare('chat', { input });
    // What the Responses API left behind is made to fit (docs/compatibility.md, Adapters).
    if (name === 'web search') {
      expect(theirs.threw).toBe('UserError');
      expect(ours.threw).toBeUndefined();
    } else if (name === 'user between call and result') {
      expect(roles(theirs)).toEqual(['assistant', 'user', 'tool']);
      expect(roles(ours)).toEqual(['assistant', 'tool', 'user']);
    } else expectSame(ours, theirs);
  });
});

describe('an answer of Chat Completions gives the published items', () => {
  test.each(Object.entries(ANSWERS))('for %s', async (_name, [message, choice, top]) => {
    const { ours, theirs } = await compare(
      'chat',
      { modelSettings: { preserveRawUsage: true } },
      { reply: completion(message, choice, top) },
    );
    expectSame(ours, theirs);
  });

  test.each(Object.entries(STREAMS))('and events, for a stream of %s', async (_name, events) => {
    const { ours, theirs } = await compare('chat', { modelSettings: { preserveRawUsage: true } }, { events });
    expectSame(ours, theirs);
  });

  test.each(Object.entries(ANSWERS))(
    'and what came as %s goes back without leftovers',
    async (_name, [message, choice, top]) => {
      const { ours } = await compare('chat', {}, { reply: completion(message, choice, top) });
      if (ours.threw !== undefined) return;
      const { output } = ours.result as { output: object[] };
      const { body } = (await compare('chat', { input: output })).ours;
      const known = ['role', 'content', 'tool_calls', 'tool_call_id', 'reasoning', 'audio'];
      for (const sent of (body as { messages: object[] }).messages) {
        expect(Object.keys(sent).filter((key) => !known.includes(key))).toEqual([]);
      }
    },
  );
});

describe('dialects that the published model loses something of', () => {
  const chunk = (delta: object, finish: string | null = null): object => ({
    id: 'cc_1',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const part = (call: object): object => chunk({ tool_calls: [call] });
  const end = chunk({}, 'tool_calls');
  const calls = async (events: object[]): Promise<unknown> => {
    const { ours } = await compare('chat', {}, { events });
    const done = (
      ours.result as { type: string; response: { output: { callId: string; name: string; arguments: string }[] } }[]
    ).at(-1);
    return done?.response.output.map(({ callId, name, arguments: args }) => [callId, name, args]);
  };
  const fn = (name: string | undefined, args: unknown): object => ({
    type: 'function',
    function: { name, arguments: args },
  });

  test('calls without an index are told apart by their ids', async () => {
    const events = [
      part({ id: 'c1', ...fn('f', '{"a"') }),
      part(fn(undefined, ':1}')),
      part({ id: 'c2', ...fn('g', '{}') }),
      end,
    ];
    expect(await calls(events)).toEqual([
      ['c1', 'f', '{"a":1}'],
      ['c2', 'g', '{}'],
    ]);
  });

  test('two calls with the same index and different ids are two calls', async () => {
    const events = [
      part({ index: 0, id: 'c1', ...fn('f', '{}') }),
      part({ index: 0, id: 'c2', ...fn('g', '{}') }),
      end,
    ];
    expect(await calls(events)).toEqual([
      ['c1', 'f', '{}'],
      ['c2', 'g', '{}'],
    ]);
  });

  test('arguments that come as an object are JSON text', async () => {
    expect(await calls([part({ index: 0, id: 'c1', ...fn('f', { a: 1 }) }), end])).toEqual([['c1', 'f', '{"a":1}']]);
  });

  test('absent and empty arguments are an empty object', async () => {
    const events = [
      part({ index: 0, id: 'c1', ...fn('f', undefined) }),
      part({ index: 1, id: 'c2', ...fn('g', '') }),
      end,
    ];
    expect(await calls(events)).toEqual([
      ['c1', 'f', '{}'],
      ['c2', 'g', '{}'],
    ]);
  });

  test('a name that is repeated with each part is the name once', async () => {
    const events = [part({ index: 0, id: 'c1', ...fn('f', '{') }), part({ index: 0, id: 'c1', ...fn('f', '}') }), end];
    expect(await calls(events)).toEqual([['c1', 'f', '{}']]);
  });

  test('a call without an id gets one, the same whenever the answer is read', async () => {
    const events = [part({ index: 0, ...fn('f', '{}') }), end];
    expect(await calls(events)).toEqual([['call_cc_1_0', 'f', '{}']]);
    expect(await calls(events)).toEqual(await calls(events));
  });

  test('reasoning_content is kept and goes back under its name', async () => {
    const whole = completion({
      role: 'assistant',
      content: null,
      reasoning_content: 'think',
      tool_calls: [{ id: 'c1', ...fn('f', '{}') }],
    });
    const { ours } = await compare('chat', {}, { reply: whole });
    const { output } = ours.result as { output: object[] };
    const { body } = (await compare('chat', { input: output })).ours;
    expect(body).toMatchObject({
      messages: [{ role: 'assistant', reasoning_content: 'think', tool_calls: [{ id: 'c1' }] }, { role: 'tool' }],
    });
    const streamed = await compare(
      'chat',
      {},
      {
        events: [
          chunk({ reasoning_content: 'thi' }),
          chunk({ reasoning_content: 'nk' }),
          part({ index: 0, id: 'c1', ...fn('f', '{}') }),
          end,
        ],
      },
    );
    const done = (streamed.ours.result as { type: string; response: { output: object[] } }[]).at(-1);
    expect(done?.response.output).toEqual(output);
  });

  test('what a server adds to a call, such as a thought signature, goes back with it', async () => {
    const extra = { extra_content: { google: { thought_signature: 's' } } };
    const { ours } = await compare(
      'chat',
      {},
      { events: [part({ index: 0, id: 'c1', ...fn('f', '{}'), ...extra }), end] },
    );
    const done = (ours.result as { type: string; response: { output: object[] } }[]).at(-1);
    const { body } = (await compare('chat', { input: done?.response.output })).ours;
    expect(body).toMatchObject({ messages: [{ tool_calls: [{ id: 'c1', ...extra }] }, { role: 'tool' }] });
  });

  test.each([
    ['without its end', [chunk({ content: 'H' })]],
    ['of nothing', []],
    ['with an error line', [chunk({ content: 'H' }), { error: { message: 'bad', code: 500 } }]],
  ])('a stream %s is an error, where the published model answers with what came', async (_name, events) => {
    const { ours, theirs } = await compare('chat', {}, { events });
    expect(theirs.threw).toBeUndefined();
    expect(ours.threw).toBe('ModelError');
  });

  test('an assistant message of nothing is left out: every server refuses it', async () => {
    const { ours } = await compare('chat', {
      input: [
        { role: 'user', content: 'x' },
        { role: 'assistant', status: 'completed', content: [] },
      ],
    });
    expect(ours.body).toMatchObject({ messages: [{ role: 'user' }] });
    expect((ours.body as { messages: object[] }).messages).toHaveLength(1);
  });

  test('extra headers are headers, not members of the body', async () => {
    const { ours } = await compare('chat', { modelSettings: { providerData: { extra_headers: { a: 'b' } } } });
    expect(ours.headers).toEqual({ a: 'b' });
    expect(ours.body).not.toHaveProperty('extra_headers');
  });
});
