/** What the adapters get wrong, if anything: one scene a quirk, with a server that answers from a script. */
import type * as Baton from '../../src/index.ts';
import type { AgentInputItem } from '../../src/protocol/items.ts';
import type { ModelRequest, SerializedFunctionTool } from '../../src/protocol/model.ts';
import { wireProblem } from '../../src/testing/wire-validators/index.ts';

type Sdk = typeof Baton;
type Json = Record<string, unknown>;
/** Says what is wrong, or nothing. */
export type Scene = (sdk: Sdk) => Promise<string | undefined>;

const user: AgentInputItem = { type: 'message', role: 'user', content: 'Hi' };
const BASE: ModelRequest = {
  input: [user],
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
};
const tool: SerializedFunctionTool = {
  type: 'function',
  name: 'f',
  description: 'd',
  strict: true,
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
};

type Asking = { model?: string; capabilities?: object; request?: Partial<ModelRequest>; answer?: Json };

/** One call of an Anthropic model: what was sent, and what came back. */
async function claude(sdk: Sdk, { model = 'claude-sonnet-4-5', capabilities, request, answer }: Asking) {
  let body: Json = {};
  const fetch = (_url: string, { body: sent }: RequestInit): Promise<Response> => {
    body = JSON.parse(String(sent)) as Json;
    const said = { id: 'm', content: [{ type: 'text', text: 'ok' }], stop_reason: 'end_turn', usage: {}, ...answer };
    return Promise.resolve(Response.json(said));
  };
  const asked = new sdk.AnthropicModel({ apiKey: 'k', fetch }, model, capabilities ? { capabilities } : {});
  try {
    const { output, usage } = await asked.getResponse({ ...BASE, ...request });
    return { body, output, usage, problem: wireProblem('anthropic', body) };
  } catch (error) {
    return { body, error };
  }
}

const unless = (holds: boolean, problem: string): string | undefined => (holds ? undefined : problem);

const chatModel = (sdk: Sdk, response: () => Response): Baton.OpenAIChatCompletionsModel =>
  new sdk.OpenAIChatCompletionsModel(
    sdk.createOpenAIClient({ apiKey: 'k', fetch: () => Promise.resolve(response()) }),
    'm',
  );

export const SCENES = {
  thoughtsAfterSwitch: async (sdk) => {
    const origin = { provider: 'openai', api: 'openai-chat', model: 'other' };
    const input: AgentInputItem[] = [
      user,
      { type: 'function_call', callId: 'c', name: 'f', arguments: '{}', origin },
      { type: 'function_call_result', callId: 'c', name: 'f', status: 'completed', output: 'x' },
    ];
    const modelSettings = { reasoning: { effort: 'high' as const } };
    const { body } = await claude(sdk, { request: { input, tools: [tool], modelSettings } });
    return unless(body['thinking'] === undefined, 'thinks in the middle of a loop that was begun without thinking');
  },

  closedSchemas: async (sdk) => {
    const parameters = { type: 'object', properties: {}, required: [] } as never;
    const { body } = await claude(sdk, { request: { tools: [{ ...tool, parameters }] } });
    const [sent] = body['tools'] as { input_schema: Json }[];
    return unless(sent?.input_schema['additionalProperties'] === false, 'a strict schema is open');
  },

  formats: async (sdk) => {
    const schema = tool.parameters;
    const outputType = { type: 'json_schema' as const, name: 'o', strict: true, schema } as never;
    const { body } = await claude(sdk, { capabilities: { structured: false }, request: { outputType } });
    return unless(body['output_config'] === undefined, 'a model is held to a form that it does not know');
  },

  oneCallAtATime: async (sdk) => {
    const { body } = await claude(sdk, { request: { tools: [tool], modelSettings: { parallelToolCalls: false } } });
    return unless(JSON.stringify(body).includes('"disable_parallel_tool_use":true'), 'calls may come in parallel');
  },

  forcedTools: async (sdk) => {
    const modelSettings = { toolChoice: 'required', reasoning: { effort: 'high' as const } };
    const { body } = await claude(sdk, { request: { tools: [tool], modelSettings } });
    return unless((body['tool_choice'] as Json)['type'] === 'auto', 'a tool is forced while the model thinks');
  },

  cutCalls: async (sdk) => {
    const content = [{ type: 'tool_use', id: 't', name: 'f', input: {} }];
    const { error } = await claude(sdk, { request: { tools: [tool] }, answer: { content, stop_reason: 'max_tokens' } });
    return unless(error !== undefined, 'a call that was cut in two is handed out');
  },

  refusals: async (sdk) => {
    const { output } = await claude(sdk, { answer: { content: [], stop_reason: 'refusal' } });
    return unless(JSON.stringify(output).includes('"refusal"'), 'a refusal is no refusal');
  },

  usage: async (sdk) => {
    const usage = { input_tokens: 1, cache_read_input_tokens: 10, cache_creation_input_tokens: 100, output_tokens: 5 };
    const { usage: counted } = await claude(sdk, { answer: { usage } });
    return unless(counted?.inputTokens === 111, `cached tokens are not counted: ${String(counted?.inputTokens)}`);
  },

  sampling: async (sdk) => {
    const request = { modelSettings: { temperature: 0.5 } };
    const { body } = await claude(sdk, { model: 'claude-opus-4-8', request });
    return unless(body['temperature'] === undefined, 'a temperature goes to a model that refuses it');
  },

  tokenLimit: async (sdk) => (await claude(sdk, {})).problem,

  cacheMarks: async (sdk) => {
    const part = {
      type: 'input_text' as const,
      text: 'x',
      providerData: { anthropic: { cache_control: { type: 'ephemeral' } } },
    };
    const content = Array.from({ length: 6 }, () => part);
    const { body } = await claude(sdk, { request: { input: [{ type: 'message', role: 'user', content }] } });
    const marks = JSON.stringify(body).split('"cache_control"').length - 1;
    return unless(marks <= 4, `${marks} places are marked for the cache`);
  },

  errorsInStreams: async (sdk) => {
    const text =
      'data: {"id":"1","choices":[{"index":0,"delta":{"content":"H"}}]}\n\n' +
      'data: {"error":{"message":"overloaded"}}\n\ndata: [DONE]\n\n';
    const stream = (): Response => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
    try {
      for await (const event of chatModel(sdk, stream).getStreamedResponse(BASE))
        if (event.type === 'response_done') return 'an error inside of a stream is a good end';
      return 'the stream has no end';
    } catch {
      return undefined;
    }
  },

  emptyArguments: async (sdk) => {
    const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '' } }];
    const message = { role: 'assistant', content: null, tool_calls: calls };
    const body = { id: '1', choices: [{ index: 0, finish_reason: 'tool_calls', message }] };
    const { output } = await chatModel(sdk, () => Response.json(body)).getResponse(BASE);
    return unless(output[0]?.type === 'function_call' && output[0].arguments === '{}', 'no arguments are no JSON');
  },
} satisfies Record<string, Scene>;
