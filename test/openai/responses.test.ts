/** The Responses adapter against the published one: same body, same items, same events. */
import { describe, expect, test } from 'vitest';
import { compare, response, type Outcome } from './recorder.ts';
import { HISTORIES } from './responses-history.cases.ts';
import { OUTPUTS, RESPONSES, STREAMS } from './responses-output.cases.ts';
import { REQUESTS } from './responses-request.cases.ts';

/** Both threw, each with the error that it finds fit; or neither did. */
function expectSame(ours: Outcome, theirs: Outcome): void {
  expect(ours.threw === undefined, `ours ${ours.threw}, theirs ${theirs.threw}`).toBe(theirs.threw === undefined);
  if (theirs.threw !== undefined) return;
  expect(ours).toEqual(theirs);
}

describe('a request to the Responses API is the published one', () => {
  test.each(Object.entries(REQUESTS))('for %s', async (_name, request) => {
    const { ours, theirs } = await compare('responses', request);
    expectSame(ours, theirs);
  });

  test.each(Object.entries(REQUESTS))('streamed, for %s', async (_name, request) => {
    const { ours, theirs } = await compare('responses', request, { events: STREAMS['text'] ?? [] });
    expectSame(ours, theirs);
  });

  test.each(Object.entries(HISTORIES))('for a history with %s', async (_name, item) => {
    const { ours, theirs } = await compare('responses', { input: [item] });
    expectSame(ours, theirs);
  });
});

describe('an answer of the Responses API gives the published items', () => {
  test.each(Object.entries(OUTPUTS))('for %s', async (_name, item) => {
    const { ours, theirs } = await compare('responses', {}, { reply: response([item]) });
    expect(theirs.threw).toBeUndefined();
    expect(ours).toEqual(theirs);
  });

  test.each(Object.entries(OUTPUTS))('and %s goes back as the published one sends it', async (name, item) => {
    const { ours: answered } = await compare('responses', {}, { reply: response([item]) });
    const { output } = answered.result as { output: object[] };
    const { ours, theirs } = await compare('responses', { input: output });
    expectSame(
      // The published one forgets what a remote tool answered; we do not.
      name === 'mcp call' ? withoutOutput(ours) : ours,
      theirs,
    );
  });

  test.each(Object.entries(RESPONSES))('for a response %s', async (_name, more) => {
    const { ours, theirs } = await compare(
      'responses',
      { modelSettings: { preserveRawUsage: true } },
      { reply: response([], more) },
    );
    expectSame(ours, theirs);
  });

  test.each(Object.entries(STREAMS))('and events, for a stream with %s', async (_name, events) => {
    const { ours, theirs } = await compare('responses', { modelSettings: { preserveRawUsage: true } }, { events });
    // The events before an error count too.
    expect(ours.result).toEqual(theirs.result);
    expectSame(ours, theirs);
  });
});

function withoutOutput(outcome: Outcome): Outcome {
  const body = outcome.body as { input: Record<string, unknown>[] };
  return { ...outcome, body: { ...body, input: body.input.map(({ output: _output, ...item }) => item) } };
}

test('an item of an unknown type goes back as it came', async () => {
  const item = { type: 'new_call', id: 'n_1', userSchema: { camelCase: { snake_case: [1] } }, text: null };
  const { ours } = await compare('responses', {}, { reply: response([item]) });
  const { output } = ours.result as { output: object[] };
  const back = await compare('responses', { input: output });
  expect(back.ours.body).toMatchObject({ input: [item] });
});

test('a stream without its last event is an error, where the published model just stops', async () => {
  const events = (STREAMS['text'] ?? []).slice(0, 3);
  const { ours, theirs } = await compare('responses', {}, { events });
  expect(theirs.threw).toBeUndefined();
  expect(ours.threw).toBe('ModelError');
});
