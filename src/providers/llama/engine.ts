/**
 * A loaded model that writes one reply at a time.
 *
 * Invariants: L1 the file is read, checked and loaded on first use, once; a failure is told and tried again next time.
 * L2 one reply is written at a time, others wait their turn and can leave the line. L3 a prompt that begins like the
 * one before is not read again: only the rest is. L4 nothing is dropped from a prompt to make it fit.
 */
import { access } from 'node:fs/promises';
import { ModelError } from '../../wire/index.ts';
import { fileSha256 } from './file.ts';
import { LocalModelError } from './errors.ts';
import { loadLibrary } from './library.ts';
import type { ChatTurn, ChatWrapper, Llama, LlamaLibrary, LlamaSequence, LoadedModel, Token } from './library.ts';

export type EngineOptions = {
  readonly modelPath: string;
  readonly sha256: string | undefined;
  readonly contextSize: number;
  readonly threads: number | undefined;
  readonly gpu: 'auto' | false;
  readonly library: LlamaLibrary | undefined;
};

export type Prompt = {
  readonly turns: ChatTurn[];
  readonly grammar: string | undefined;
  readonly maxTokens: number | undefined;
  /** Sampling, in the library's words. `penalties` are those that need to know what was written. */
  readonly sampling: object;
  readonly penalties: object | undefined;
  readonly signal: AbortSignal | undefined;
};
export type Ended = {
  readonly stop: 'end' | 'max-tokens';
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
};

type Loaded = {
  readonly library: LlamaLibrary;
  readonly llama: Llama;
  readonly model: LoadedModel;
  readonly wrapper: ChatWrapper;
  readonly sequence: LlamaSequence;
  readonly contextSize: number;
};

