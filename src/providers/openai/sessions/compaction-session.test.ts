import { MemorySession as PublishedMemory, OpenAIResponsesCompactionSession as Published } from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Agent } from '../../../agent/index.ts';
import type { AgentInputItem } from '../../../protocol/items.ts';
import { Runner } from '../../../run/index.ts';
import {
  EncryptedSession,
  MemorySession,
  type OpenAIResponsesCompactionArgs,
  type Session,
  SQLiteSession,
} from '../../../session/index.ts';
import { createFakeServer, type FakeServer, responsesReply, sessionConformance } from '../../../testing/index.ts';
import { createOpenAIClient } from '../client.ts';
import { OpenAIProvider } from '../provider.ts';
import {
  OpenAIResponsesCompactionSession,
  type OpenAIResponsesCompactionSessionOptions,
} from './compaction-session.ts';
import { OpenAIConversationsSession } from './conversations-session.ts';

let server: FakeServer;
beforeAll(async () => void (server = await createFakeServer()));
beforeEach(() => void server.requests.splice(0));
afterAll(() => server.close());

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const said = (text: string): AgentInputItem => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text }],
});
const call = (callId: string): AgentInputItem => ({
  type: 'function_call',
  callId,
  name: 't',
  arguments: '{}',
  status: 'completed',
});
const result = (callId: string): AgentInputItem => ({
  type: 'function_call_result',
  callId,
  name: 't',
  status: 'completed',
  output: { type: 'text', text: 'ok' },
});
const client = (): ReturnType<typeof createOpenAIClient> =>
  createOpenAIClient({ apiKey: 'k', baseURL: server.baseURL });
const ours = (options: OpenAIResponsesCompactionSessionOptions = {}): OpenAIResponsesCompactionSession =>
  new OpenAIResponsesCompactionSession({ client: client(), model: 'gpt-5.4', ...options });
const asked = (): unknown[] => server.requests.filter(({ path }) => path.endsWith('/compact')).map(({ body }) => body);
const TURNS = [user('hi'), ...Array.from({ length: 10 }, (_, n) => said(`a${n}`))];

describe.each<[string, (id: string) => Session & { close?: () => Promise<void> }]>([
  ['memory', (sessionId) => new MemorySession({ sessionId })],
  ['SQLite', (sessionId) => new SQLiteSession(sessionId)],
  [
    'sealed',
    (sessionId) =>
      new EncryptedSession(new MemorySession({ sessionId }), { keys: [{ id: 'k', key: new Uint8Array(32) }] }),
  ],
])('conformance over %s', (_, make) => {
  for (const each of sessionConformance({ create: (id) => ours({ underlyingSession: make(id) }) }))
    test(each.name, each.run);
});

