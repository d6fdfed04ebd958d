/**
 * Beside the scenarios: each way to get an error out of both packages that no scenario takes. What they say must be
 * said in other words (wording.ts); that both say something is the rest of the test.
 */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { HISTORIES, REQUESTS as CHAT } from '../openai/chat-request.cases.ts';
import { compare } from '../openai/recorder.ts';
import { REQUESTS as RESPONSES } from '../openai/responses-request.cases.ts';
import { loadSide, quietly } from './harness.ts';
import type { Sdk, Testing } from './kit.ts';
import { borrowed, SHARED } from './wording.ts';

type Any = never;
/** Throws, or returns what a model would read. */
type Probe = (sdk: Sdk, testing: Testing) => unknown;

const base = { description: 'd', parameters: z.object({}), execute: () => 'x' };
const make = (sdk: Sdk, more: object): unknown => sdk.tool({ name: 't', ...base, ...more } as Any);
const schema = (property: unknown): object => ({
  type: 'object',
  properties: { a: property },
  required: ['a'],
  additionalProperties: false,
});
const strict =
  (property: unknown): Probe =>
  (sdk) =>
    make(sdk, { parameters: schema(property) });
const transact =
  (operationId: string, transaction: unknown): Probe =>
  (sdk) => {
    const session = new sdk.MemorySession();
    return session.applyHistoryTransaction({ operationId, transaction } as Any);
  };
const agent =
  (more: object): Probe =>
  (sdk) =>
    new sdk.Agent({ name: 'A', ...more } as Any);
const run =
  (more: object, options: object = {}, output: unknown = []): Probe =>
  (sdk, testing) =>
    new sdk.Runner({ tracingDisabled: true }).run(
      new sdk.Agent({ name: 'A', model: new testing.ScriptedModel([output] as Any) as Any, ...more }),
      'Go',
      options as Any,
    );
const namespace =
  (more: object): Probe =>
  (sdk) =>
    sdk.toolNamespace({ name: 'n', description: 'd', tools: [make(sdk, {})], ...more } as Any);

