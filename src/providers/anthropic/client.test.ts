/** Clients, ours and those that are handed in. */
import { describe, expect, test } from 'vitest';
import { UserError } from '../../protocol/errors.ts';
import { createFakeServer, messagesReply } from '../../testing/fake-server/index.ts';
import { AnthropicModel } from './anthropic-model.ts';
import { AnthropicProvider } from './provider.ts';
import { drain, KEY, request } from './socket.fixture.ts';

describe('a client', () => {
  test('of the official shape can be handed in, and is told not to retry', async () => {
    const asked: unknown[] = [];
    const client = {
      messages: {
        create: (...args: unknown[]) => {
          asked.push(args[1]);
          return Promise.resolve(messagesReply('ok').json(1));
        },
      },
    };
    const { output } = await new AnthropicModel(client, 'claude-opus-4-7').getResponse(request());
    expect(output).toMatchObject([{ content: [{ text: 'ok' }] }]);
    expect(asked).toMatchObject([{ maxRetries: 0 }]);
    expect(() => new AnthropicProvider({ client, apiKey: 'x' })).toThrow(UserError);
  });

  test('that streams without a fetch of ours is read all the same', async () => {
    async function* events() {
      for (const { data } of messagesReply('streamed').events(1)) yield data;
    }
    const client = {
      messages: { create: () => ({ withResponse: () => Promise.resolve({ data: events(), request_id: 'req_9' }) }) },
    };
    const all = await drain(new AnthropicModel(client, 'claude-opus-4-7').getStreamedResponse(request()));
    expect(all.at(-1)).toMatchObject({
      response: { requestId: 'req_9', output: [{ content: [{ text: 'streamed' }] }] },
    });
  });

  test('without a key names the variable', async () => {
    const saved = process.env['ANTHROPIC_API_KEY'];
    delete process.env['ANTHROPIC_API_KEY'];
    await expect(new AnthropicProvider().getModel('claude-opus-4-7').getResponse(request())).rejects.toThrow(
      'ANTHROPIC_API_KEY',
    );
    if (saved !== undefined) process.env['ANTHROPIC_API_KEY'] = saved;
  });

  test('reads key and address from the environment', async () => {
    await using own = await createFakeServer();
    const saved = { ...process.env };
    process.env['ANTHROPIC_API_KEY'] = KEY;
    process.env['ANTHROPIC_BASE_URL'] = own.baseURL.replace('/v1', '');
    own.reply(messagesReply('x'));
    await new AnthropicProvider().getModel('claude-opus-4-7').getResponse(request());
    expect(own.requests[0]).toMatchObject({
      path: '/v1/messages',
      headers: { 'x-api-key': KEY, 'anthropic-version': '2023-06-01' },
    });
    process.env = saved;
  });
});
