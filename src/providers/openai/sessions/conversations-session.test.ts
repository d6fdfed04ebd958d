import { OpenAIConversationsSession as Published } from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Agent } from '../../../agent/index.ts';
import type { AgentInputItem } from '../../../protocol/items.ts';
import { Runner } from '../../../run/index.ts';
import type { Session } from '../../../session/index.ts';
import { createFakeServer, type FakeServer, responsesReply } from '../../../testing/index.ts';
import { OpenAIProvider } from '../provider.ts';
import { OpenAIConversationsSession, startOpenAIConversationsSession } from './conversations-session.ts';

let server: FakeServer;
beforeAll(async () => void (server = await createFakeServer()));
beforeEach(() => void server.requests.splice(0));
afterAll(() => server.close());

const official = (): OpenAI => new OpenAI({ apiKey: 'k', baseURL: server.baseURL, maxRetries: 0 });
const ours = (conversationId?: string): OpenAIConversationsSession =>
  new OpenAIConversationsSession({ apiKey: 'k', baseURL: server.baseURL, ...(conversationId && { conversationId }) });

const user = (text: string): AgentInputItem => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});
const ITEMS: AgentInputItem[] = [
  user('hi'),
  { type: 'message', role: 'system', content: 'Be brief.' },
  { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'yo' }] },
  { type: 'reasoning', id: 'rs_1', content: [] },
  { type: 'function_call', id: 'fc_mine', callId: 'c1', name: 't', arguments: '{}', status: 'completed' },
  { type: 'function_call_result', callId: 'c1', name: 't', status: 'completed', output: { type: 'text', text: 'ok' } },
  {
    type: 'message',
    role: 'user',
    content: [
      { type: 'input_image', image: 'https://example.com/a.png', detail: 'low' },
      { type: 'input_file', file: { id: 'file_1' } },
    ],
  },
];
const texts = (items: readonly AgentInputItem[]): unknown[] =>
  items.map((item) =>
    'content' in item && Array.isArray(item.content) ? (item.content[0] as { text?: string }).text : undefined,
  );

describe.each<[string, () => OpenAIConversationsSession]>([
  ['a client of ours', () => ours()],
  ['the official client', () => new OpenAIConversationsSession({ client: official() })],
])('%s', (_, make) => {
  test('items come back in order, whole, with the limit that was asked', async () => {
    const session = make();
    expect([session.sessionId, await session.getItems(), await session.popItem()]).toEqual([undefined, [], undefined]);
    expect(server.requests).toEqual([]);
    await session.addItems(ITEMS);
    expect(await session.getItems()).toMatchObject([
      { role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { role: 'system' },
      { role: 'assistant', content: [{ type: 'output_text', text: 'yo' }] },
      { type: 'reasoning', id: 'rs_1' },
      { type: 'function_call', callId: 'c1', arguments: '{}' },
      { type: 'function_call_result', callId: 'c1', output: 'ok' },
      {
        role: 'user',
        content: [
          { type: 'input_image', image: 'https://example.com/a.png', detail: 'low' },
          { type: 'input_file', file: { id: 'file_1' } },
        ],
      },
    ]);
    expect((await session.getItems(2)).map(({ type }) => type)).toEqual(['function_call_result', 'message']);
    expect(await session.getItems(0)).toEqual([]);
    expect(await session.getSessionId()).toBe(session.sessionId);
  });

  test('many items go in by 20 and come back over pages', async () => {
    const session = make();
    const all = Array.from({ length: 130 }, (__, n) => `item ${n}`);
    await session.addItems(all.map(user));
    expect(server.requests.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(texts(await session.getItems())).toEqual(all);
    expect(texts(await session.getItems(120))).toEqual(all.slice(-120));
    expect(texts([(await session.popItem()) ?? user('none')])).toEqual(['item 129']);
    expect(texts(await session.getItems(1))).toEqual(['item 128']);
  });

  test('a clear deletes the conversation; another begins after it', async () => {
    const session = make();
    await session.addItems([user('a')]);
    const id = session.sessionId;
    await session.clearSession();
    expect(session.sessionId).toBeUndefined();
    await expect(ours(id).getItems()).rejects.toThrow('not found');
    await session.addItems([user('b')]);
    expect(session.sessionId).not.toBe(id);
    expect(texts(await session.getItems())).toEqual(['b']);
  });

  test('calls at once share one conversation', async () => {
    const session = make();
    await Promise.all([session.addItems([user('a')]), session.addItems([user('b')]), session.getSessionId()]);
    expect(server.requests.filter(({ path }) => path === '/v1/conversations')).toHaveLength(1);
    expect(await session.getItems()).toHaveLength(2);
  });
});

test('one conversation, read by the original and by ours, says the same', async () => {
  const conversationId = await startOpenAIConversationsSession(official());
  await ours(conversationId).addItems(ITEMS);
  const theirs = new Published({ client: official(), conversationId }) as unknown as Session;
  // The original moves an image's detail into the provider data.
  const same = (items: readonly AgentInputItem[]): unknown =>
    JSON.parse(JSON.stringify(items), (key, value: unknown) =>
      key === 'providerData' || key === 'detail' ? undefined : value,
    );
  for (const limit of [undefined, 3, 0])
    expect(same(await ours(conversationId).getItems(limit))).toEqual(same(await theirs.getItems(limit)));
  await theirs.addItems([user('theirs')]);
  expect(texts(await ours(conversationId).getItems(1))).toEqual(['theirs']);
});

test('what the original sends for more than 20 items, the vendor refuses; ours goes through', async () => {
  const many = Array.from({ length: 25 }, (_, n) => user(`${n}`));
  const theirs = new Published({ client: official() });
  await expect(theirs.addItems(many as never)).rejects.toThrow('maximum length 20');
  await ours().addItems(many);
});

test('a run keeps its conversation with OpenAI', async () => {
  const runner = new Runner({ modelProvider: new OpenAIProvider({ apiKey: 'k', baseURL: server.baseURL }) });
  const agent = new Agent({ name: 'A', model: 'gpt-5.4' });
  const session = ours();
  for (const text of ['Hello', 'Again']) {
    server.reply(responsesReply({ text }));
    await runner.run(agent, `say ${text}`, { session });
  }
  expect(texts(await session.getItems())).toEqual(['say Hello', 'Hello', 'say Again', 'Again']);
  expect(server.requests.filter(({ problem }) => problem !== undefined)).toEqual([]);
});

test('a client without conversations is refused by name, and so is a wrong answer', async () => {
  expect(() => new OpenAIConversationsSession({ client: { responses: {} } as never })).toThrow('no `conversations`');
  const items = { create: () => ({}), list: () => [], delete: () => ({}) };
  const session = new OpenAIConversationsSession({
    conversationId: 'c',
    client: { conversations: { create: () => ({}), delete: () => ({}), items } } as never,
  });
  await expect(session.getItems()).rejects.toThrow('can be iterated');
  await expect(session.addItems('x' as never)).rejects.toThrow('array of items');
});

test('no key is in an error', async () => {
  const session = new OpenAIConversationsSession({
    apiKey: 'sk-secret-key',
    baseURL: `${server.baseURL}/wrong`,
    conversationId: 'c',
  });
  await expect(session.getItems()).rejects.not.toThrow('sk-secret-key');
});
