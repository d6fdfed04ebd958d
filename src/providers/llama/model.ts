/** Runs a GGUF file with node-llama-cpp. No server, no network. */
import { randomUUID } from 'node:crypto';
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
import { Engine, type Ended, type EngineOptions, type Prompt } from './engine.ts';
import { Saying, toOutput } from './output.ts';
import { toTurns } from './prompt.ts';
import { replyForm, type ReplyForm } from './reply.ts';

/** What a `LlamaModel` loads with its first request. */
export class LocalModel implements Model {
  readonly origin: Origin;
  readonly #engine: Engine;

  constructor(options: EngineOptions, origin: Origin) {
    this.origin = origin;
    this.#engine = new Engine(options);
  }

  load(): Promise<void> {
    return this.#engine.load();
  }

  close(): Promise<void> {
    return this.#engine.close();
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
