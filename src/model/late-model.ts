/**
 * A model whose code is loaded by its first request: most programs ask one vendor, and name none of the others.
 *
 * What can be wrong with its options is said by whoever makes it, at once.
 */
import type {
  Model,
  ModelRequest,
  ModelResponse,
  ModelRetryAdvice,
  ModelRetryAdviceRequest,
  StreamEvent,
} from '../protocol/model.ts';

/** What is loaded, and hands out its streams as iterators. */
export type Loadable = Omit<Model, 'getStreamedResponse' | 'getRetryAdvice'> & {
  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent>;
  getRetryAdvice?(args: ModelRetryAdviceRequest): ModelRetryAdvice | undefined;
};

/** At once where the model is loaded. */
export type LateAdvice = Promise<ModelRetryAdvice | undefined> | ModelRetryAdvice | undefined;

export class LateModel<Loaded extends Loadable> {
  readonly #make: () => Promise<Loaded>;
  #loading: Promise<Loaded> | undefined;
  #model: Loaded | undefined;

  /** @param make loads the code with a dynamic `import()`, and makes the model */
  constructor(make: () => Promise<Loaded>) {
    this.#make = make;
  }

  /** The model, loaded where it was not. */
  load(): Promise<Loaded> {
    return (this.#loading ??= this.#make().then((model) => (this.#model = model)));
  }

  /** The model where it was asked for, loaded or about to be. */
  get started(): Promise<Loaded> | undefined {
    return this.#loading;
  }

  getResponse(request: ModelRequest): Promise<ModelResponse> {
    return this.#model?.getResponse(request) ?? this.load().then((model) => model.getResponse(request));
  }

  /** Once the model is there, nothing stands between its stream and who reads it. */
  getStreamedResponse(request: ModelRequest): AsyncIterableIterator<StreamEvent> {
    return this.#model?.getStreamedResponse(request) ?? new FirstStream(this.load(), request);
  }

  /** Asked of errors that another model threw too, such as one whose recording is replayed. */
  getRetryAdvice(args: ModelRetryAdviceRequest): LateAdvice {
    if (this.#model) return this.#model.getRetryAdvice?.(args);
    return this.load().then((model) => model.getRetryAdvice?.(args));
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** By hand, because a generator that waits for an event cannot be left before it comes. */
class FirstStream implements AsyncIterableIterator<StreamEvent> {
  readonly #opening: Promise<AsyncIterableIterator<StreamEvent>>;
  #stream: AsyncIterableIterator<StreamEvent> | undefined;
  #isLeft = false;

  constructor(loading: Promise<Loadable>, request: ModelRequest) {
    this.#opening = loading.then((model) => (this.#stream = model.getStreamedResponse(request)));
    // Whoever asks for an event is told why there is none.
    this.#opening.catch(() => undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<StreamEvent>> {
    const stream = this.#stream ?? (await this.#opening);
    return this.#isLeft ? END : stream.next();
  }

  async return(): Promise<IteratorResult<StreamEvent>> {
    this.#isLeft = true;
    await this.#stream?.return?.();
    return END;
  }
}