const PROBES: Readonly<Record<string, Probe>> = {
  'no name': (sdk) => make(sdk, { name: '' }),
  'no execute': (sdk) => make(sdk, { execute: undefined }),
  'no parameters': (sdk) => make(sdk, { parameters: undefined, strict: true }),
  'timeout of nothing': (sdk) => make(sdk, { timeoutMs: 0 }),
  'timeout as text': (sdk) => make(sdk, { timeoutMs: '5' }),
  'timeout without end': (sdk) => make(sdk, { timeoutMs: Infinity }),
  'timeout too long': (sdk) => make(sdk, { timeoutMs: 2 ** 40 }),
  'timeout behaviour': (sdk) => make(sdk, { timeoutBehavior: 'x' }),
  'timeout function': (sdk) => make(sdk, { timeoutErrorFunction: 5 }),
  'timeout of a structured tool': (sdk) =>
    make(sdk, { outputSchema: z.object({ a: z.string() }), timeoutMs: 5, timeoutBehavior: 'error_as_result' }),
  'no callers': (sdk) => make(sdk, { allowedCallers: [] }),
  'unknown caller': (sdk) => make(sdk, { allowedCallers: ['x'] }),
  'a caller twice': (sdk) => make(sdk, { allowedCallers: ['direct', 'direct'] }),
  'needsApproval of no kind': (sdk) => make(sdk, { needsApproval: 5 }),
  'a schema of no kind': (sdk) => make(sdk, { parameters: 5 }),
  'a schema without JSON Schema': (sdk) => make(sdk, { parameters: z.object({ a: z.date() }) }),
  'an output schema of no kind': (sdk) => make(sdk, { outputSchema: 5 }),
  'strict: not': strict({ not: {} }),
  'strict: allOf': strict({ allOf: [{ type: 'string' }] }),
  'strict: oneOf': strict({ oneOf: [{ type: 'string' }] }),
  'strict: if': strict({ if: {}, else: {} }),
  'strict: prefixItems': strict({ type: 'array', prefixItems: [] }),
  'strict: patternProperties': strict({ type: 'object', properties: {}, patternProperties: {} }),
  'strict: anyOf beside a type': strict({ type: 'string', anyOf: [{ minLength: 1 }] }),
  'strict: no type': strict({ properties: { x: { type: 'string' } } }),
  'strict: no schema': strict(5),
  'strict: a remote reference': strict({ $ref: 'http://x/y' }),
  'strict: a dangling reference': strict({ $ref: '#/$defs/Q' }),
  'strict: an open object': strict({ type: 'object', additionalProperties: { type: 'string' } }),
  'strict: a record': (sdk) => make(sdk, { parameters: z.object({ a: z.record(z.string(), z.string()) }) }),
  'namespace without name': namespace({ name: ' ' }),
  'namespace without description': namespace({ description: '' }),
  'namespace of a hosted tool': namespace({ tools: [{ type: 'hosted_tool', name: 'w' }] }),
  'namespace of a tool of its name': namespace({ name: 't' }),
  'transaction without id': transact(' ', { type: 'append_items', items: [] }),
  'transaction of no kind': transact('o', { type: 'x' }),
  'transaction without items': transact('o', { type: 'append_items' }),
  'transaction without suffix': transact('o', { type: 'replace_suffix', replacement: [] }),
  'transaction of what cannot be kept': transact('o', { type: 'append_items', items: [{ a: () => 1 }] }),
  'transaction on another end': transact('o', {
    type: 'replace_suffix',
    expectedSuffix: [{ role: 'user', content: 'x' }],
    replacement: [],
  }),
  'agent without name': agent({ name: '' }),
  'agent without options': (sdk) => new sdk.Agent(undefined as Any),
  'agent with an input type and no callback': (sdk) =>
    sdk.handoff(new sdk.Agent({ name: 'B' }), { inputType: z.object({}) } as Any),
  'agent as tool, no name': (sdk) => new sdk.Agent({ name: '!!' }).asTool({} as Any),
  'agent as tool, parameters of no kind': (sdk) => new sdk.Agent({ name: 'B' }).asTool({ parameters: 5 } as Any),
  'processFinalOutput of no JSON': (sdk) =>
    new sdk.Agent({ name: 'A', outputType: z.object({ a: z.string() }) }).processFinalOutput('x'),
  'output type of no kind': run({ outputType: { n: 'number' } }),
  'tools of no kind': run({ tools: [5] }),
  'handoffs of no kind': run({ handoffs: [5] }),
  'model of no kind': run({ model: {} }),
  'session of no kind': run({}, { session: 'x' }),
  'a session and a conversation': run({}, { conversationId: 'c', previousResponseId: 'r' }),
  'cap of tools': run({}, { toolExecution: { maxFunctionToolConcurrency: 0 } }),
  'turns as text': run({}, { maxTurns: 'x' }),
  'collision policy': run({}, { toolNameCollisionPolicy: 'x' }),
  'not-found policy': run({}, { toolNotFoundBehavior: 'x' }),
  'a choice of a tool that is not there': run({ modelSettings: { toolChoice: 'x' } }),
  'a reply of no kind': run({}, {}, 5),
  'an input of no kind': (sdk) => new sdk.Runner().run(new sdk.Agent({ name: 'A' }), 5 as Any),
  'an agent of no kind': (sdk) => new sdk.Runner().run(undefined as Any, 'Go'),
  'a state of another agent': async (sdk, testing) => {
    const asks = make(sdk, { needsApproval: true }) as Any;
    const model = new testing.ScriptedModel([[testing.functionCall('t', {}, { callId: 'c' })]]) as Any;
    const result = await new sdk.Runner().run(new sdk.Agent({ name: 'A', model, tools: [asks] }), 'Go');
    return sdk.RunState.fromString(new sdk.Agent({ name: 'Z' }), result.state.toString());
  },
  'a state of nothing': (sdk) => sdk.RunState.fromString(new sdk.Agent({ name: 'Z' }), ''),
  'a state without version': (sdk) => sdk.RunState.fromString(new sdk.Agent({ name: 'Z' }), '{}'),
  'a state of a list': (sdk) => sdk.RunState.fromString(new sdk.Agent({ name: 'Z' }), '[]'),
  'a decision on nothing': async (sdk, testing) => {
    const model = new testing.ScriptedModel([[testing.assistantMessage('x')]]) as Any;
    const result = await new sdk.Runner().run(new sdk.Agent({ name: 'A', model }), 'Go');
    result.state.approve({ rawItem: { type: 'function_call', name: 't', callId: 'c' }, agent: { name: 'A' } } as Any);
  },
  'a guardrail of tools without run': (sdk) => sdk.defineToolInputGuardrail({ name: 'g' } as Any),
  'compaction by another model': (sdk) =>
    new sdk.OpenAIResponsesCompactionSession({ client: {} as Any, model: 'claude-5' as Any }),
  'compaction over a conversation': (sdk) =>
    new sdk.OpenAIResponsesCompactionSession({
      client: {} as Any,
      underlyingSession: new sdk.OpenAIConversationsSession({ client: {} as Any }) as Any,
    }),
  'a provider with a client and a key': (sdk) => new sdk.OpenAIProvider({ openAIClient: {} as Any, apiKey: 'k' }),
  'file search without stores': (sdk) => sdk.fileSearchTool([] as Any),
};

