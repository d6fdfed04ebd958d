import { expect, test } from 'vitest';
import { LateModel, type Loadable } from './late-model.ts';
import type { ModelRequest, StreamEvent } from '../protocol/model.ts';

const REQUEST: ModelRequest = {
  input: 'Hello',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
};

/** A model that gives one event and then none, and tells whether it was left. */
function silent(): {
  model: Loadable;
  left: () => number;
} {
  let left = 0;
  const stream = (): AsyncIterableIterator<StreamEvent> => {
    let given = 0;
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () =>
        given++ === 0
          ? Promise.resolve({ done: false, value: { type: 'response_started' } })
          : new Promise(() => undefined),
      return: async () => {
        left++;
        return { done: true, value: undefined };
      },
    };
  };
  return {
    model: { getResponse: () => Promise.reject(new Error('not asked')), getStreamedResponse: stream },
    left: () => left,
  };
}

const late = (model: Loadable): { late: LateModel<Loadable>; made: () => number } => {
  let made = 0;
  const make = async (): Promise<Loadable> => {
    made++;
    return model;
  };
  return { late: new LateModel(make), made: () => made };
};

test('nothing is loaded before the first request, and once it is loaded its own streams are handed out', async () => {
  const { model } = silent();
  const { late: found, made } = late({ ...model, getRetryAdvice: () => ({ suggested: true }) });
  expect([made(), found.started]).toEqual([0, undefined]);
  const [a, b] = [found.getStreamedResponse(REQUEST), found.getStreamedResponse(REQUEST)];
  expect([(await a.next()).value, (await b.next()).value]).toEqual([
    { type: 'response_started' },
    { type: 'response_started' },
  ]);
  expect(made()).toBe(1);
  expect(found.getStreamedResponse(REQUEST).constructor).toBe(Object);
  expect(found.getRetryAdvice({} as never)).toEqual({ suggested: true });
});

test('the first stream can be left while it waits for an event', async () => {
  const { model, left } = silent();
  const stream = late(model).late.getStreamedResponse(REQUEST);
  await stream.next();
  void stream.next();
  expect(await stream.return?.()).toEqual({ done: true, value: undefined });
  expect(left()).toBe(1);
});

test('a stream that is left before its code is there asks nothing and has ended', async () => {
  const { model } = silent();
  const stream = late(model).late.getStreamedResponse(REQUEST);
  await stream.return?.();
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test('what goes wrong with loading is told by each request', async () => {
  const found = new LateModel(() => Promise.reject(new Error('Cannot find the file')));
  await expect(found.getResponse(REQUEST)).rejects.toThrow('Cannot find the file');
  await expect(found.getStreamedResponse(REQUEST).next()).rejects.toThrow('Cannot find the file');
});

test('advice on an error of another one, such as a recorded one, does not wait for a first request', async () => {
  const { late: found } = late({ ...silent().model, getRetryAdvice: () => ({ suggested: true }) });
  expect(await found.getRetryAdvice({} as never)).toEqual({ suggested: true });
});
