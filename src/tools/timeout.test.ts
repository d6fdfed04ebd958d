import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ToolTimeoutError } from '../protocol/errors.ts';
import { RunContext } from './context.ts';
import { invokeFunctionTool } from './invoke.ts';
import { tool } from './tool.ts';
import type { FunctionTool, ToolCallDetails } from './types.ts';

const context = new RunContext();
const parameters = { type: 'object' };
const never = (): Promise<never> => new Promise(() => undefined);
const make = (options: object): FunctionTool =>
  tool({ name: 'slow', description: 'd', parameters, timeoutMs: 1, execute: never, ...options });

test('a timeout is told to the model, or raised', async () => {
  expect(await make({}).invoke(context, '{}')).toBe(
    'Tool "slow" was stopped: it had no result within 1 ms (timeoutMs).',
  );
  expect(await make({ errorFunction: () => 'not asked' }).invoke(context, '{}')).toBe(
    'Tool "slow" was stopped: it had no result within 1 ms (timeoutMs).',
  );
  await expect(make({ timeoutBehavior: 'raise_exception' }).invoke(context, '{}')).rejects.toBeInstanceOf(
    ToolTimeoutError,
  );
});

test('timeoutErrorFunction makes the text', async () => {
  const details = { resumeState: 'x' };
  const seen: unknown[] = [];
  const timeoutErrorFunction = (...args: unknown[]): string => (seen.push(...args), 'too slow');
  expect(await make({ timeoutErrorFunction }).invoke(context, '{}', details)).toBe('too slow');
  expect(seen).toEqual([context, new ToolTimeoutError({ toolName: 'slow', timeoutMs: 1 }), details]);
});

test('the tool hears of its timeout through the signal', async () => {
  let heard: unknown;
  const execute = (_: unknown, __: unknown, details?: ToolCallDetails): Promise<never> => {
    details?.signal?.addEventListener('abort', () => (heard = details.signal?.reason));
    return never();
  };
  await make({ execute }).invoke(context, '{}');
  expect(heard).toBeInstanceOf(ToolTimeoutError);
});

test('the tool hears of the abort of its run through the signal', async () => {
  const run = new AbortController();
  const execute = (_: unknown, __: unknown, details?: ToolCallDetails): Promise<string> =>
    new Promise((resolve) => details?.signal?.addEventListener('abort', () => resolve(String(details.signal?.reason))));
  const result = make({ execute, timeoutMs: 60_000 }).invoke(context, '{}', { signal: run.signal });
  run.abort('stop');
  expect(await result).toBe('stop');
});

test('a run that was aborted before is known to the tool, and no listener is left on its signal', async () => {
  const execute = (_: unknown, __: unknown, details?: ToolCallDetails): boolean | undefined => details?.signal?.aborted;
  const made = make({ execute, timeoutMs: 60_000 });
  expect(await made.invoke(context, '{}', { signal: AbortSignal.abort() })).toBe(true);
  const { signal } = new AbortController();
  expect(await made.invoke(context, '{}', { signal })).toBe(false);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a tool made by hand that throws at once leaves no timer', async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const broken = (): never => {
    throw new RangeError('broken');
  };
  const hand = { ...make({}), timeoutMs: 60_000, invoke: broken };
  await expect(invokeFunctionTool({ tool: hand, runContext: context, input: '{}' })).rejects.toThrow('broken');
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBe(before);
});

test('what fails after its timeout reaches no error function', async () => {
  let asked = 0;
  let failed: Promise<unknown> = Promise.resolve();
  const execute = (_: unknown, __: unknown, details?: ToolCallDetails): Promise<never> => {
    const late = new Promise<never>((_resolve, reject) =>
      details?.signal?.addEventListener('abort', () => reject(new Error('late'))),
    );
    failed = late.catch(() => undefined);
    return late;
  };
  await make({ execute, errorFunction: () => String(asked++) }).invoke(context, '{}');
  await failed;
  expect(asked).toBe(0);
});

test('in time, nothing changes and no timer is left', async () => {
  const made = make({ timeoutMs: 60_000, execute: () => 'ok' });
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  expect(await made.invoke(context, '{}')).toBe('ok');
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBe(before);
});

test('invokeFunctionTool bounds tools made by hand and copies with a limit of their own', async () => {
  const hand = { ...make({}), name: 'hand', timeoutMs: 1, invoke: never };
  expect(await invokeFunctionTool({ tool: hand, runContext: context, input: '{}' })).toBe(
    'Tool "hand" was stopped: it had no result within 1 ms (timeoutMs).',
  );
  const copy = { ...make({ timeoutMs: 60_000 }), timeoutMs: 2 };
  expect(await invokeFunctionTool({ tool: copy, runContext: context, input: '{}' })).toBe(
    'Tool "slow" was stopped: it had no result within 2 ms (timeoutMs).',
  );
});

test('without a limit the details pass through as they are', async () => {
  const seen: unknown[] = [];
  const made = make({ timeoutMs: undefined, execute: (...args: unknown[]) => void seen.push(args[2]) });
  const details = {};
  await made.invoke(context, '{}', details);
  await made.invoke(context, '{}');
  expect(seen[0]).toBe(details);
  expect(seen[1]).toBeUndefined();
});
