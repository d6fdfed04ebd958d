/** What a recording gives back, and when the model is asked. */
import { readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Agent, ModelError, retryPolicies, run, Runner, tool, Usage, type Model, type StreamEvent } from '../index.ts';
import type { ModelRequest } from '../protocol/model.ts';
import { assistantMessage, functionCall, modelError, modelStream, ScriptedModel } from '../testing/index.ts';
import { fileAt, folder, textAt } from './folder.fixture.ts';
import { cassette, type CassetteData, CassetteError, type CassetteOptions } from './index.ts';

const add = tool({
  name: 'add',
  description: 'Adds.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => a + b,
});
const script = (): ScriptedModel =>
  new ScriptedModel([
    [functionCall('add', { a: 2, b: 3 }, { callId: 'c1' })],
    {
      output: [assistantMessage('5', { id: 'msg_1' })],
      usage: new Usage({ inputTokens: 7, outputTokens: 2 }),
      responseId: 'r2',
    },
  ]);
const agentOf = (model: Model, more: Partial<{ instructions: string }> = {}): Agent =>
  new Agent({ name: 'Calculator', instructions: 'Use add.', tools: [add], model, ...more });

const request = (input: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  input,
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...more,
});
const say = (text: string): Model => new ScriptedModel([[assistantMessage(text)]]);
const textOf = async (model: Model, input: string): Promise<unknown> =>
  (await model.getResponse(request(input))).output;

async function play(agent: Agent, stream: boolean): Promise<{ seen: unknown; events: unknown[] }> {
  const events: unknown[] = [];
  const result = stream ? await run(agent, '2 + 3?', { stream: true }) : await run(agent, '2 + 3?');
  if (Symbol.asyncIterator in result) {
    for await (const event of result) events.push(event.type === 'raw_model_stream_event' ? event.data : event.type);
    await result.completed;
  }
  const { finalOutput, history, rawResponses, state, newItems } = result;
  const items = newItems.map((item) => item.toJSON());
  return { seen: { finalOutput, history, rawResponses, usage: state.usage, items }, events };
}

test.each([
  [false, false],
  [true, true],
  [false, true],
  [true, false],
])('a run recorded with stream: %s and replayed with stream: %s is the same run', async (first, second) => {
  const model = script();
  const recorded = await play(agentOf(cassette({ file: fileAt(), mode: 'record', model })), first);
  model.assertComplete();
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  const replayed = await play(agentOf(tape), second);
  await tape.assertComplete();
  expect(replayed.seen).toEqual(recorded.seen);
  if (first === second) expect(replayed.events).toEqual(recorded.events);
  const bare = await play(agentOf(script()), second);
  expect(replayed.seen).toEqual(bare.seen);
  expect(replayed.events).toEqual(bare.events);
});

test('raw events and their order come back as they were, with their times in the file', async () => {
  const events: StreamEvent[] = [
    { type: 'response_started' },
    { type: 'model', event: { type: 'vendor.thing', n: 1 } },
    { type: 'output_text_delta', delta: 'He', itemId: 'm' },
    { type: 'model', event: { type: 'vendor.thing', n: 2 } },
    { type: 'output_text_delta', delta: 'y', itemId: 'm' },
    {
      type: 'response_done',
      response: {
        id: 'r1',
        usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2, inputTokensDetails: { cached_tokens: 0 } },
        output: [assistantMessage('Hey', { id: 'm' })],
        providerData: { finish: 'stop' },
      },
      providerData: { last: true },
    },
  ];
  const all = async (stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> => {
    const seen: StreamEvent[] = [];
    for await (const event of stream) seen.push(event);
    return seen;
  };
  const model = new ScriptedModel([modelStream(events)]);
  const recording = cassette({ file: fileAt(), mode: 'record', model });
  expect(await all(recording.getStreamedResponse(request('Hi')))).toEqual(events);
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  expect(await all(tape.getStreamedResponse(request('Hi')))).toEqual(events);
  const [entry] = JSON.parse(textAt()).entries;
  expect(entry.eventMs).toHaveLength(6);
});

