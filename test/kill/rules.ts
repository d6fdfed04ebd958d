/**
 * A model that answers by rules: what it says follows from the conversation that it is shown, and from nothing else.
 *
 * Each answer has a key, made from what was asked; it is the response's id, so that the log says what was answered.
 */
import {
  type AgentOutputItem,
  type Model,
  type ModelRequest,
  type ModelResponse,
  type StreamEvent,
  Usage,
} from '../../src/index.ts';
import { assistantMessage, functionCall } from '../../src/testing/index.ts';
import { chance, hash, type Random, random, times, upTo } from './random.ts';
import { acting, type Reach } from './reach.ts';

export type RuleOptions = {
  seed: number;
  agent: string;
  /** Whether it may call tools that do not exist. */
  unknownTools: boolean;
  /** Is told of each request, by its key. */
  reach: Reach;
};

export class RuleModel implements Model {
  readonly #options: RuleOptions;

  constructor(options: RuleOptions) {
    this.#options = options;
  }

  getResponse(request: ModelRequest): Promise<ModelResponse> {
    return acting(this.#options.reach, 'model', () => this.#respond(request));
  }

  async #respond(request: ModelRequest): Promise<ModelResponse> {
    const { seed, agent, reach } = this.#options;
    const text = JSON.stringify(request.input);
    const key = `${agent}-${hash(`${seed} ${agent} ${request.systemInstructions ?? ''} ${text}`).toString(16)}-${text.length}`;
    reach.performed(`model ${key}`);
    await ticks(1);
    const r = random(hash(key));
    if (chance(r, 0.01)) throw new Error(`model failed: ${key}`);
    const usage = new Usage({ requests: 1, inputTokens: upTo(r, 50), outputTokens: upTo(r, 9), totalTokens: 60 });
    return { usage, output: this.#answer(r, request, key), responseId: key };
  }

  async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent> {
    yield { type: 'response_started' };
    const { usage, output, responseId = '' } = await this.getResponse(request);
    yield { type: 'output_text_delta', delta: '…' };
    const { requests, inputTokens, outputTokens, totalTokens } = usage;
    yield {
      type: 'response_done',
      response: { id: responseId, usage: { requests, inputTokens, outputTokens, totalTokens }, output },
    };
  }

  #answer(r: Random, request: ModelRequest, key: string): AgentOutputItem[] {
    const offers = [
      ...request.tools.flatMap((tool) =>
        tool.type === 'function' ? [{ name: tool.name, properties: tool.parameters.properties }] : [],
      ),
      ...request.handoffs.map(({ toolName, inputJsonSchema }) => ({
        name: toolName,
        properties: inputJsonSchema.properties,
      })),
    ];
    const results = Array.isArray(request.input)
      ? request.input.filter(({ type }) => type === 'function_call_result').length
      : 0;
    if (offers.length === 0 || chance(r, 0.12 + 0.13 * results)) return [final(r, request, key)];
    const calls = times(1 + upTo(r, 2), (i) => {
      const { name, properties } = offers[Math.floor(r() * offers.length)] ?? { name: 'none', properties: {} };
      const args = Object.fromEntries(Object.keys(properties).map((property) => [property, `${key}.${i}`]));
      if (this.#options.unknownTools && chance(r, 0.08))
        return functionCall('no_such_tool', {}, { callId: `${key}/${i}` });
      return functionCall(name, chance(r, 0.04) ? '{"x":' : args, { callId: `${key}/${i}` });
    });
    const first = calls[0];
    const twice = first && chance(r, 0.04) ? [...calls, first] : calls;
    return chance(r, 0.3) ? [assistantMessage(`I look: ${key}`), ...twice] : twice;
  }
}

function final(r: Random, { outputType }: ModelRequest, key: string): AgentOutputItem {
  if (chance(r, 0.04)) {
    return {
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'refusal', refusal: `no: ${key}` }],
    };
  }
  if (outputType === 'text') return assistantMessage(`answer ${key}`);
  return assistantMessage(chance(r, 0.25) ? `not json ${key}` : JSON.stringify({ answer: key }));
}

/** Lets the event loop turn: work of n ticks that begins now ends after work of fewer ticks. */
export async function ticks(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
