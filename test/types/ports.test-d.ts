/** What users implement themselves, written without a single `any`. */
import { expectTypeOf, test } from 'vitest';
import {
  Agent,
  type AgentInputItem,
  MemorySession,
  type Model,
  type ModelProvider,
  type ModelRequest,
  type ModelResponse,
  run,
  type RunContextAwareSession,
  Runner,
  type Session,
  type SessionRunContext,
  type StreamEvent,
  Usage,
} from '@baton/agents';
import {
  assistantMessage,
  functionCall,
  modelError,
  modelResponder,
  type RecordedModelCall,
  ScriptedModel,
} from '@baton/agents/testing';

class Echo implements Model {
  async getResponse({ input }: ModelRequest): Promise<ModelResponse> {
    const text = typeof input === 'string' ? input : `${input.length} items`;
    return { usage: new Usage(), output: [assistantMessage(text)] };
  }

  async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent> {
    yield { type: 'output_text_delta', delta: 'x' };
    const { output } = await this.getResponse(request);
    const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
    yield { type: 'response_done', response: { id: 'r', usage, output } };
  }
}

test('a model and a provider can be written as they are declared', async () => {
  const provider: ModelProvider = { getModel: (name) => (name === undefined ? new Echo() : new Echo()) };
  const later: ModelProvider = { getModel: async () => new Echo() };
  const runner = new Runner({ modelProvider: provider });
  expectTypeOf((await runner.run(new Agent({ name: 'A', model: new Echo() }), 'x')).finalOutput).toEqualTypeOf<
    string | undefined
  >();
  // @ts-expect-error -- a model streams, too
  const half: Model = { getResponse: async () => ({ usage: new Usage(), output: [] }) };
  return [later, half];
});

test('a scripted model is a model, and its calls are typed', () => {
  const model = new ScriptedModel([
    [functionCall('add', { a: 1 }, { callId: 'c' })],
    modelResponder((call) => {
      expectTypeOf(call).toEqualTypeOf<RecordedModelCall>();
      return [assistantMessage('x')];
    }),
    modelError(new Error('x')),
  ]);
  expectTypeOf(model).toExtend<Model>();
  expectTypeOf(model.lastCall?.request).toEqualTypeOf<Readonly<ModelRequest> | undefined>();
  // @ts-expect-error -- a text is no step
  return new ScriptedModel(['hello']);
});

test('a session can be written as it is declared, with or without the context of the run', async () => {
  const items: AgentInputItem[] = [];
  const session: Session = {
    getSessionId: async () => 's',
    getItems: async (limit) => items.slice(-(limit ?? items.length)),
    addItems: async (added) => void items.push(...added),
    popItem: async () => items.pop(),
    clearSession: async () => void items.splice(0),
  };
  const aware: RunContextAwareSession<{ tenant: string }> = {
    ...session,
    acceptsRunContext: true,
    async getItems(_limit, context) {
      expectTypeOf(context).toEqualTypeOf<SessionRunContext<{ tenant: string }> | undefined>();
      return items;
    },
  };
  const agent = new Agent({ name: 'A' });
  await run(agent, 'x', { session });
  await run(agent, 'x', { session: aware });
  await run(agent, 'x', { session: new MemorySession() });
});
