/** Planted secrets are not in the file, however they come. */
import { expect, test, vi } from 'vitest';
import { Agent, ModelError, OpenAIProvider, run, Runner, tool, type Model, type StreamEvent } from '../index.ts';
import {
  assistantMessage,
  chatReply,
  createFakeServer,
  functionCall,
  modelError,
  modelStream,
  ScriptedModel,
} from '../testing/index.ts';
import { fileAt, textAt } from './folder.fixture.ts';
import { cassette, cassetteFetch, cassetteOf, writeCassette } from './index.ts';
import { createRedactor } from './redaction.ts';

const SECRETS = [
  'sk-proj-planted0123456789',
  'gsk_planted0123456789abcdef',
  'ghp_planted0123456789abcdef',
  'AKIAPLANTED012345678',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXBsYW50ZWQ',
  'xoxb-planted-0123456789',
] as const;
const LITERAL = 'Tr0ub4dor&3';
const MAIL = 'ada@example.org';

const clean = (text: string): void => {
  for (const secret of [...SECRETS, LITERAL, MAIL]) expect(text).not.toContain(secret);
  expect(text).toContain('[redacted]');
};
const options = { redact: [LITERAL, /\bacct_\d+/], redactFields: ['email'] };

test.each([false, true])(
  'keys in prompts, arguments, results and answers are not in the file (stream: %s)',
  async (stream) => {
    const login = tool({
      name: 'login',
      description: `Logs in with ${SECRETS[0]}.`,
      parameters: {
        type: 'object',
        properties: { password: { type: 'string' }, email: { type: 'string' } },
        required: [],
        additionalProperties: true,
      },
      strict: false,
      execute: () => ({ token: SECRETS[1], email: MAIL, nested: { api_key: 'plain-words' } }),
    });
    const script = (): ScriptedModel =>
      new ScriptedModel([
        [functionCall('login', { password: 'hunter2', email: MAIL, account: 'acct_42' }, { callId: 'c1' })],
        [assistantMessage(`Keys: ${SECRETS.join(' ')} ${LITERAL} https://ada:planted-pass@host/`)],
      ]);
    const agentOf = (model: Model): Agent =>
      new Agent({ name: 'A', instructions: `Use ${SECRETS[2]}. Bearer abcdefgh`, tools: [login], model });
    const play = async (model: Model): Promise<unknown> => {
      if (!stream) return (await run(agentOf(model), `Hi ${LITERAL}`)).finalOutput;
      const result = await run(agentOf(model), `Hi ${LITERAL}`, { stream: true });
      await result.completed;
      return result.finalOutput;
    };
    // The run itself sees what the model said.
    expect(await play(cassette({ file: fileAt(), mode: 'record', model: script(), ...options }))).toContain(SECRETS[0]);
    clean(textAt());
    for (const word of ['hunter2', 'plain-words', 'acct_42', 'planted-pass', 'abcdefgh'])
      expect(textAt()).not.toContain(word);
    expect(textAt()).toContain('"password": { "type": "string" }');
    // What was redacted is found again, also where the secret is another one now.
    expect(await play(cassette({ file: fileAt(), mode: 'replay', ...options }))).toContain(
      'Keys: [redacted] [redacted]',
    );
    const other = agentOf(cassette({ file: fileAt(), mode: 'replay' })).clone({
      instructions: 'Use ghp_anothersecret000000. Bearer zzzzzzzz',
    });
    await run(other, 'Hi Tr0ub4dor&4');
  },
);

test('a key that a stream brings in pieces is not in the file', async () => {
  const pieces = ['The key is sk-pl', 'anted-01', '23456789', ', so keep it.'];
  const whole = pieces.join('');
  const events: StreamEvent[] = [
    ...pieces.map((delta): StreamEvent => ({ type: 'output_text_delta', delta })),
    ...pieces.map((delta): StreamEvent => ({ type: 'model', event: { type: 'vendor.delta', delta } })),
    {
      type: 'response_done',
      response: {
        id: 'r',
        usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
        output: [assistantMessage(whole)],
      },
    },
  ];
  const agent = new Agent({
    name: 'A',
    model: cassette({ file: fileAt(), mode: 'record', model: new ScriptedModel([modelStream(events)]) }),
  });
  await (
    await run(agent, 'Hi', { stream: true })
  ).completed;
  expect(textAt()).not.toMatch(/sk-pl|anted-01|23456789/);
  const replay = await run(agent.clone({ model: cassette({ file: fileAt(), mode: 'replay' }) }), 'Hi', {
    stream: true,
  });
  let text = '';
  for await (const each of replay.toTextStream()) text += each;
  expect(text).toBe('The key is [redacted], so keep it.');
});

test('keys in errors and in the environment are not in the file', async () => {
  vi.stubEnv('MY_SERVICE_TOKEN', 'just some words that are long');
  const failure = new ModelError(`Incorrect key ${SECRETS[0]}; just some words that are long`, {
    kind: 'bad_request',
    status: 400,
    retryable: false,
  });
  const script = new ScriptedModel([modelError(failure)]);
  const model = cassette({ file: fileAt(), mode: 'record', model: script, ...options });
  await expect(run(new Agent({ name: 'A', model }), `Hi, ${LITERAL}`)).rejects.toBe(failure);
  expect(textAt()).not.toContain(SECRETS[0]);
  expect(textAt()).not.toContain('just some words');
  // A miss quotes what was asked.
  const tape = cassette({ file: fileAt(), mode: 'replay', ...options });
  const message: string = await run(new Agent({ name: 'A', model: tape }), SECRETS.join()).then(
    () => '',
    (error: Error) => error.message,
  );
  clean(message);
});

test('an exported run is redacted as well', async () => {
  const model = new ScriptedModel([[assistantMessage(`${SECRETS.join(' ')} ${LITERAL}`)]]);
  const { state } = await run(new Agent({ name: 'A', model }), `I am ${MAIL} ${LITERAL}`);
  await writeCassette(fileAt(), cassetteOf(state, { ...options, redact: [LITERAL, MAIL] }));
  clean(textAt());
});

test('no header of a request and no cookie is in a recording of fetch; keys in addresses and bodies are redacted', async () => {
  await using server = await createFakeServer();
  const pieces = 'Here: sk-planted-by-the-model-0123456789 ok';
  server.fallback({
    reply: chatReply(pieces),
    headers: { 'set-cookie': 'sid=planted-cookie', 'x-request-id': 'req_1' },
  });
  const fetch = cassetteFetch({ file: fileAt(), mode: 'record', ...options });
  const modelProvider = new OpenAIProvider({ baseURL: server.baseURL, apiKey: SECRETS[0], fetch, useResponses: false });
  for (const stream of [false, true]) {
    const result = await new Runner({ modelProvider }).run(new Agent({ name: 'A', model: 'm' }), `Hi ${LITERAL}`, {
      stream,
    });
    if (stream) await (result as unknown as { completed: Promise<void> }).completed;
  }
  await fetch(`${server.baseURL.replace('/v1', '')}/models?key=planted-in-url`, { method: 'GET' });
  clean(textAt());
  expect(textAt()).not.toMatch(/authorization|planted-cookie|planted-by|planted-in-url|the-model|0123456789/i);
  expect(textAt()).toContain('req_1');
});

test('redacting twice is redacting once', () => {
  const { json } = createRedactor(options);
  const value = {
    text: `authorization: Bearer ${SECRETS[0]}, api_key=abcdefgh; ${SECRETS.join(' ')} ${LITERAL}`,
    args: JSON.stringify({ password: 'x', deep: [{ email: MAIL }] }),
  };
  expect(json(json(value))).toEqual(json(value));
});
