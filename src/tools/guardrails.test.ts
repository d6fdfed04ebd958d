import { expect, expectTypeOf, test } from 'vitest';
import { UserError } from '../protocol/errors.ts';
import { RunContext } from './context.ts';
import {
  defineToolInputGuardrail,
  defineToolOutputGuardrail,
  resolveToolInputGuardrails,
  resolveToolOutputGuardrails,
  runToolInputGuardrails,
  runToolOutputGuardrails,
  ToolGuardrailFunctionOutputFactory as verdict,
  ToolInputGuardrailTripwireTriggered,
  ToolOutputGuardrailTripwireTriggered,
} from './guardrails.ts';
import type { ToolGuardrailFunctionOutput } from './guardrails.ts';
import { Agent } from '../agent/index.ts';

const call = {
  context: new RunContext({ user: 'ada' }),
  agent: new Agent({ name: 'A' }),
  toolCall: { type: 'function_call', name: 't', callId: 'c', arguments: '{}' } as const,
};
const input = (name: string, run: () => ToolGuardrailFunctionOutput) => defineToolInputGuardrail({ name, run });
const output = (name: string, run: () => ToolGuardrailFunctionOutput) => defineToolOutputGuardrail({ name, run });

test('verdicts have the shape of the original', () => {
  expect(verdict.allow({ a: 1 })).toEqual({ behavior: { type: 'allow' }, outputInfo: { a: 1 } });
  expect(verdict.rejectContent('m')).toEqual({
    behavior: { type: 'rejectContent', message: 'm' },
    outputInfo: undefined,
  });
  expect(verdict.throwException(3)).toEqual({ behavior: { type: 'throwException' }, outputInfo: 3 });
});

test('a call that all allow goes on, and every verdict is heard', async () => {
  const results: unknown[] = [];
  const guardrails = [input('a', () => verdict.allow(1)), input('b', () => verdict.allow(2))];
  expect(await runToolInputGuardrails({ ...call, guardrails, onResult: (r) => results.push(r) })).toEqual({
    type: 'allow',
  });
  expect(results).toEqual([
    { guardrail: { type: 'tool_input', name: 'a' }, output: verdict.allow(1) },
    { guardrail: { type: 'tool_input', name: 'b' }, output: verdict.allow(2) },
  ]);
  expect(await runToolInputGuardrails(call)).toEqual({ type: 'allow' });
});

test('the first rejection ends the list', async () => {
  let asked = 0;
  const counting = () => (asked++, verdict.allow());
  const guardrails = [input('a', () => verdict.rejectContent('no')), input('b', counting)];
  expect(await runToolInputGuardrails({ ...call, guardrails })).toEqual({ type: 'reject', message: 'no' });
  const after = [output('a', () => verdict.rejectContent('hidden')), output('b', counting)];
  expect(await runToolOutputGuardrails({ ...call, guardrails: after, toolOutput: { q: 1 } })).toBe('hidden');
  expect(asked).toBe(0);
});

test('an output that all allow stays the same value', async () => {
  const live = new Map();
  const seen: unknown[] = [];
  const guardrail = defineToolOutputGuardrail({ name: 'a', run: async (data) => (seen.push(data), verdict.allow()) });
  expect(await runToolOutputGuardrails({ ...call, guardrails: [guardrail], toolOutput: live })).toBe(live);
  expect(seen).toEqual([{ ...call, output: live }]);
});

test('throwException raises the tripwire with its result, after the verdict was heard', async () => {
  const results: unknown[] = [];
  const onResult = (result: unknown): unknown => results.push(result);
  const before = runToolInputGuardrails({
    ...call,
    guardrails: [input('in', () => verdict.throwException(1))],
    onResult,
  });
  await expect(before).rejects.toThrow('Guardrail "in" stopped the run before tool');
  await expect(before).rejects.toBeInstanceOf(ToolInputGuardrailTripwireTriggered);
  const after = runToolOutputGuardrails({
    ...call,
    guardrails: [output('out', () => verdict.throwException(2))],
    toolOutput: 1,
    onResult,
  });
  await expect(after).rejects.toThrow('Guardrail "out" stopped the run after tool');
  const error: unknown = await after.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ToolOutputGuardrailTripwireTriggered);
  expect(error).toMatchObject({
    result: { guardrail: { type: 'tool_output', name: 'out' }, output: verdict.throwException(2) },
  });
  expect(results).toHaveLength(2);
});

test('what a guardrail throws comes through as it is', async () => {
  const broken = new RangeError('broken');
  const run = (): never => {
    throw broken;
  };
  await expect(runToolInputGuardrails({ ...call, guardrails: [input('a', run)] })).rejects.toBe(broken);
  await expect(runToolOutputGuardrails({ ...call, guardrails: [output('a', run)], toolOutput: 1 })).rejects.toBe(
    broken,
  );
});

test('a verdict that nobody understands does not let a call pass', async () => {
  for (const bad of [undefined, {}, { behavior: { type: 'alow' } }]) {
    const guardrails = [input('a', () => bad as ToolGuardrailFunctionOutput)];
    await expect(runToolInputGuardrails({ ...call, guardrails })).rejects.toThrow(
      "Tool guardrail 'a' returned no known behavior",
    );
    await expect(runToolInputGuardrails({ ...call, guardrails })).rejects.toBeInstanceOf(UserError);
  }
});

test('definitions stay the same object, other forms become definitions', () => {
  const defined = input('a', () => verdict.allow());
  expect(resolveToolInputGuardrails([defined])[0]).toBe(defined);
  expect(resolveToolInputGuardrails()).toEqual([]);
  const run = (): ToolGuardrailFunctionOutput => verdict.allow();
  expect(resolveToolOutputGuardrails([{ name: 'o', run }])).toEqual([{ type: 'tool_output', name: 'o', run }]);
});

test('the context of a guardrail is typed', () => {
  defineToolInputGuardrail<{ user: string }>({
    name: 'typed',
    run: async ({ context, toolCall }) => {
      expectTypeOf(context.context.user).toEqualTypeOf<string>();
      expectTypeOf(toolCall.arguments).toEqualTypeOf<string>();
      return verdict.allow();
    },
  });
});
