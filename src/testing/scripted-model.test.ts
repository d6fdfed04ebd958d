import { expect, test } from 'vitest';
import type { ModelRequest } from '../protocol/model.ts';
import { assistantMessage, functionCall, modelError, modelResponder, ScriptedModel } from './index.ts';
import { InvalidScriptedModelStepError, UnconsumedModelStepsError, UnexpectedModelCallError } from './index.ts';
import { snapshot } from './snapshot.ts';

const request = (extra: Partial<ModelRequest> = {}): ModelRequest => ({
  input: [{ role: 'user', content: 'hi' }],
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...extra,
});

test('steps are taken in order, one a call', async () => {
  const model = new ScriptedModel([[functionCall('add', { a: 1 }, { callId: 'c1' })], [assistantMessage('done')]]);
  expect((await model.getResponse(request())).output).toMatchObject([{ type: 'function_call', arguments: '{"a":1}' }]);
  expect(model.remainingSteps).toBe(1);
  expect((await model.getResponse(request())).output).toMatchObject([{ content: [{ text: 'done' }] }]);
  model.assertComplete();
});

test('a call too many and a step too many are errors that say which', async () => {
  const model = new ScriptedModel([[]]);
  expect(() => model.assertComplete()).toThrow(new UnconsumedModelStepsError(1));
  await model.getResponse(request());
  await expect(model.getResponse(request())).rejects.toThrow(/non-streaming call #2 .*no steps left/);
  await expect(model.getResponse(request())).rejects.toBeInstanceOf(UnexpectedModelCallError);
});

test('an invalid step is refused where the script is written, with its position and its type', () => {
  const broken = { type: 'respnse', response: [] } as never;
  expect(() => new ScriptedModel([[], broken])).toThrow(InvalidScriptedModelStepError);
  expect(() => new ScriptedModel([[], broken])).toThrow('Step #2 of the script has the unknown type "respnse".');
});

test('a script that is no list is refused instead of being taken as empty', () => {
  expect(() => new ScriptedModel(5 as never)).toThrow(TypeError);
});

test('with record: false no request is kept, and everything else stays the same', async () => {
  const error = new Error('busy');
  const model = new ScriptedModel(
    [[], modelError(error, { reason: 'busy' }), modelResponder(({ index }) => [assistantMessage(`call ${index}`)])],
    { record: false },
  );
  expect((await model.getResponse(request())).responseId).toBe('scripted-response-1');
  await expect(model.getResponse(request())).rejects.toBe(error);
  const query = { request: request(), error, stream: false, attempt: 1 };
  expect(await model.getRetryAdvice(query)).toEqual({ reason: 'busy' });
  expect(await model.getRetryAdvice(query)).toBeUndefined();
  expect(await model.getResponse(request())).toMatchObject({ output: [{ content: [{ text: 'call 2' }] }] });
  expect([model.calls, model.firstCall, model.lastCall, model.remainingSteps]).toEqual([[], undefined, undefined, 0]);
});

test('with record: false a request can be collected while the model lives on', async () => {
  const kept: WeakRef<ModelRequest>[] = [];
  const model = new ScriptedModel([[], modelError('e', { reason: 'r' })], { record: false });
  const call = async (): Promise<void> => {
    const live = request();
    kept.push(new WeakRef(live));
    await model.getResponse(live).catch(() => {});
  };
  await call();
  await call();
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString('--expose-gc');
  const gc: unknown = (await import('node:vm')).runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('This Node has no gc().');
  // A weak reference holds until the job that made it ends.
  for (let i = 0; i < 20 && kept.some((ref) => ref.deref()); i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  expect(kept.map((ref) => ref.deref())).toEqual([undefined, undefined]);
  expect(model.remainingSteps).toBe(0);
});

test('a long script answers to its end and counts what is left', async () => {
  const model = new ScriptedModel(
    Array.from({ length: 3000 }, (_, i) => [assistantMessage(String(i))]),
    { record: false },
  );
  for (let i = 0; i < 3000; i += 1) {
    const { output } = await model.getResponse(request());
    expect(output).toMatchObject([{ content: [{ text: String(i) }] }]);
    expect(model.remainingSteps).toBe(2999 - i);
  }
});

test('steps can be added between calls', async () => {
  const model = new ScriptedModel([[assistantMessage('a')], [assistantMessage('b')]]);
  await model.getResponse(request());
  model.enqueue([assistantMessage('c')]);
  await model.getResponse(request());
  expect(await model.getResponse(request())).toMatchObject({ output: [{ content: [{ text: 'c' }] }] });
});

test('a snapshot keeps a key called __proto__ as a key', () => {
  const data: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
  const copy = snapshot(data);
  expect(JSON.stringify(copy)).toBe(JSON.stringify(data));
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
});
