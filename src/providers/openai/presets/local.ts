/** Servers that run models on machines of your own. They need no key unless they were started with one. */
import { UserError } from '../../../protocol/errors.ts';
import type { ModelRequest, ModelResponse, StreamEvent } from '../../../protocol/model.ts';
import { OpenAIChatCompletionsModel } from '../chat/model.ts';
import type { Json } from '../json.ts';
import { chooseByOffering } from './dialects.ts';
import { callsAsSchema, readCalls, streamCalls } from './llama-calls.ts';
import { presetArguments, type Preset, type PresetModelOptions } from './preset.ts';

/** Chat templates take one system message, at the start; files and sound go through no such server. */
const TEMPLATED = { lateSystem: false, files: false, audio: false };

export const OLLAMA: Preset = {
  provider: 'ollama',
  dialect: { name: 'Ollama', request: chooseByOffering },
  baseURL: { variable: 'OLLAMA_BASE_URL', otherwise: 'http://localhost:11434/v1' },
  key: { variable: 'OLLAMA_API_KEY', required: false },
  history: TEMPLATED,
};

export const VLLM: Preset = {
  provider: 'vllm',
  dialect: { name: 'vLLM' },
  baseURL: { variable: 'VLLM_BASE_URL', otherwise: 'http://localhost:8000/v1' },
  key: { variable: 'VLLM_API_KEY', required: false },
  history: TEMPLATED,
};

export const LM_STUDIO: Preset = {
  provider: 'lmstudio',
  // "Invalid tool_choice type: 'object'": github.com/lmstudio-ai/docs/issues/177.
  dialect: { name: 'LM Studio', request: chooseByOffering },
  baseURL: { variable: 'LMSTUDIO_BASE_URL', otherwise: 'http://localhost:1234/v1' },
  key: { variable: 'LMSTUDIO_API_KEY', required: false },
  history: TEMPLATED,
};

export const LLAMA_CPP: Preset = {
  provider: 'llama.cpp',
  // With a `response_format` its grammar is that of the answer: it never calls a tool.
  dialect: { name: 'llama.cpp', request: forLlamaServer, finalTool: true },
  baseURL: { variable: 'LLAMA_CPP_BASE_URL', otherwise: 'http://localhost:8080/v1' },
  key: { variable: 'LLAMA_API_KEY', required: false },
  history: TEMPLATED,
};

/** Calls in parallel must be asked for: github.com/ggml-org/llama.cpp/pull/15647. */
function forLlamaServer(body: Json): Json {
  const chosen = chooseByOffering(body);
  return chosen['tools'] === undefined ? chosen : { parallel_tool_calls: true, ...chosen };
}

/** A model of Ollama, at http://localhost:11434/v1. Its context is short unless the server is told otherwise. */
export class OllamaModel extends OpenAIChatCompletionsModel {
  constructor(options: PresetModelOptions) {
    super(...presetArguments(OLLAMA, options));
  }
}

/** A model of vLLM, at http://localhost:8000/v1. Tools need the server's `--enable-auto-tool-choice`. */
export class VLLMModel extends OpenAIChatCompletionsModel {
  constructor(options: PresetModelOptions) {
    super(...presetArguments(VLLM, options));
  }
}

/** A model of LM Studio, at http://localhost:1234/v1. */
export class LMStudioModel extends OpenAIChatCompletionsModel {
  constructor(options: PresetModelOptions) {
    super(...presetArguments(LM_STUDIO, options));
  }
}

export type LlamaCppModelOptions = PresetModelOptions & {
  /**
   * Who sees to it that calls are calls. `'server'`: the server, by the model's chat template, which must know tools, and
   * by `tool_choice`, which versions of the server keep to or do not. `'schema'`: this adapter, for models and versions
   * that do not: tools go out as the schema of the answer, one call a reply; the text of a stream comes in one piece.
   * Schemas with `$ref` are left to the server. @default 'server'
   */
  calls?: 'server' | 'schema';
};

/** A model of llama.cpp's `llama-server`, at http://localhost:8080/v1. */
export class LlamaCppModel extends OpenAIChatCompletionsModel {
  readonly #bySchema: boolean;

  /** @throws UserError without a model, or with calls by nobody that is known */
  constructor({ calls = 'server', ...options }: LlamaCppModelOptions) {
    if (!['server', 'schema'].includes(calls)) {
      throw new UserError(`A llama.cpp model got calls: ${JSON.stringify(calls)}. Give 'server' or 'schema'.`);
    }
    super(...presetArguments(LLAMA_CPP, options));
    this.#bySchema = calls === 'schema';
  }

  override async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const asked = this.#bySchema ? callsAsSchema(request) : undefined;
    const response = await super.getResponse(asked?.request ?? request);
    return asked?.calls ? { ...response, output: readCalls(response.output) } : response;
  }

  override getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    const asked = this.#bySchema ? callsAsSchema(request) : undefined;
    const events = super.getStreamedResponse(asked?.request ?? request);
    return asked?.calls ? streamCalls(events) : events;
  }
}
