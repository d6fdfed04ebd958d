/** A fake server for the tests of one file, and ways to ask it. Importing it starts and stops it. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Model, ModelRequest, StreamEvent } from '../../src/protocol/model.ts';
import {
  chatReply,
  createFakeServer,
  responsesReply,
  type FakeServer,
  type RenderedReply,
} from '../../src/testing/fake-server/index.ts';
import { isModelError, type ModelErrorFacts } from '../../src/wire/index.ts';
import { OpenAIProvider, type OpenAIProviderOptions } from '../../src/providers/openai/index.ts';

export const KEY = 'sk-planted-key-0123456789';
const ENV = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID'] as const;
const saved = ENV.map((name) => [name, process.env[name]] as const);

export let server: FakeServer;
beforeAll(async () => {
  for (const name of ENV) delete process.env[name];
  server = await createFakeServer();
});
afterAll(async () => {
  for (const [name, value] of saved) if (value !== undefined) process.env[name] = value;
  await server.close();
});
afterEach(() => {
  for (const name of ENV) delete process.env[name];
  server.requests.length = 0;
});

export const WIRES = ['responses', 'chat'] as const;
export type Wire = (typeof WIRES)[number];
export const reply = (wire: Wire, ...args: Parameters<typeof chatReply>): RenderedReply =>
  wire === 'chat' ? chatReply(...args) : responsesReply(...args);

export const model = (wire: Wire, options: OpenAIProviderOptions = {}): Promise<Model> =>
  new OpenAIProvider({ apiKey: KEY, baseURL: server.baseURL, useResponses: wire === 'responses', ...options }).getModel(
    'fake',
  );

export const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...more,
});

export async function drain(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** `more` is what is special about the request, `provider` about the provider. */
export type Asking = { provider?: OpenAIProviderOptions; more?: Partial<ModelRequest> };

export const ask = async (wire: Wire, stream: boolean, { provider, more }: Asking = {}): Promise<unknown> => {
  const asked = await model(wire, provider);
  return stream ? await drain(asked.getStreamedResponse(request(more))) : await asked.getResponse(request(more));
};

/** What a program and a log can see of an error: nothing of it may hold the key. */
export function everythingOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    parts.push(at.message, at.stack ?? '', JSON.stringify(at, Object.getOwnPropertyNames(at)));
  }
  return parts.join('\n');
}

export async function failure(asking: Promise<unknown>): Promise<ModelErrorFacts & { message: string }> {
  const error: unknown = await asking.then(
    () => expect.fail('The request should have failed.'),
    (reason: unknown) => reason,
  );
  expect(everythingOf(error)).not.toContain(KEY);
  if (!isModelError(error)) throw error;
  return { ...error, message: error.message };
}
