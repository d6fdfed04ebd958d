/** A model in this process: a GGUF file, run by node-llama-cpp. No server, no network. */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { projectHistory } from '../../model/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Origin } from '../../protocol/items.ts';
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelSettings,
  StreamEvent,
  StreamEventResponseCompleted,
} from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { Engine, type Ended, type Prompt } from './engine.ts';
import type { LlamaLibrary } from './library.ts';
import { Saying, toOutput } from './output.ts';
import { toTurns } from './prompt.ts';
import { replyForm, type ReplyForm } from './reply.ts';

export type LlamaModelOptions = {
  /** A GGUF file of a model that was trained to chat. Its chat template is read from the file. */
  modelPath: string;
  /** The file's SHA-256 in hexadecimal. Where it is given, another file is never loaded. @default not checked */
  sha256?: string;
  /** Tokens of prompt and reply together; at most what the model was trained on. Memory grows with it. @default 4096 */
  contextSize?: number;
  /** Threads to compute with. Fewer are faster where the processors are shared. @default what the library finds */
  threads?: number;
  /** `false` computes on the processor only. @default 'auto' */
  gpu?: 'auto' | false;
  /** The name in `origin`, traces and prices. @default the file's name without `.gguf` */
  name?: string;
  /** node-llama-cpp, where it is not to be found by its name: `await import('node-llama-cpp')`. */
  library?: LlamaLibrary;
};

/**
 * A model in this process, through the optional peer `node-llama-cpp`. It is loaded by the first request, and held
 * until `close()`. Tool calls and structured output are forced by a grammar made from their schemas: what comes back
 * is always JSON with the right members. One reply is written at a time; others wait.
 *
 * Not for many users at once: put a server (vLLM, llama.cpp's) behind a preset instead.
 *
 * @throws LocalModelError (from a request or `load()`) when the library, the file or its hash is not as it should be
 */
export class LlamaModel implements Model {
  readonly origin: Origin;
  readonly #engine: Engine;

  /** @throws UserError for a size or a hash that cannot be one */
  constructor(options: LlamaModelOptions) {
    const { modelPath, sha256, contextSize = 4096, threads, gpu = 'auto', library } = options;
    if (!Number.isInteger(contextSize) || contextSize < 1) {
      throw new UserError(
        `LlamaModel: contextSize is ${contextSize}. It must be a whole number of tokens, such as 4096.`,
      );
    }
    if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
      throw new UserError(`LlamaModel: sha256 is ${JSON.stringify(sha256)}. It must be 64 hexadecimal digits.`);
    }
    const { name = basename(modelPath).replace(/\.gguf$/i, '') } = options;
    this.origin = Object.freeze({ provider: 'llama', api: 'node-llama-cpp', model: name });
    this.#engine = new Engine({ modelPath, sha256, contextSize, threads, gpu, library });
  }

  /** Loads the model now rather than with the first request. */
  load(): Promise<void> {
    return this.#engine.load();
  }

  /** Waits for the reply that is being written and frees the memory. A later request loads the model again. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    for await (const event of this.getStreamedResponse(request)) {
      if (event.type !== 'response_done') continue;
      const { id, usage, output } = event.response;
      return { responseId: id, usage: new Usage(usage), output };
    }
    // `getStreamedResponse` ends with `response_done` or throws.
    throw new UserError('The local model gave no answer.');
  }

  async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent, void, undefined> {
    const { prompt, form } = this.#prepare(request);
    const saying = new Saying(form);
    const pieces = this.#engine.write(prompt);
    let text = '';
    try {
      for (;;) {
        const { done, value } = await pieces.next();
        if (done) {
          const rest = saying.end();
          if (rest !== '') yield { type: 'output_text_delta', delta: rest };
          yield this.#completed(text, value, form);
          return;
        }
        if (text === '') yield { type: 'response_started' };
        text += value;
        const delta = saying.add(value);
        if (delta !== '') yield { type: 'output_text_delta', delta };
      }
    } finally {
      await pieces.return({ stop: 'end', inputTokens: 0, cachedTokens: 0, outputTokens: 0 });
    }
  }

  #prepare(request: ModelRequest): { prompt: Prompt; form: ReplyForm } {
    checkFeatures(request);
    const { input, systemInstructions: instructions, modelSettings: settings, signal } = request;
    const form = replyForm(request);
    const { provider, model } = this.origin;
    const capabilities = { images: false, files: false, audio: false, toolResultMedia: false, lateSystem: false };
    // `ai-sdk` is the wire that takes the least: plain messages, calls, and each result after its call.
    const { items } = projectHistory(input, { wire: 'ai-sdk', provider, model, capabilities });
    const turns = toTurns({ items, instructions, form });
    const { maxTokens } = settings;
    return { form, prompt: { turns, grammar: form.grammar, maxTokens, signal, ...samplingOf(settings) } };
  }

  #completed(text: string, ended: Ended, form: ReplyForm): StreamEventResponseCompleted {
    const { stop, inputTokens, cachedTokens, outputTokens } = ended;
    const output = toOutput({ text, stop, form, origin: this.origin });
    const usage = {
      requests: 1,
      inputTokens,
      outputTokens,
      totalTokens: inputTokens + outputTokens,
      inputTokensDetails: { cached_tokens: cachedTokens },
      outputTokensDetails: { reasoning_tokens: 0 },
    };
    return { type: 'response_done', response: { id: `llama_${randomUUID()}`, usage, output } };
  }
}

/** `providerData` holds the library's own words, such as `seed`, `topK` and `minP`. */
function samplingOf(settings: ModelSettings): Pick<Prompt, 'sampling' | 'penalties'> {
  const { temperature = 0, topP, frequencyPenalty, presencePenalty, providerData } = settings;
  const penalties =
    frequencyPenalty === undefined && presencePenalty === undefined
      ? undefined
      : {
          penalty: 1,
          ...(frequencyPenalty !== undefined && { frequencyPenalty }),
          ...(presencePenalty !== undefined && { presencePenalty }),
        };
  return { sampling: { temperature, ...(topP !== undefined && { topP }), ...providerData }, penalties };
}

function checkFeatures({ prompt, previousResponseId, conversationId }: ModelRequest): void {
  const asked = Object.entries({ prompt, previousResponseId, conversationId });
  const names = asked.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0) return;
  throw new UserError(
    `A local model keeps no prompts and no conversations, so ${names.join(' and ')} cannot be honored. ` +
      'Pass the whole history, or use a session.',
  );
}