export class Engine {
  readonly #options: EngineOptions;
  #loading: Promise<Loaded> | undefined;
  #line: Promise<void> = Promise.resolve();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    await this.#load();
  }

  /** Waits for the reply that is being written, then frees the memory. */
  async close(): Promise<void> {
    const [line, loading] = [this.#line, this.#loading];
    this.#loading = undefined;
    await line;
    const loaded = await loading?.catch(() => undefined);
    await loaded?.llama.dispose();
  }

  #load(): Promise<Loaded> {
    this.#loading ??= load(this.#options).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** The reply, piece by piece. @throws the signal's reason; ModelError `model/context_window` */
  async *write(prompt: Prompt): AsyncGenerator<string, Ended, void> {
    const { signal } = prompt;
    let leave = (): void => undefined;
    const left = new Promise<void>((resolve) => (leave = resolve));
    const before = this.#line;
    // Whoever leaves the line early must not let the next one in early.
    this.#line = before.then(() => left);
    let done: Promise<unknown> = Promise.resolve();
    try {
      signal?.throwIfAborted();
      const loaded = await abortable(this.#load(), signal);
      await abortable(before, signal);
      const writing = new Writing(loaded, prompt);
      try {
        return yield* writing.pieces();
      } finally {
        // A token that is being computed cannot be stopped. Nobody waits for it but the next reply.
        done = writing.stop();
      }
    } finally {
      void done.catch(() => undefined).then(leave);
    }
  }
}

async function load({ modelPath, sha256, contextSize, threads, gpu, library: given }: EngineOptions): Promise<Loaded> {
  const library = given ?? (await loadLibrary());
  await access(modelPath).catch((error: unknown) => {
    throw new LocalModelError(
      'local-model/no-file',
      `There is no model at ${modelPath}. Set modelPath to a GGUF file; downloadModel() fetches one.`,
      error,
    );
  });
  if (sha256 !== undefined) await checkSha256(modelPath, sha256);
  // Never built from source: that takes minutes and a compiler, and nobody asked for it.
  const options = { gpu, build: 'never', progressLogs: false, logLevel: 'error' };
  const llama = await library.getLlama({ ...options, ...(threads !== undefined && { maxThreads: threads }) });
  try {
    const model = await llama.loadModel({ modelPath });
    const size = Math.min(contextSize, model.trainContextSize);
    const context = await model.createContext({ contextSize: size, ...(threads !== undefined && { threads }) });
    const wrapper = library.resolveChatWrapper(model);
    return { library, llama, model, wrapper, sequence: context.getSequence(), contextSize: context.contextSize };
  } catch (error) {
    await llama.dispose();
    throw new LocalModelError(
      'local-model/unreadable',
      `The model ${modelPath} cannot be loaded with a context of ${contextSize} tokens: ${messageOf(error)}`,
      error,
    );
  }
}

async function checkSha256(path: string, expected: string): Promise<void> {
  const found = await fileSha256(path);
  if (found === expected.toLowerCase()) return;
  throw new LocalModelError(
    'local-model/checksum',
    `The model ${path} has the SHA-256 ${found}, not ${expected}. It is another file or a damaged one: fetch it again.`,
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class Writing {
  readonly #loaded: Loaded;
  readonly #prompt: Prompt;
  #busy: Promise<unknown> = Promise.resolve();
  #tokens: AsyncGenerator<Token, void, void> | undefined;

  constructor(loaded: Loaded, prompt: Prompt) {
    this.#loaded = loaded;
    this.#prompt = prompt;
  }

  async *pieces(): AsyncGenerator<string, Ended, void> {
    const { model, wrapper, sequence, contextSize } = this.#loaded;
    const { turns, maxTokens = Infinity } = this.#prompt;
    const input = wrapper.generateContextState({ chatHistory: turns }).contextText.tokenize(model.tokenizer);
    if (input.length >= contextSize) throw tooLong(`The conversation has ${input.length} tokens`, contextSize, false);
    // The last token is read anew, because the first written one follows from it.
    await this.#wait(sequence.adaptStateToTokens(input.slice(0, -1), false));
    const cachedTokens = sequence.nextTokenIndex;
    const text = new TokenText(model, input);
    this.#tokens = sequence.evaluate(input.slice(cachedTokens), await this.#options(text.written));
    const counts = () => ({ inputTokens: input.length, cachedTokens, outputTokens: text.written.length });
    for (;;) {
      const next = await this.#wait(this.#tokens.next());
      if (next.done) break;
      const piece = text.add(next.value);
      if (piece !== '') yield piece;
      if (text.written.length >= maxTokens) {
        yield text.rest();
        return { stop: 'max-tokens', ...counts() };
      }
      if (input.length + text.written.length >= contextSize) {
        throw tooLong(
          `The conversation has ${input.length} tokens and the reply more than the rest`,
          contextSize,
          true,
        );
      }
    }
    yield text.rest();
    return { stop: 'end', ...counts() };
  }

  /** Ends the computation. Settles when the sequence is free again. */
  async stop(): Promise<void> {
    await this.#busy.catch(() => undefined);
    await this.#tokens?.return();
  }

  async #options(written: Token[]): Promise<object> {
    const { library, llama, model } = this.#loaded;
    const { grammar, sampling, penalties } = this.#prompt;
    const compiled = grammar === undefined ? undefined : await llama.createGrammar({ grammar });
    return {
      ...sampling,
      ...(penalties && { repeatPenalty: { ...penalties, punishTokens: () => written } }),
      ...(compiled && {
        grammarEvaluationState: new library.LlamaGrammarEvaluationState({ model, grammar: compiled }),
      }),
    };
  }

  async #wait<T>(work: Promise<T>): Promise<T> {
    this.#busy = work;
    const { signal } = this.#prompt;
    try {
      return await abortable(work, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ModelError(
        `The local model failed: ${messageOf(error)}`,
        { kind: 'server', retryable: false, responseStarted: true },
        error,
      );
    }
  }
}

function tooLong(what: string, contextSize: number, responseStarted: boolean): ModelError {
  return new ModelError(
    `${what}; the context of the local model holds ${contextSize}. ` +
      'Send less history, set maxTokens, or give LlamaModel a larger contextSize.',
    { kind: 'context_window', retryable: false, responseStarted },
  );
}

/** Tokens as text. A character may take several: it is handed out when it is whole. */
class TokenText {
  readonly written: Token[] = [];
  readonly #model: LoadedModel;
  readonly #before: Token[];
  #pending: Token[] = [];

  constructor(model: LoadedModel, input: readonly Token[]) {
    this.#model = model;
    this.#before = input.slice(-LOOK_BACK);
  }

  add(token: Token): string {
    this.written.push(token);
    this.#pending.push(token);
    const text = this.#text();
    if (text.endsWith('\uFFFD') && this.#pending.length < LONGEST) return '';
    this.#take();
    return text;
  }

  /** What was not whole when the reply ended. */
  rest(): string {
    const text = this.#pending.length > 0 ? this.#text() : '';
    this.#take();
    return text;
  }

  #text(): string {
    return this.#model.detokenize(this.#pending, true, this.#before);
  }

  #take(): void {
    this.#before.push(...this.#pending);
    if (this.#before.length > LOOK_BACK) this.#before.splice(0, this.#before.length - LOOK_BACK);
    this.#pending = [];
  }
}

const LOOK_BACK = 16;
/** Of four bytes, each may be a token; a replacement character that is meant passes after as many. */
const LONGEST = 4;

/** The promise, or the signal's reason if that comes first. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason)));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