test('a replay never calls the model, even where it has one', async () => {
  await textOf(cassette({ file: fileAt(), mode: 'record', model: say('one') }), 'Hi');
  const model = script();
  const tape = cassette({ file: fileAt(), mode: 'replay', model });
  await textOf(tape, 'Hi');
  await expect(textOf(tape, 'Hello')).rejects.toMatchObject({ code: 'cassette/miss' });
  expect(model.calls).toEqual([]);
  const getModel = vi.fn<() => Model>(() => model);
  await textOf(await cassette({ file: fileAt(), mode: 'replay', model: { getModel } }).getModel(), 'Hi');
  expect(getModel).not.toHaveBeenCalled();
});

test('`auto` answers from the cassette and asks for the rest; `record` begins anew; `passthrough` leaves no trace', async () => {
  const auto = (model: Model): Model => cassette({ file: fileAt(), mode: 'auto', model });
  const one = await textOf(auto(say('one')), '1');
  expect(await textOf(auto(say('never')), '1')).toEqual(one);
  await textOf(auto(say('two')), '2');
  expect(JSON.parse(textAt()).entries).toHaveLength(2);
  const before = textAt();
  await textOf(cassette({ file: fileAt(), mode: 'passthrough', model: say('free') }), '3');
  expect(textAt()).toBe(before);
  await textOf(cassette({ file: fileAt(), mode: 'record', model: say('new') }), '4');
  expect(JSON.parse(textAt()).entries).toHaveLength(1);
});

test('the mode is what is asked for, else BATON_CASSETTES, else `replay` where CI is set, else `auto`', () => {
  const modeWith = (env: Record<string, string>, more: Partial<CassetteOptions> = {}): string => {
    for (const [name, value] of Object.entries({ CI: '', BATON_CASSETTES: '', ...env })) vi.stubEnv(name, value);
    return cassette({ file: fileAt(), model: say(''), ...more }).mode;
  };
  expect(modeWith({})).toBe('auto');
  expect(modeWith({ CI: 'true' })).toBe('replay');
  expect(modeWith({ CI: 'false' })).toBe('auto');
  expect(modeWith({ CI: '1', BATON_CASSETTES: 'record' })).toBe('record');
  expect(modeWith({ BATON_CASSETTES: 'record' }, { mode: 'replay' })).toBe('replay');
  expect(() => modeWith({ BATON_CASSETTES: 'once' })).toThrow(/BATON_CASSETTES is "once"/);
  expect(() => modeWith({}, { model: undefined })).toThrow(/nobody to ask/);
});

test('equal requests are answered in the order of the recording, and no more often', async () => {
  const model = new ScriptedModel([[assistantMessage('first')], [assistantMessage('second')]]);
  const recording = cassette({ file: fileAt(), mode: 'record', model });
  const recorded = [await textOf(recording, 'Hi'), await textOf(recording, 'Hi')];
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  expect([await textOf(tape, 'Hi'), await textOf(tape, 'Hi')]).toEqual(recorded);
  await expect(textOf(tape, 'Hi')).rejects.toThrow(/is equal, but was replayed already/);
});

test('requests at the same time stand in the order of the calls, and each gets its own answer', async () => {
  let release: (() => void) | undefined;
  const slow = new Promise<void>((resolve) => (release = resolve));
  const model: Model = {
    async getResponse({ input }) {
      if (input === 'a') await slow;
      else if (input === 'c') release?.();
      return { output: [assistantMessage(`for ${String(input)}`)], usage: new Usage() };
    },
    getStreamedResponse: () => expect.fail('not streamed'),
  };
  const recording = cassette({ file: fileAt(), mode: 'record', model });
  const recorded = await Promise.all(['a', 'b', 'c'].map((input) => textOf(recording, input)));
  const inputs = JSON.parse(textAt()).entries.map((entry: { request: { input: unknown } }) => entry.request.input);
  expect(inputs).toEqual(['a', 'b', 'c'].map((content) => [{ role: 'user', content }]));
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  const replayed = await Promise.all(['c', 'b', 'a'].map((input) => textOf(tape, input)));
  expect(replayed.toReversed()).toEqual(recorded);
});

test('two cassettes of one file write beside each other, and leave no drafts', async () => {
  const models = Array.from({ length: 8 }, (_, n) => cassette({ file: fileAt(), mode: 'record', model: say(`${n}`) }));
  await Promise.all(models.map((model, n) => textOf(model, `${n}`)));
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  for (const n of models.keys()) expect(JSON.stringify(await textOf(tape, `${n}`))).toContain(`"text":"${n}"`);
  expect(readdirSync(folder)).toEqual(['cassette.json']);
});

