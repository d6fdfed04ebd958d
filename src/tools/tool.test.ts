import { Agent } from '../agent/index.ts';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { InvalidToolInputError, InvalidToolOutputError, UserError } from '../protocol/errors.ts';
import { approvalInput } from './approval.ts';
import { RunContext } from './context.ts';
import { invokePrepared, invokeFunctionTool, prepareArguments, TOOL_ERROR_TEXT } from './invoke.ts';
import { namespaceOf, qualifiedName, toolNamespace } from './namespace.ts';
import { approvalOf, enabledOf, serializeFunctionTool, tool } from './tool.ts';
import type { FunctionTool } from './types.ts';

const context = new RunContext({ user: 'ada' });
const base = { name: 't', description: 'd', parameters: z.object({ a: z.string().optional() }) };
const make = (options: object): FunctionTool => tool({ ...base, execute: () => 'ok', ...options });

describe('definition', () => {
  test('a tool has the members and defaults of the original', () => {
    const made = make({});
    expect(Object.keys(made)).toEqual([
      'type',
      'name',
      'description',
      'parameters',
      'strict',
      'deferLoading',
      'providerData',
      'invoke',
      'needsApproval',
      'timeoutMs',
      'timeoutBehavior',
      'timeoutErrorFunction',
      'isEnabled',
      'inputGuardrails',
      'outputGuardrails',
      'customDataExtractor',
    ]);
    expect(made).toMatchObject({
      type: 'function',
      strict: true,
      deferLoading: false,
      timeoutBehavior: 'error_as_result',
      inputGuardrails: [],
      outputGuardrails: [],
    });
  });

  test('the name is that of execute where none is given, made safe for every provider', () => {
    async function lookUp(): Promise<string> {
      return '';
    }
    expect(make({ name: undefined, execute: lookUp }).name).toBe('lookUp');
    expect(make({ name: 'get weather-now!' }).name).toBe('get_weather_now_');
    expect(make({ name: 'wetter_ö' }).name).toBe('wetter__');
  });

  test.each([
    [{ name: '' }, 'A tool has no name: got "". Give the `name` option'],
    [
      {
        name: undefined,
        execute: (
          () => () =>
            ''
        )(),
      },
      'A tool has no name: got undefined and an `execute` without a name',
    ],
    [{ name: '!!' }, 'Tool name "!!" has no letter or digit'],
    [{ name: 5 }, 'tool() option `name` must be a string. Got 5.'],
    [{ execute: 5 }, 'Tool "t" was given execute: 5. Give a function.'],
    [{ strict: 'no' }, 'strict: "no". Give a boolean.'],
    [{ errorFunction: 'x' }, 'errorFunction: "x". Give a function, or null to raise errors.'],
    [{ needsApproval: 'yes' }, 'needsApproval: "yes". Give a boolean or a function.'],
    [{ isEnabled: null }, 'isEnabled: null. Give a boolean or a function.'],
    [{ customDataExtractor: {} }, 'customDataExtractor: an object. Give a function.'],
    [{ timeoutMs: 0 }, 'Tool "t" was given timeoutMs: 0. Give a number above 0.'],
    [{ timeoutMs: -1 }, 'timeoutMs: -1. Give a number above 0.'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs: NaN. Give milliseconds as a number.'],
    [{ timeoutMs: '5' }, 'timeoutMs: "5". Give milliseconds as a number.'],
    [{ timeoutMs: Infinity }, 'timeoutMs: Infinity. Give a number that ends, or none for no limit.'],
    [{ timeoutMs: 2 ** 31 }, 'timeoutMs: 2147483648. Give at most 2147483647'],
    [{ timeoutBehavior: 'x' }, "timeoutBehavior: \"x\". Give 'error_as_result' or 'raise_exception'."],
    [{ timeoutErrorFunction: 5 }, 'timeoutErrorFunction: 5. Give a function, or leave it out.'],
    [{ allowedCallers: [] }, 'so that nobody could call it'],
    [{ allowedCallers: ['direct', 'direct'] }, 'names a caller twice in allowedCallers: direct, direct'],
    [{ allowedCallers: ['x'] }, 'Tool "t" has "x" in allowedCallers.'],
    [{ inputGuardrails: {} }, 'Tool option `inputGuardrails` must be an array'],
    [{ inputGuardrails: [{ name: 'g' }] }, "Tool input guardrail 'g' needs a `run` function. Got undefined."],
    [{ outputGuardrails: [{ run: () => 1 }] }, 'A tool output guardrail needs a `name`'],
    [{ parameters: 5 }, 'Tool "t": a number is no schema.'],
    [
      { outputSchema: z.object({}), timeoutBehavior: 'error_as_result' },
      'Tool "t" has an outputSchema, which the usual text for a timeout does not fit.',
    ],
  ])('%o is refused with its option, value and remedy', (options, message) => {
    expect(() => make(options)).toThrow(UserError);
    expect(() => make(options)).toThrow(message);
  });

  test('without parameters, execute gets the text that the model wrote', async () => {
    const echo = tool({ name: 'echo', description: 'd', execute: (input) => input });
    expect(echo.parameters).toEqual({ type: 'object', properties: {}, required: [], additionalProperties: false });
    expect(await echo.invoke(context, 'not json')).toBe('not json');
  });

  test('zod parameters may be used without strict mode', async () => {
    const loose = tool({ ...base, strict: false, execute: ({ a }) => a ?? 'none' });
    expect(loose.strict).toBe(false);
    expect(loose.parameters).not.toHaveProperty('required');
    expect(await loose.invoke(context, '{}')).toBe('none');
  });
});

describe('what is known without asking', () => {
  test('approval is never, always or dynamic', () => {
    expect(approvalOf(make({}))).toBe('never');
    expect(approvalOf(make({ needsApproval: false }))).toBe('never');
    expect(approvalOf(make({ needsApproval: true }))).toBe('always');
    expect(approvalOf(make({ needsApproval: () => false }))).toBe('dynamic');
    expect(approvalOf({ ...make({}), needsApproval: async () => false })).toBe('dynamic');
    const copy = { ...make({ needsApproval: true }), name: 'copy' };
    expect(approvalOf(copy)).toBe('always');
  });

  test('being enabled is true, false or dynamic', () => {
    expect(enabledOf(make({}))).toBe(true);
    expect(enabledOf(make({ isEnabled: false }))).toBe(false);
    expect(enabledOf(make({ isEnabled: () => true }))).toBe('dynamic');
    expect(enabledOf({ isEnabled: async () => true })).toBe('dynamic');
  });

  test('asking gives the same answers', async () => {
    const agent = new Agent({ name: 'A' });
    expect(await make({}).needsApproval(context, {})).toBe(false);
    expect(await make({ needsApproval: true }).needsApproval(context, {})).toBe(true);
    expect(await make({ isEnabled: false }).isEnabled(context, agent)).toBe(false);
    const seen: unknown[] = [];
    const asked = make({
      isEnabled: (args: object) => (seen.push(args), 1),
      needsApproval: (...args: unknown[]) => (seen.push(args), 'yes'),
    });
    expect(await asked.isEnabled(context, agent)).toBe(true);
    expect(await asked.needsApproval(context, { a: 1 }, 'c1')).toBe(true);
    expect(seen).toEqual([{ runContext: context, agent }, [context, { a: 1 }, 'c1']]);
  });
});

describe('a call', () => {
  test('execute gets validated arguments, the context and the details, as they are', async () => {
    const seen: unknown[] = [];
    const made = make({ execute: (...args: unknown[]) => (seen.push(...args), { n: 1 }) });
    const details = { signal: new AbortController().signal };
    expect(await made.invoke(context, '{"a":"x","extra":1}', details)).toEqual({ n: 1 });
    expect(seen[0]).toEqual({ a: 'x' });
    expect(seen[1]).toBe(context);
    expect(seen[2]).toBe(details);
  });

  test('a null for an optional argument counts as not given', async () => {
    const made = tool({ ...base, execute: (input) => JSON.stringify(input) });
    expect(await made.invoke(context, '{"a":null}')).toBe('{}');
  });

  test.each(['{bad', '', '{"a":5}', '[]', 'null'])('arguments %o come back as the default text', async (input) => {
    expect(await make({}).invoke(context, input)).toBe(TOOL_ERROR_TEXT);
  });

  test('an error function learns why arguments were refused', async () => {
    const errors: unknown[] = [];
    const made = make({ errorFunction: (_: unknown, error: unknown) => (errors.push(error), 'told') });
    expect(await made.invoke(context, '{"a":5}')).toBe('told');
    expect(await invokeFunctionTool({ tool: made, runContext: context, input: '{bad' })).toBe('told');
    expect(errors).toMatchObject([
      { message: 'The arguments of the call do not fit the parameters of the tool.' },
      { message: 'The arguments of the call are not valid JSON.' },
    ]);
    expect(errors.every((error) => error instanceof InvalidToolInputError)).toBe(true);
    expect(String((errors[1] as InvalidToolInputError).originalError)).not.toContain('bad');
    expect(String((errors[0] as InvalidToolInputError).originalError)).toContain('a: Invalid input: expected string');
  });

  test('an error is told as a fixed text, by the error function, or raised', async () => {
    const boom = new RangeError('boom');
    const execute = (): never => {
      throw boom;
    };
    expect(await make({ execute }).invoke(context, '{}')).toBe(TOOL_ERROR_TEXT);
    expect(await make({ execute, errorFunction: (_: unknown, e: Error) => e.message }).invoke(context, '{}')).toBe(
      'boom',
    );
    await expect(make({ execute, errorFunction: null }).invoke(context, '{}')).rejects.toBe(boom);
    await expect(make({ errorFunction: null }).invoke(context, '{bad')).rejects.toThrow('are not valid JSON');
  });

  test('prepared arguments are validated once and shared', async () => {
    let validations = 0;
    const made = make({ parameters: z.object({ a: z.string().refine(() => ++validations > 0) }) });
    const prepared = prepareArguments(made, '{"a":"x"}');
    expect(await invokePrepared({ tool: made, runContext: context, input: '{"a":"x"}', prepared })).toBe('ok');
    expect(validations).toBe(1);
  });

  test('inside a run a refused argument is raised with the name of the tool', async () => {
    const made = make({ errorFunction: null });
    for (const input of ['{bad', '{"a":5}']) {
      const prepared = prepareArguments(made, input);
      await expect(invokePrepared({ tool: made, runContext: context, input, prepared })).rejects.toThrow(
        'The arguments that the model gave tool "t"',
      );
    }
    const errorFunction = (_: unknown, error: Error): { message: string } => ({ message: error.message });
    const structured = make({ outputSchema: z.object({ message: z.string() }), errorFunction });
    for (const [input, message] of [
      ['{bad', 'The arguments that the model gave tool "t" are not valid JSON.'],
      ['{"a":5}', 'The arguments of the call do not fit the parameters of the tool.'],
    ] as const) {
      const prepared = prepareArguments(structured, input);
      expect(await invokePrepared({ tool: structured, runContext: context, input, prepared })).toEqual({ message });
    }
    expect(prepareArguments(made, '{bad')).toMatchObject({ ok: false, kind: 'malformed' });
    expect(prepareArguments(made, '{"a":5}')).toMatchObject({ ok: false, kind: 'invalid', value: { a: 5 } });
  });

  test('a tool made by hand is called with the text as it is', async () => {
    const hand = { ...make({}), invoke: async (_: unknown, input: string) => `got ${input}` };
    expect(await invokeFunctionTool({ tool: hand, runContext: context, input: 'zz' })).toBe('got zz');
    expect(prepareArguments(hand, '{"q":1}')).toEqual({ ok: true, value: { q: 1 } });
  });
});

describe('output schema', () => {
  const outputSchema = z.object({ a: z.string(), n: z.number().default(3) });

  test('a result is validated and completed', async () => {
    const made = tool({ ...base, outputSchema, execute: () => ({ a: 'x', n: 1 }) });
    expect(await make({ outputSchema, execute: () => ({ a: 'x' }) }).invoke(context, '{}')).toEqual({ a: 'x', n: 3 });
    expect(made.outputSchema).toMatchObject({ type: 'object', required: ['a', 'n'], additionalProperties: false });
    expect(made).toMatchObject({ errorFunction: null, timeoutBehavior: 'raise_exception' });
  });

  test('a result that does not fit is an error; so is a fallback that does not fit', async () => {
    const bad = { outputSchema, execute: () => ({ a: 5 }) };
    await expect(make(bad).invoke(context, '{}')).rejects.toThrow(
      'What tool "t" returned does not fit its outputSchema.',
    );
    await expect(make({ ...bad, errorFunction: () => 'zz' }).invoke(context, '{}')).rejects.toBeInstanceOf(
      InvalidToolOutputError,
    );
    expect(await make({ ...bad, errorFunction: () => ({ a: 'sorry' }) }).invoke(context, '{}')).toEqual({
      a: 'sorry',
      n: 3,
    });
  });
});

describe('arguments for approval', () => {
  test('are a copy', () => {
    const prepared = prepareArguments(make({}), '{"a":"x"}');
    const input = approvalInput(prepared);
    expect(input).toEqual({ kind: 'ask', input: { a: 'x' } });
    if (input.kind === 'ask') Object.assign(input.input as object, { a: 'changed' });
    expect(prepared).toEqual({ ok: true, value: { a: 'x' } });
  });

  test('that are malformed or no object go to a person; those that do not fit are shown as they came', () => {
    expect(approvalInput(prepareArguments(make({}), '{bad'))).toEqual({ kind: 'person' });
    expect(approvalInput(prepareArguments(make({ parameters: { type: 'object' } }), '[1]'))).toEqual({
      kind: 'person',
    });
    expect(approvalInput(prepareArguments(make({}), '{"a":5}'))).toEqual({ kind: 'ask', input: { a: 5 } });
  });

  test('that a schema turned into objects of classes are refused', () => {
    const made = make({ parameters: z.object({ a: z.string() }).transform(() => ({ at: new Date(0) })) });
    expect(() => approvalInput(prepareArguments(made, '{"a":"x"}'))).toThrow('cannot be copied');
  });
});

describe('namespaces', () => {
  test('members are copies that know their namespace, also when copied again', () => {
    const lookup = make({ name: 'lookup' });
    const member = toolNamespace({ name: 'crm', description: 'Customers', tools: [lookup] as const })[0];
    expect(member).not.toBe(lookup);
    expect(namespaceOf(lookup)).toBeUndefined();
    expect(namespaceOf({ ...member })).toEqual({ name: 'crm', description: 'Customers' });
    expect(qualifiedName(member)).toBe('crm.lookup');
    expect(qualifiedName(lookup)).toBe('lookup');
    expect(serializeFunctionTool(member)).toMatchObject({ namespace: 'crm', namespaceDescription: 'Customers' });
  });

  test.each([
    [{ name: '' }, 'was given name: "". Give one that is not blank.'],
    [{ name: '  ' }, 'was given name: "  ". Give one that is not blank.'],
    [{ description: ' ' }, 'The namespace "n" was given description: " ". The Responses API takes none without'],
    [
      { tools: [{ type: 'hosted_tool', name: 'web' }] },
      'something of type "hosted_tool". Only function tools go into one.',
    ],
    [{ name: 't' }, 'The namespace "t" has a tool of its own name'],
  ])('%o is refused', (options, message) => {
    expect(() => toolNamespace({ name: 'n', description: 'd', tools: [make({})], ...(options as object) })).toThrow(
      message,
    );
  });
});

test('a request carries a tool in the shape of the original', () => {
  expect(serializeFunctionTool(make({ providerData: { p: 1 }, allowedCallers: ['direct'] }))).toEqual({
    type: 'function',
    name: 't',
    description: 'd',
    parameters: make({}).parameters,
    strict: true,
    deferLoading: false,
    providerData: { p: 1 },
    allowedCallers: ['direct'],
  });
});

test('arguments and results are typed by the schemas', () => {
  const typed = tool({
    name: 'typed',
    description: 'd',
    parameters: z.object({ city: z.string(), days: z.number().optional(), unit: z.enum(['c', 'f']).default('c') }),
    execute: async (input, runContext, details) => {
      expectTypeOf(input).toEqualTypeOf<{ city: string; days?: number | undefined; unit: 'c' | 'f' }>();
      expectTypeOf(runContext).toEqualTypeOf<RunContext<unknown>>();
      expectTypeOf(details?.signal).toEqualTypeOf<AbortSignal | undefined>();
      return input.city.length;
    },
    needsApproval: (_, input) => {
      expectTypeOf(input.unit).toEqualTypeOf<'c' | 'f'>();
      return true;
    },
  });
  expectTypeOf(typed.invoke).returns.resolves.toEqualTypeOf<string | number>();

  tool({
    name: 'json',
    description: 'd',
    parameters: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false },
    execute: (input) => {
      expectTypeOf(input).toEqualTypeOf<unknown>();
      return '';
    },
  });
  tool({
    name: 'text',
    description: 'd',
    execute: (input) => {
      expectTypeOf(input).toEqualTypeOf<string>();
      return '';
    },
  });

  type User = { id: string };
  const own = tool({
    name: 'own',
    description: 'd',
    parameters: z.object({ n: z.number() }),
    execute: async (_, runContext?: RunContext<User>) => runContext?.context.id,
  });
  expectTypeOf(own).toExtend<FunctionTool<User>>();
  expectTypeOf(own).not.toExtend<FunctionTool<{ other: number }>>();
  expectTypeOf(typed).toExtend<FunctionTool<User>>();

  const schema = z.object({ ok: z.boolean() });
  const structured = tool({
    name: 's',
    description: 'd',
    parameters: schema,
    outputSchema: schema,
    execute: ({ ok }) => ({ ok }),
  });
  expectTypeOf(structured.invoke).returns.resolves.toEqualTypeOf<string | { ok: boolean }>();
  // @ts-expect-error the result must fit the output schema
  tool({ name: 's', description: 'd', parameters: schema, outputSchema: schema, execute: () => ({ ok: 'no' }) });
  tool<typeof schema, User>({
    name: 'explicit',
    description: 'd',
    parameters: schema,
    execute: ({ ok }, { context: user }) => (ok ? user.id : ''),
  });
});