/** What a probe says: of errors and of the console. */
async function said(probe: Probe, side: 'published' | 'ours'): Promise<string[]> {
  const { sdk, testing } = await loadSide(side);
  const words: string[] = [];
  const console = await quietly(async () => {
    try {
      words.push(JSON.stringify(await probe(sdk, testing)) ?? '');
    } catch (error) {
      for (let at: unknown = error; at instanceof Error; at = at.cause) words.push(at.message);
    }
  });
  return [...words.filter((word) => !word.startsWith('{')), ...console];
}

test.each(Object.entries(PROBES))('%s: our words are our own', async (_, probe) => {
  expect(borrowed(await said(probe, 'published'), await said(probe, 'ours'))).toEqual([]);
});

const CHOICES = ['required', 'x', 'web_search', 'tool_search'].map((toolChoice) => ({ modelSettings: { toolChoice } }));
const FUNCTION = { type: 'function', name: 'f', description: '', parameters: {}, strict: false };
const REFUSED = [
  ...CHOICES,
  ...CHOICES.map((choice) => ({ ...choice, tools: [FUNCTION] })),
  { tools: [{ type: 'x', name: 'f' }] },
  { tools: [{ ...FUNCTION, deferLoading: true }] },
  { tools: [{ ...FUNCTION, allowedCallers: ['programmatic'] }] },
  { tools: [{ type: 'hosted_tool', name: 'p', providerData: { type: 'programmatic_tool_calling' } }] },
  { tools: [{ ...FUNCTION, namespace: 'n' }] },
  { tools: [{ type: 'hosted_tool', name: 'h' }] },
  { input: [{ type: 'x' }] },
  { input: [{ role: 'x', content: 'y' }] },
  { input: [{ role: 'assistant', content: [], phase: 'x', status: 'completed' }] },
  { input: [{ role: 'user', content: [{ type: 'x' }] }] },
  { input: [{ role: 'user', content: [{ type: 'audio', audio: 'AA==' }] }] },
  { input: [{ role: 'user', content: [{ type: 'input_file', file: 'nowhere' }] }] },
  { input: [{ type: 'hosted_tool_call', name: 'x', status: 'completed' }] },
  { input: [{ type: 'function_call_result', name: 'f', callId: 'c', status: 'completed', output: { type: 'x' } }] },
  { prompt: { promptId: 'p' }, previousResponseId: 'r', conversationId: 'c' },
];

describe.each(['responses', 'chat'] as const)('the adapter of %s', (api) => {
  const requests = [...Object.values(api === 'chat' ? CHAT : RESPONSES), ...REFUSED];
  const histories = Object.values(HISTORIES).map((input) => ({ input }));
  test('refuses in words of its own', async () => {
    const pairs = await Promise.all([...requests, ...histories].map((request) => compare(api, request)));
    expect(pairs.filter(({ theirs, ours }) => theirs.said && ours.said).length).toBeGreaterThan(3);
    for (const { theirs, ours } of pairs) expect(borrowed(theirs.said, ours.said)).toEqual([]);
  });

  test.each([
    [{ status: 'failed', error: { code: 'x', message: 'm' }, id: 'r', output: [] }],
    [{ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, id: 'r', output: [] }],
    [{ choices: [{ finish_reason: 'length', message: { role: 'assistant', content: null } }], id: 'r' }],
    [{ choices: [] }],
  ])('reads the answer %j in words of its own', async (reply) => {
    const { theirs, ours } = await compare(api, {}, { reply });
    expect(borrowed(theirs.said, ours.said)).toEqual([]);
  });

  test.each([
    [[]],
    [[{ type: 'response.failed', response: { status: 'failed', error: { code: 'x', message: 'm' } } }]],
    [[{ type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } }]],
    [[{ type: 'error', code: 'x', message: 'm' }]],
  ])('reads the stream %j in words of its own', async (events) => {
    const { theirs, ours } = await compare(api, {}, { events });
    expect(borrowed(theirs.said, ours.said)).toEqual([]);
  });
});

describe('the comparison', () => {
  test('finds a sentence that was taken over, also with other values or a remedy behind it', () => {
    const theirs = [`Model ${1} hit its limit of ${2} answers.`];
    expect(borrowed(theirs, [`Model ${3} hit its limit of ${4} answers. Give more.`])).toHaveLength(1);
    expect(borrowed(theirs, ['After 2 answers the model had to stop.'])).toEqual([]);
    expect(borrowed([...SHARED], [...SHARED])).toEqual([]);
  });
});