test('a provider gives models by name, and the name is part of the request', async () => {
  const names: (string | undefined)[] = [];
  const provider = {
    getModel: (name?: string): Model => {
      names.push(name);
      return say(`I am ${name}`);
    },
  };
  const ask = async (modelProvider: ReturnType<typeof cassette>, model: string): Promise<unknown> =>
    (await new Runner({ modelProvider }).run(new Agent({ name: 'A', model }), 'Who?')).finalOutput;
  const recording = cassette({ file: fileAt(), mode: 'record', model: provider });
  expect(await ask(recording, 'big')).toBe('I am big');
  expect(await ask(recording, 'small')).toBe('I am small');
  expect(names).toEqual(['big', 'small']);
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  expect(await ask(tape, 'small')).toBe('I am small');
  await expect(ask(tape, 'other')).rejects.toMatchObject({ differences: [{ path: 'model', asked: '"other"' }] });
});

test('errors are replayed as the errors that they were, and a retry finds the answer that followed', async () => {
  const facts = { kind: 'overloaded', status: 529, retryable: true, retryAfterMs: 60_000 } as const;
  const model = new ScriptedModel([modelError(new ModelError('Busy.', facts)), [assistantMessage('ok')]]);
  const retry = { maxRetries: 1, policy: retryPolicies.providerSuggested() };
  const recording = cassette({ file: fileAt(), mode: 'record', model });
  await expect(recording.getResponse(request('Hi'))).rejects.toThrow('Busy.');
  await recording.getResponse(request('Hi'));
  await expect(cassette({ file: fileAt(), mode: 'replay' }).getResponse(request('Hi'))).rejects.toMatchObject({
    ...facts,
    code: 'model/overloaded',
    message: 'Busy.',
  });
  // The minute that the server asked for is not waited for again.
  const patient = new Agent({
    name: 'A',
    model: cassette({ file: fileAt(), mode: 'replay' }),
    modelSettings: { retry },
  });
  expect((await run(patient, 'Hi')).finalOutput).toBe('ok');
});

test('what says nothing about the request is not recorded', async () => {
  const refused = new ModelError('No key.', { kind: 'auth', retryable: false });
  const lost = new ModelError('Gone.', { kind: 'network', retryable: true });
  const model = new ScriptedModel([modelError(refused), modelError(lost), [assistantMessage('ok')]]);
  const recording = cassette({ file: fileAt(), mode: 'auto', model });
  await expect(textOf(recording, 'Hi')).rejects.toBe(refused);
  await expect(textOf(recording, 'Hi')).rejects.toBe(lost);
  await textOf(recording, 'Hi');
  expect(JSON.parse(textAt()).entries).toHaveLength(1);
});

test('a stream that broke breaks again, after the same events', async () => {
  async function* broken(): AsyncGenerator<StreamEvent> {
    yield { type: 'response_started' };
    yield { type: 'output_text_delta', delta: 'Hal' };
    throw new ModelError('Cut.', { kind: 'truncated_stream', retryable: true, responseStarted: true });
  }
  const read = async (model: Model): Promise<unknown> => {
    const seen: unknown[] = [];
    try {
      for await (const event of model.getStreamedResponse(request('Hi'))) seen.push(event);
    } catch (error) {
      return { seen, error };
    }
    return expect.fail('It did not break.');
  };
  const recorded = await read(
    cassette({ file: fileAt(), mode: 'record', model: new ScriptedModel([modelStream(broken())]) }),
  );
  expect(await read(cassette({ file: fileAt(), mode: 'replay' }))).toEqual(recorded);
});

test('a call that its caller aborted is aborted again; without a signal it is an error', async () => {
  const hanging: Model = {
    getResponse: ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    getStreamedResponse: () => expect.fail('not streamed'),
  };
  const abort = async (model: Model): Promise<unknown> => {
    const controller = new AbortController();
    const answer = model.getResponse(request('Hi', { signal: controller.signal }));
    setTimeout(() => controller.abort(new Error('enough')), 5);
    return answer.catch((error: unknown) => error);
  };
  expect(await abort(cassette({ file: fileAt(), mode: 'record', model: hanging }))).toEqual(new Error('enough'));
  expect(await abort(cassette({ file: fileAt(), mode: 'replay' }))).toEqual(new Error('enough'));
  const unaware = cassette({ file: fileAt(), mode: 'replay' }).getResponse(request('Hi'));
  await expect(unaware).rejects.toMatchObject({ code: 'cassette/aborted' });
  // In `auto` somebody can be asked, so that the cassette heals.
  await textOf(cassette({ file: fileAt(), mode: 'auto', model: say('done') }), 'Hi');
});

