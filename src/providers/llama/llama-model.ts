/** A model in this process: what is made at once. What runs it is model.ts. */
import { basename } from 'node:path';
import { LateModel } from '../../model/late-model.ts';
import { UserError } from '../../protocol/errors.ts';
import type { Origin } from '../../protocol/items.ts';
import type { Model, ModelRequest, ModelResponse, StreamEvent } from '../../protocol/model.ts';
import type { LocalModel } from './model.ts';
import type { LlamaLibrary } from './library.ts';

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
  readonly #late: LateModel<LocalModel>;

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
    const origin: Origin = Object.freeze({ provider: 'llama', api: 'node-llama-cpp', model: name });
    this.origin = origin;
    const engine = { modelPath, sha256, contextSize, threads, gpu, library };
    this.#late = new LateModel(async () => new (await import('./model.ts')).LocalModel(engine, origin));
  }

  /** Loads the model now rather than with the first request. */
  async load(): Promise<void> {
    await (await this.#late.load()).load();
  }

  /** Waits for the reply that is being written and frees the memory. A later request loads the model again. */
  async close(): Promise<void> {
    await (await this.#late.started)?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  getResponse(request: ModelRequest): Promise<ModelResponse> {
    return this.#late.getResponse(request);
  }

  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    return this.#late.getStreamedResponse(request);
  }
}
