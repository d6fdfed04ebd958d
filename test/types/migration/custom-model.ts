import {
  Agent,
  type AssistantMessageItem,
  type Model,
  type ModelProvider,
  type ModelRequest,
  type ModelResponse,
  type ModelSettings,
  Runner,
  type SerializedTool,
  setDefaultModelProvider,
  type StreamEvent,
  Usage,
} from '@openai/agents';

export class EchoModel implements Model {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const output = [this.#reply(request)];
    return { usage: new Usage({ inputTokens: 1, outputTokens: 2, totalTokens: 3 }), output, responseId: this.#name };
  }

  async *getStreamedResponse(request: ModelRequest): AsyncIterable<StreamEvent> {
    yield { type: 'response_started' };
    const message = this.#reply(request);
    for (const part of message.content) {
      if (part.type === 'output_text') yield { type: 'output_text_delta', delta: part.text };
    }
    yield {
      type: 'response_done',
      response: {
        id: this.#name,
        output: [message],
        usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
      },
    };
  }

  #reply({
    input,
    systemInstructions,
    modelSettings,
    tools,
    outputType,
    handoffs,
    signal,
  }: ModelRequest): AssistantMessageItem {
    const last = typeof input === 'string' ? input : JSON.stringify(input.at(-1));
    const names = tools.map(nameOf).concat(handoffs.map((each) => each.toolName));
    const format = outputType === 'text' ? 'text' : outputType.name;
    const text = [last, systemInstructions, settingsText(modelSettings), names, format, signal?.aborted].join('\n');
    return { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text }] };
  }
}

const nameOf = (each: SerializedTool): string => (each.type === 'function' ? each.name : each.type);
const settingsText = ({ temperature, toolChoice, providerData }: ModelSettings): string =>
  `${temperature} ${toolChoice} ${JSON.stringify(providerData)}`;

export class EchoProvider implements ModelProvider {
  async getModel(modelName?: string): Promise<Model> {
    return new EchoModel(modelName ?? 'echo');
  }
}

export async function main(): Promise<void> {
  setDefaultModelProvider(new EchoProvider());
  const runner = new Runner({ modelProvider: new EchoProvider(), model: 'echo-2' });
  const result = await runner.run(new Agent({ name: 'Echo', instructions: 'Echo.', model: new EchoModel('x') }), 'Hi');
  console.log(result.finalOutput);
}
