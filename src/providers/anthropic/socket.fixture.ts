/** A fake server for the tests of one file, and ways to ask it. Importing it starts and stops it. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { ModelRequest, ModelResponse, StreamEvent } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { createFakeServer, type FakeServer } from '../../testing/fake-server/index.ts';
import { isModelError, type ModelErrorFacts } from '../../wire/index.ts';
import { AnthropicModel } from './anthropic-model.ts';
import type { AnthropicModelOptions } from './model.ts';

export const KEY = 'sk-ant-planted-key-0123456789';

export let server: FakeServer;
beforeAll(async () => {
  server = await createFakeServer();
});
afterAll(() => server.close());
afterEach(() => void (server.requests.length = 0));

export const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...more,
});

export const tool = (name: string, more: object = {}): ModelRequest['tools'][number] => ({
  type: 'function',
  name,
  description: 'd',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: true,
  ...more,
});

export type Asking = { model?: string; options?: AnthropicModelOptions; client?: object };

export const model = ({ model: name = 'claude-opus-4-7', options, client }: Asking = {}): AnthropicModel =>
  new AnthropicModel({ apiKey: KEY, baseURL: server.baseURL, ...client }, name, options);

export async function drain(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** The answer of a plain or a streamed call, in one form. */
export async function ask(stream: boolean, more: Partial<ModelRequest> = {}, asking?: Asking): Promise<ModelResponse> {
  const asked = model(asking);
  if (!stream) return await asked.getResponse(request(more));
  const events = await drain(asked.getStreamedResponse(request(more)));
  const done = events.at(-1);
  if (done?.type !== 'response_done') return expect.fail('The stream has no last event.');
  const { id, usage, ...rest } = done.response;
  return { ...rest, usage: new Usage(usage), responseId: id };
}

export async function failure(asking: Promise<unknown>): Promise<ModelErrorFacts & { message: string }> {
  const error: unknown = await asking.then(
    () => expect.fail('The request should have failed.'),
    (reason: unknown) => reason,
  );
  if (!isModelError(error)) throw error;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    expect(`${at.message} ${at.stack} ${JSON.stringify(at, Object.getOwnPropertyNames(at))}`).not.toContain(KEY);
  }
  return { ...error, message: error.message };
}
