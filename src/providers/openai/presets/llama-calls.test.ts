import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, LlamaCppModel, run, tool, type LlamaCppModelOptions } from '../../../index.ts';
import { chatReply, createFakeServer, type FakeServer } from '../../../testing/index.ts';

let server: FakeServer | undefined;
afterEach(() => server?.close());
async function serving(...replies: Parameters<typeof chatReply>[0][]): Promise<FakeServer> {
  server = await createFakeServer({ requireKey: false });
  // OpenAI refuses a choice between forms at the root.
  server.reply(...replies.map((reply) => ({ reply: chatReply(reply), validate: false })));
  return server;
}
const modelOf = ({ baseURL }: FakeServer, more: Partial<LlamaCppModelOptions> = {}) =>
  new LlamaCppModel({ model: 'tiny', baseURL, calls: 'schema', ...more });
const add = tool({
  name: 'add',
  description: 'Adds.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => a + b,
});
const CALL = '{"name": "add", "arguments": {"a": 2, "b": 3}}';

describe('calls of llama.cpp by a schema', () => {
  test('are calls of the run, and the answer is a text or an object, plain and streamed', async () => {
    const outputType = z.object({ sum: z.number() });
    for (const stream of [false, true]) {
      const at = await serving(CALL, '{"answer": {"sum": 5}}');
      const agent = new Agent({ name: 'A', instructions: 'Be brief.', model: modelOf(at), tools: [add], outputType });
      const result = stream ? await run(agent, 'Sum?', { stream: true }) : await run(agent, 'Sum?');
      let text = '';
      if ('completed' in result) {
        for await (const event of result) {
          if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta')
            text += event.data.delta;
        }
      }
      expect(result.finalOutput).toEqual({ sum: 5 });
      expect(text).toBe(stream ? '{"sum":5}' : '');
      expect(result.newItems.map(({ type }) => type)).toEqual([
        'tool_call_item',
        'tool_call_output_item',
        'message_output_item',
      ]);
      const [first, second] = at.requests.map(({ body }) => body);
      expect(first).not.toHaveProperty('tools');
      expect(JSON.stringify(first?.['response_format'])).toContain('"const":"add"');
      expect(JSON.stringify(first?.['messages'])).toContain('You can call these functions');
      expect(second?.['messages']).toMatchObject([
        { role: 'system' },
        { role: 'user', content: 'Sum?' },
        { role: 'assistant', content: [{ text: '{"name": "add", "arguments": {"a":2,"b":3}}' }] },
        { role: 'user', content: 'add returned: 5' },
      ]);
      await at.close();
    }
  });

  test('are demanded where the agent demands them: there is no form for an answer then', async () => {
    const at = await serving(CALL, '{"answer": "five"}');
    const agent = new Agent({ name: 'A', model: modelOf(at), tools: [add], modelSettings: { toolChoice: 'add' } });
    expect((await run(agent, 'Sum?')).finalOutput).toBe('five');
    const [first, second] = at.requests.map(({ body }) => JSON.stringify(body['response_format']));
    expect(first).not.toContain('answer');
    expect(second).toContain('answer');
  });

  test('hand over too', async () => {
    const at = await serving('{"name": "transfer_to_B", "arguments": {}}', 'from B');
    const b = new Agent({ name: 'B', model: modelOf(at) });
    const { finalOutput } = await run(new Agent({ name: 'A', model: modelOf(at), handoffs: [b] }), 'Hi');
    expect(finalOutput).toBe('from B');
  });

  test('that were cut off stay a text; without tools, and with schemas of parts, the server gets what it always gets', async () => {
    const cut = await serving('{"name": "add", "argum');
    const agent = new Agent({ name: 'A', model: modelOf(cut), tools: [add] });
    expect((await run(agent, 'Sum?')).finalOutput).toBe('{"name": "add", "argum');
    await cut.close();
    const plain = await serving('{"answer": "as it is"}');
    const none = new Agent({ name: 'A', model: modelOf(plain) });
    expect((await run(none, 'Hi')).finalOutput).toBe('{"answer": "as it is"}');
    expect(plain.requests[0]?.body).not.toHaveProperty('response_format');
    await plain.close();
    type Tree = { children: Tree[] };
    const tree: z.ZodType<Tree> = z.lazy(() => z.object({ children: z.array(tree) }));
    const grow = tool({ name: 'grow', description: '', parameters: z.object({ tree }), execute: () => '' });
    const parts = await serving('ok');
    await run(new Agent({ name: 'A', model: modelOf(parts), tools: [grow] }), 'Hi');
    expect(parts.requests[0]?.body).toHaveProperty('tools');
  });

  test('by nobody that is known are refused', () => {
    expect(() => new LlamaCppModel({ model: 'x', calls: 'grammar' as 'schema' })).toThrow("'server' or 'schema'");
  });
});
