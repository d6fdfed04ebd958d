/** What a cassette says where something is missing, or was written wrong. */
import { expect, test } from 'vitest';
import { Agent, createRouter, OpenAIChatCompletionsModel, run } from '../index.ts';
import { assistantMessage, ScriptedModel } from '../testing/index.ts';
import { fileAt, textAt } from './folder.fixture.ts';
import { cassette, cassetteFetch, CassetteMissError } from './index.ts';

const failureOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => 'it ended well',
    (error: unknown) => error,
  );

test('a file that is not there is said to be missing, with what to do', async () => {
  const file = fileAt('never-recorded.json');
  const tape = cassette({ file, mode: 'replay' });
  const failure = await failureOf(run(new Agent({ name: 'A', model: tape }), 'Hi'));
  expect(failure).toBeInstanceOf(CassetteMissError);
  expect(failure).toMatchObject({ code: 'cassette/miss', fileIsMissing: true, differences: [] });
  expect((failure as Error).message).toBe(
    [
      `Request 1 is not on the cassette ${file}: there is no such file.`,
      '  asked: 1 items, the last one {"role":"user","content":"Hi"}',
      'Nothing was sent. Record it where there is a key (BATON_CASSETTES=record), and commit the file.',
    ].join('\n'),
  );
  const fetch = cassetteFetch({ file, mode: 'replay' });
  await expect(fetch('https://x.example/v1/y', { method: 'POST', body: '{}' })).rejects.toThrow(
    'there is no such file',
  );
});

test('a file that holds other requests is not said to be missing', async () => {
  const file = fileAt('other-requests.json');
  const model = new ScriptedModel([[assistantMessage('Hello.')]]);
  await run(new Agent({ name: 'A', model: cassette({ file, mode: 'record', model }) }), 'Hi');
  const failure = await failureOf(run(new Agent({ name: 'A', model: cassette({ file, mode: 'replay' }) }), 'Ho'));
  expect(failure).toBeInstanceOf(CassetteMissError);
  expect(failure).not.toHaveProperty('fileIsMissing');
  expect((failure as Error).message).toContain('Most like it is entry 1');
});

test('a request that is not on its cassette is asked of no other target of a route', async () => {
  let asked = 0;
  const getResponse = async (): Promise<never> => {
    asked += 1;
    throw new Error('from elsewhere');
  };
  const live = Object.assign(new ScriptedModel([]), { getResponse });
  const tape = cassette({ file: fileAt('routed.json'), mode: 'replay' });
  const route = createRouter({ models: { main: [tape, live] } })('main');
  expect(await failureOf(run(new Agent({ name: 'A', model: route }), 'Hi'))).toBeInstanceOf(CassetteMissError);
  expect(asked).toBe(0);
});

test.each([
  [{}, 'got nothing as its file'],
  [{ file: ' ' }, 'got " " as its file'],
  [{ file: 'x', redactField: ['email'] }, 'unknown option "redactField"'],
  [{ file: 'x', timings: 'recorded' }, 'unknown option "timings"'],
])('options that cannot be meant (%j) are refused', (options, says) => {
  expect(() => cassette(options as never)).toThrow(says);
  expect(() => cassetteFetch(options as never)).toThrow(says);
});

test('a part that there is not is compared by nobody, so it is refused', () => {
  expect(() => cassette({ file: 'x', mode: 'replay', matchOn: ['inptu' as never] })).toThrow('matchOn has "inptu"');
});

test('headers that a setting adds are sent, and not recorded', async () => {
  const file = fileAt('headers.json');
  const sent: unknown[] = [];
  const create = async (_body: unknown, options: { headers?: object } = {}): Promise<unknown> => {
    sent.push(options.headers);
    return { id: 'c', choices: [{ message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }] };
  };
  const model = new OpenAIChatCompletionsModel({ chat: { completions: { create } } } as never, 'm');
  const modelSettings = { providerData: { extraHeaders: { 'x-team': 'tt1234567890' }, seed: 7 } };
  const agentOf = (mode: 'record' | 'replay') =>
    new Agent({ name: 'A', model: cassette({ file, mode, model }), modelSettings });
  await run(agentOf('record'), 'Hi');
  expect(sent).toMatchObject([{ 'x-team': 'tt1234567890' }]);
  expect(textAt('headers.json')).toContain('"seed": 7');
  expect(textAt('headers.json')).not.toContain('tt1234567890');
  expect((await run(agentOf('replay'), 'Hi')).finalOutput).toBe('Hello.');
});