describe('beside the original, on one server', () => {
  type Case = [string, AgentInputItem[], OpenAIResponsesCompactionArgs, ('auto' | 'input' | 'previous_response_id')?];
  test.each<Case>([
    ['a chain', TURNS, { responseId: 'resp_1' }],
    ['a chain that was not stored', TURNS, { responseId: 'resp_1', store: false }],
    ['no chain', TURNS, {}],
    ['input', TURNS, { responseId: 'resp_1' }, 'input'],
    ['input for this time', TURNS, { responseId: 'resp_1', compactionMode: 'input' }],
    ['too few candidates', TURNS.slice(0, 10), { responseId: 'resp_1' }],
    ['just enough', TURNS.slice(1), {}],
    ['forced', TURNS.slice(0, 3), { force: true }],
    ['calls', [user('x'), call('c1'), result('c1')], { force: true }],
    ['user messages do not count', Array.from({ length: 12 }, (_, n) => user(`${n}`)), {}],
    ['a chain without an id', TURNS, {}, 'previous_response_id'],
  ])('%s: the same requests, the same history, the same usage', async (_, items, args, compactionMode) => {
    const official = new OpenAI({ apiKey: 'k', baseURL: server.baseURL, maxRetries: 0 });
    const theirs = new Published({
      client: official,
      model: 'gpt-5.4',
      underlyingSession: new PublishedMemory(),
      ...(compactionMode && { compactionMode }),
    });
    const outcome = async (session: Pick<Published, 'runCompaction' | 'getItems' | 'addItems'>): Promise<unknown[]> => {
      server.requests.splice(0);
      await session.addItems(items as never);
      const usage = await session.runCompaction(args).catch((error: Error) => error.name);
      return [asked(), JSON.parse(JSON.stringify(usage)), withoutIds(await session.getItems())];
    };
    const expected = await outcome(theirs);
    expect(await outcome(ours({ ...(compactionMode && { compactionMode }) }) as never)).toEqual(expected);
    expect(await outcome(ours({ client: official, ...(compactionMode && { compactionMode }) }) as never)).toEqual(
      expected,
    );
  });

  /** Ids of the fake server count its requests; the original leaves empty provider data out. */
  const withoutIds = (items: unknown): unknown =>
    JSON.parse(JSON.stringify(items), (key, value: unknown) =>
      key === 'id' || key === 'encrypted_content' || key === 'providerData' ? undefined : value,
    );

  test('the decision sees the same', async () => {
    const seen: unknown[] = [];
    const shouldTriggerCompaction = (context: unknown): boolean => (seen.push(structuredClone(context)), false);
    const args = { responseId: 'resp_1' };
    for (const session of [
      new Published({ client: client() as never, shouldTriggerCompaction }),
      ours({ shouldTriggerCompaction }),
    ]) {
      await session.addItems(TURNS as never);
      expect(await session.runCompaction(args)).toBeNull();
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(asked()).toEqual([]);
  });
});

describe('nothing is lost', () => {
  test('originals stay, and a second compaction begins with the first', async () => {
    const session = ours();
    await session.addItems(TURNS);
    await session.runCompaction();
    expect((await session.getItems()).map(({ type }) => type)).toEqual(['message', 'compaction']);
    expect(await session.originalItems()).toEqual(TURNS);
    await session.addItems([said('new')]);
    await session.runCompaction({ force: true });
    expect((asked()[1] as { input: { type?: string }[] }).input.map(({ type }) => type)).toEqual([
      // A user's message goes without a type.
      undefined,
      'compaction',
      'message',
    ]);
    expect(await session.originalItems()).toEqual([...TURNS, said('new')]);
  });

  test('what another process adds while the service works stays visible', async () => {
    const underlyingSession = new MemorySession();
    const { compact } = client().responses;
    const session = ours({
      underlyingSession,
      client: {
        responses: {
          create: () => undefined,
          compact: async (body: never) => {
            await underlyingSession.addItems([user('meanwhile')]);
            return compact?.(body);
          },
        },
      },
    });
    await session.addItems(TURNS);
    await session.runCompaction();
    expect((await session.getItems()).at(-1)).toEqual(user('meanwhile'));
    expect(await session.getItems()).toHaveLength(3);
  });

  test('a call that waits for a result stays as it is', async () => {
    const session = ours();
    await session.addItems([...TURNS, call('c1')]);
    await session.runCompaction({ responseId: 'resp_1' });
    expect(asked()).toMatchObject([{ input: expect.any(Array) as unknown }]);
    expect((await session.getItems()).at(-1)).toEqual(call('c1'));
  });

  test('a chain that does not hold all is not used: others added, or the run got a part only', async () => {
    const underlyingSession = new MemorySession();
    const session = ours({ underlyingSession });
    await session.addItems(TURNS);
    await session.getItems();
    await underlyingSession.addItems([user('of another run')]);
    await session.runCompaction({ responseId: 'resp_1' });
    const limited = ours();
    await limited.addItems(TURNS);
    await limited.getHistory({ maxTokens: 50 });
    await limited.runCompaction({ responseId: 'resp_1' });
    expect(asked()).toMatchObject([{ input: expect.any(Array) as unknown }, { input: expect.any(Array) as unknown }]);
  });

  test('a service that fails or answers nothing changes nothing', async () => {
    const session = ours();
    await session.addItems(TURNS);
    server.reply({ status: 500, body: { error: { message: 'down' } } }, { body: { output: [], usage: {} } });
    await expect(session.runCompaction()).rejects.toThrow('down');
    await expect(session.runCompaction()).rejects.toThrow('to nothing');
    expect(await session.getItems()).toEqual(TURNS);
  });
});

test('a run compacts its session and counts what that used', async () => {
  const runner = new Runner({ modelProvider: new OpenAIProvider({ apiKey: 'k', baseURL: server.baseURL }) });
  const session = ours({ shouldTriggerCompaction: () => true });
  server.reply(responsesReply({ text: 'Hello' }));
  const { state } = await runner.run(new Agent({ name: 'A', model: 'gpt-5.4' }), 'hi', { session });
  expect(asked()).toMatchObject([{ model: 'gpt-5.4', previous_response_id: expect.any(String) as unknown }]);
  expect(state.usage.totalTokens).toBeGreaterThan(120);
  expect((await session.getItems()).map(({ type }) => type)).toEqual(['compaction']);
  expect(await session.originalItems()).toHaveLength(2);
  server.reply(responsesReply({ text: 'Again' }));
  await runner.run(new Agent({ name: 'A', model: 'gpt-5.4' }), 'more', { session });
  const { input } = server.requests.findLast(({ path }) => path.endsWith('/responses'))?.body ?? {};
  expect((input as { type?: string }[]).map(({ type }) => type)).toEqual(['compaction', undefined]);
});

test.each<[OpenAIResponsesCompactionSessionOptions, string]>([
  [{ model: 'claude-5' }, 'OpenAI does not compact with the model "claude-5"'],
  [
    { underlyingSession: new OpenAIConversationsSession({ apiKey: 'k' }) as never },
    'A conversation at OpenAI cannot be compacted from here.',
  ],
  [{ maxRollbackItems: 0 }, 'maxRollbackItems is 0'],
])('the options %# are refused', (options, message) => {
  expect(() => new OpenAIResponsesCompactionSession(options)).toThrow(message);
});

test('more rows than maxRollbackItems are refused before the service is asked', async () => {
  const session = ours({ maxRollbackItems: 3 });
  await session.addItems(TURNS);
  await expect(session.runCompaction()).rejects.toThrow('more than maxRollbackItems');
  expect(asked()).toEqual([]);
});
