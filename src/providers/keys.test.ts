/** Keys: what is none is told before anything is sent, and none is told to anybody. */
import { expect, test } from 'vitest';
import { createBudgets, createRouter, ModelError, run, Agent, UserError } from '../index.ts';
import type { ModelProvider } from '../protocol/model.ts';
import type { Fetch } from '../wire/index.ts';
import { AnthropicProvider } from './anthropic/index.ts';
import { AzureOpenAIProvider, createPresetProvider, OpenAIProvider } from './openai/index.ts';

type Sent = { url: string; headers: Record<string, string> };

/** A server that quotes the headers that it got, as gateways do. */
function quoting(): { sent: Sent[]; fetch: Fetch } {
  const sent: Sent[] = [];
  const fetch: Fetch = async (url, { headers }) => {
    sent.push({ url, headers: headers as Record<string, string> });
    return new Response(JSON.stringify({ error: { message: `refused ${JSON.stringify(headers)}` } }), { status: 400 });
  };
  return { sent, fetch };
}

async function failureOf(provider: ModelProvider): Promise<Error> {
  const agent = new Agent({ name: 'A', model: await provider.getModel('m') });
  return run(agent, 'Hi').then(
    () => new Error('it ended well'),
    (error: unknown) => error as Error,
  );
}

type Make = (apiKey: never, fetch: Fetch) => ModelProvider;
const WITH_KEYS: [string, Make][] = [
  ['OpenAI', (apiKey, fetch) => new OpenAIProvider({ apiKey, fetch })],
  ['Anthropic', (apiKey, fetch) => new AnthropicProvider({ apiKey, fetch })],
  ['Azure OpenAI', (apiKey, fetch) => new AzureOpenAIProvider({ endpoint: 'https://x.example', apiKey, fetch })],
  ['OpenRouter', (apiKey, fetch) => createPresetProvider('openrouter', { apiKey, fetch })],
];

test.each(WITH_KEYS)('what is no key for %s is told, and nothing is sent', async (name, make) => {
  for (const [none, says] of [
    ['', 'an empty text as its key'],
    [' \n', 'an empty text as its key'],
    [() => undefined, 'no key from its function, but undefined'],
    [async () => '', 'no key from its function, but an empty text'],
  ] as [never, string][]) {
    const { sent, fetch } = quoting();
    const failure = await failureOf(make(none, fetch));
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toContain(`${name} got ${says}`);
    expect(sent).toEqual([]);
  }
});

test('an empty key of a server that needs none is none', async () => {
  const { sent, fetch } = quoting();
  await failureOf(createPresetProvider('ollama', { apiKey: '', fetch }));
  expect(sent[0]?.headers).not.toHaveProperty('authorization');
});

test.each(WITH_KEYS)('a key for %s from a file loses its line break, and is in no error', async (_name, make) => {
  const { sent, fetch } = quoting();
  const failure = await failureOf(make('0123abcd4567efgh\n' as never, fetch));
  expect(JSON.stringify(sent)).toMatch(/[" ]0123abcd4567efgh"/);
  expect(failure.message).toContain('refused');
  expect(failure.message).not.toContain('0123abcd');
});

test('no header that is named like a secret is in an error, and no half of one', async () => {
  const { sent, fetch } = quoting();
  const headers = { 'x-team-token': 'tt1234567890', cookie: 'sid=abcdefgh', 'x-portkey-secret': 'z'.repeat(1500) };
  const failure = await failureOf(createPresetProvider('litellm', { apiKey: 'k'.repeat(16), headers, fetch }));
  expect(sent[0]?.headers).toMatchObject(headers);
  expect(failure.message).toContain('refused');
  for (const secret of ['tt1234567890', 'abcdefgh', 'zzzzzzzz', 'kkkkkkkk'])
    expect(failure.message).not.toContain(secret);
});

test('a function that gives no key now may give one later: it is tried again, and no budget pays for it', async () => {
  let asked = 0;
  const apiKey = (): string => {
    asked += 1;
    throw new Error(`the vault of Bearer abcdef123456 is sealed`);
  };
  const { sent, fetch } = quoting();
  const models = createRouter({
    providers: { openai: new OpenAIProvider({ apiKey, fetch }) },
    models: { main: 'openai/m' },
    retry: { initialDelayMs: 1 },
  });
  const budgets = createBudgets({ limits: { tenant: { tokens: 1_000_000 } } });
  const failing = run(new Agent({ name: 'A', model: models('main') }), 'Hi', { budgets });
  const failure = await failing.then(String, (error: unknown) => error);
  expect(failure).toBeInstanceOf(ModelError);
  expect(failure).toMatchObject({
    kind: 'unknown',
    retryable: true,
    message: 'The function that gives the key for OpenAI failed: the vault of [redacted] is sealed',
  });
  expect([asked, sent]).toEqual([3, []]);
  expect((await budgets.balance({ tenant: true })).open).toEqual([]);
});

test('a compaction at Azure has no deployment in its URL, as all of the Responses API', async () => {
  const { sent, fetch } = quoting();
  const azure = new AzureOpenAIProvider({
    endpoint: 'https://x.example',
    apiKey: 'k'.repeat(16),
    apiVersion: '2025-04-01',
    fetch,
  });
  await failureOf(azure);
  expect(sent[0]?.url).toBe('https://x.example/openai/responses?api-version=2025-04-01');
});