test('a miss says which request it was, what it resembles, where they differ, and how to record again', async () => {
  await play(agentOf(cassette({ file: fileAt(), mode: 'record', model: script() })), false);
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  const wrong = tool({
    name: 'add',
    description: 'Adds.',
    parameters: z.object({ a: z.number(), b: z.number() }),
    execute: () => 6,
  });
  const error: unknown = await run(agentOf(tape).clone({ tools: [wrong] }), '2 + 3?').catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CassetteError)) return expect.fail('It did not miss.');
  expect(error).toMatchObject({
    name: 'CassetteMissError',
    code: 'cassette/miss',
    request: 2,
    nearest: { entry: 2, used: false },
    differences: [{ path: 'input[2].output', recorded: '"5"', asked: '"6"' }],
  });
  expect(error.message.replace(folder, '…')).toMatchInlineSnapshot(`
    "Request 2 is not on the cassette …/cassette.json.
      asked: 3 items, told "Use add.", the last one {"type":"function_call_result","name":"add","callId":"call_1","status":"completed","output":"6"}
      Most like it is entry 2. It differs here:
      input[2].output
        recorded: "5"
        asked:    "6"
    Nothing was sent. If the change is meant, record again: BATON_CASSETTES=record, or delete the file."
  `);
});

test('instructions, tools, settings and the output type are compared; ids, limits and markers are not', async () => {
  const base = request('Hi', { systemInstructions: 'Be kind.' });
  await cassette({ file: fileAt(), mode: 'record', model: say('ok') }).getResponse(base);
  const asks = (more: Partial<ModelRequest>, options: Partial<CassetteOptions> = {}): Promise<unknown> =>
    cassette({ file: fileAt(), mode: 'replay', ...options }).getResponse({ ...base, ...more });
  await asks({
    modelSettings: { maxTokens: 5, timeoutMs: 9, store: true, retry: { maxRetries: 2 }, providerData: { user: 'u1' } },
  });
  await asks({
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'Hi', promptCacheBreakpoint: { mode: 'explicit' } }] },
    ],
  });
  await expect(asks({ systemInstructions: 'Be rude.' })).rejects.toMatchObject({
    differences: [{ path: 'instructions' }],
  });
  await expect(asks({ modelSettings: { temperature: 1 } })).rejects.toMatchObject({
    differences: [{ path: 'settings.temperature' }],
  });
  await expect(asks({ previousResponseId: 'r1' })).rejects.toMatchObject({ differences: [{ path: 'continues' }] });
  await asks({ systemInstructions: 'Be rude.' }, { matchOn: ['input'] });
  await expect(asks({ input: 'Ho' }, { matchOn: ['input'] })).rejects.toThrow(CassetteError);
  await asks({ input: 'Ho' }, { matchOn: [] });
});

test('entries that nobody asked for can be found', async () => {
  await play(agentOf(cassette({ file: fileAt(), mode: 'record', model: script() })), false);
  const tape = cassette({ file: fileAt(), mode: 'replay' });
  await expect(tape.assertComplete()).rejects.toThrow(/2 of 2 entries/);
});

test('the time of the recording is taken again only where it is asked for', async () => {
  await textOf(cassette({ file: fileAt(), mode: 'record', model: say('late') }), 'Hi');
  const data: CassetteData = JSON.parse(textAt());
  for (const entry of data.entries) if (entry.kind === 'model') entry.ms = 60_000;
  await textOf(cassette({ data }), 'Hi');
  // It waits: so an abort finds it waiting.
  const signal = AbortSignal.timeout(5);
  const patient = cassette({ data, timing: 'recorded' });
  await expect(patient.getResponse(request('Hi', { signal }))).rejects.toThrow();
  const late = patient.getStreamedResponse(request('Hi', { signal: AbortSignal.timeout(5) }));
  await expect(late[Symbol.asyncIterator]().next()).rejects.toThrow();
});
