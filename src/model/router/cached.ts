/** Answers of a route that come from its cache, and those that go into it. */
import type { ModelRequest, ModelResponse, StreamEvent } from '../../protocol/model.ts';
import {
  freshEvents,
  freshResponse,
  isRepeatable,
  keyOf,
  textOf,
  type KeptAnswer,
  type Outcome,
  type Place,
  type ResponseCache,
} from '../response-cache/index.ts';
import { answer } from './answer.ts';
import { events } from './answer-stream.ts';
import type { RouteCall } from './call.ts';
import type { CompiledRoute } from './targets.ts';

/** A whole answer, from the cache where it has one. */
export async function cachedAnswer(cache: ResponseCache, call: RouteCall): Promise<ModelResponse> {
  const place = await placeOf(cache, call);
  if (place.kind === 'hit') return freshResponse(place.answer, hit(call, place.answer));
  if (place.kind === 'alone') return answer(call);
  try {
    const response = await answer(call);
    place.done(isCut(response.providerData) ? 'unfit' : outcomeOf(call, response.output));
    return response;
  } catch (error) {
    place.done(call.request.signal?.aborted ? 'left' : 'unfit');
    throw error;
  }
}

/** A streamed answer, from the cache where it has one. */
export async function* cachedEvents(cache: ResponseCache, call: RouteCall): AsyncGenerator<StreamEvent> {
  const place = await placeOf(cache, call);
  if (place.kind === 'hit') return yield* freshEvents(place.answer, hit(call, place.answer));
  if (place.kind === 'alone') return yield* events(call);
  const source = new ReadAhead(call, place);
  try {
    for (;;) {
      const { done, value } = await source.next();
      if (done) return;
      yield value;
    }
  } finally {
    source.leave();
  }
}

type Result = IteratorResult<StreamEvent, undefined>;

/** A stream whose end others wait for: from then on it is read without its reader, who gets it at leisure. */
class ReadAhead {
  readonly #call: RouteCall;
  readonly #place: Extract<Place, { kind: 'first' }>;
  readonly #source: AsyncIterableIterator<StreamEvent, undefined>;
  /** Read, and not given yet. */
  readonly #ahead: Promise<Result>[] = [];
  #isOver = false;
  #isCut = false;

  constructor(call: RouteCall, place: Extract<Place, { kind: 'first' }>) {
    this.#call = call;
    this.#place = place;
    this.#source = events(call);
    void place.wanted.then(() => this.#readOn());
  }

  next(): Promise<Result> {
    return this.#ahead.shift() ?? this.#read();
  }

  /** The reader has all that it wants. */
  leave(): void {
    this.#done('left');
    void this.#source.return?.();
  }

  async #read(): Promise<Result> {
    try {
      const result = await this.#source.next();
      if (!result.done) this.#look(result.value);
      return result;
    } catch (error) {
      this.#done(this.#call.request.signal?.aborted ? 'left' : 'unfit');
      throw error;
    }
  }

  #look(event: StreamEvent): void {
    if (event.type === 'model') this.#isCut ||= isCut(event.event);
    if (event.type === 'response_done')
      this.#done(this.#isCut ? 'unfit' : outcomeOf(this.#call, event.response.output));
  }

  async #readOn(): Promise<void> {
    while (!this.#isOver) {
      const reading = this.#read();
      this.#ahead.push(reading);
      const { done } = await reading.catch(() => OVER);
      if (done) return;
    }
  }

  #done(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#place.done(outcome);
  }
}

const OVER: Result = { done: true, value: undefined };

const ALONE: Place = { kind: 'alone' };

async function placeOf(cache: ResponseCache, call: RouteCall): Promise<Place> {
  const { request, route, engine } = call;
  const tenant = tenantOf(cache, request);
  const identity = identityOf(route);
  if (tenant === undefined || !identity || !isRepeatable(request)) return ALONE;
  request.signal?.throwIfAborted();
  return cache.enter({
    tenant,
    key: keyOf(request, identity),
    signal: request.signal,
    waitMs: Math.min(engine.maxQueueMs, call.leftMs()),
    onFailure: (because) => engine.emit?.({ type: 'cache.failed', route: route.name, because }),
  });
}

function tenantOf({ options: { tenant } }: ResponseCache, request: ModelRequest): string | undefined {
  if (typeof tenant === 'function') return tenant(request);
  return tenant ?? request.call?.tenant ?? 'default';
}

/** Who may answer, and with which settings; `undefined` where that is not known by name. */
function identityOf({ name, targets }: CompiledRoute): unknown {
  const all = targets.map(({ key, settings }) => key !== undefined && [key, settings ?? null]);
  return all.includes(false) ? undefined : [name, all];
}

/** Reports an attempt that asked nobody. Gives what the answer's ids are derived from. */
function hit(call: RouteCall, { target, origin }: KeptAnswer): string {
  const { engine, route, request } = call;
  engine.emit?.({ type: 'cache.hit', route: route.name, target });
  const ms = call.elapsedMs();
  request.call?.onAttempt({ at: 0, ms, target, ...(origin && { origin }), nanoUsd: 0, cached: true });
  return request.call?.id ?? globalThis.crypto.randomUUID();
}

/** What a fallback said in a bad hour is not kept for better ones. */
function outcomeOf(call: RouteCall, output: ModelResponse['output']): { text: string } | 'unfit' {
  const { target } = call.answeredBy ?? {};
  if (!target || !call.route.main[0]?.targets.includes(target)) return 'unfit';
  const origin = target.origin();
  const text = textOf({ target: target.label, ...(origin && { origin }), output });
  return text === undefined ? 'unfit' : { text };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Chat Completions says only in its envelope that a limit ended the text. */
function isCut(raw: unknown): boolean {
  if (!isObject(raw) || !Array.isArray(raw['choices'])) return false;
  return raw['choices'].some((choice: unknown) => isObject(choice) && choice['finish_reason'] === 'length');
}
