/**
 * Records what a model answers, and answers from the recording.
 *
 * C1: a replay never calls the model. C2: what the run gets while it records is what the model said; what is written is
 * redacted. C3: errors, and streams that break or are left, are recorded and replayed as such.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { adviceOf } from '../model/vendor-client.ts';
import type { Json } from '../protocol/json.ts';
import type { KeptFor, Model, ModelProvider, ModelRequest, ModelResponse, StreamEvent } from '../protocol/model.ts';
import { jsonOf } from '../run/errors.ts';
import { CassetteError } from './errors.ts';
import { normalForm } from './normal-form.ts';
import { type CassetteFileOptions, type CassetteMode, checkCassetteOptions, modeOf } from './options.ts';
import { Player, type Reading } from './player.ts';
import { createRedactor, type RedactionOptions, type Redactor } from './redaction.ts';
import { isAnAnswer, storedDone, storedError, storedResponse, toError, toEvents, toResponse } from './stored.ts';
import { Tape, tapeOf } from './tape.ts';
import {
  type CassetteData,
  isMembers,
  type ModelEntry,
  named,
  REQUEST_PARTS,
  type RequestPart,
  type RequestParts,
} from './types.ts';

type Shared = RedactionOptions & {
  /**
   * What of a request must be as recorded. `[]` compares nothing: answers come in the order of the recording.
   * @default all parts
   */
  matchOn?: readonly RequestPart[];
  timing?: CassetteFileOptions['timing'];
};
export type CassetteOptions =
  | (CassetteFileOptions &
      Shared & {
        /** Who is asked. A replay needs nobody, so it may be left out there. */
        model?: Model | ModelProvider;
      })
  | (Shared & {
      /** A cassette that is no file, from `cassetteOf`. It is replayed. */
      data: CassetteData;
    });

/** A model, and a provider of models, that answers from a cassette or records one. */
export type Cassette = Model &
  ModelProvider & {
    readonly mode: CassetteMode;
    /** Rejects with a CassetteError `cassette/unused` where entries were never asked for. */
    assertComplete(): Promise<void>;
  };

/**
 * Wraps a model, or a provider of models, in a cassette.
 *
 * @example
 * ```ts
 * import { Agent, run } from '@baton/agents';
 * import { cassette } from '@baton/agents/cassettes';
 * import { assistantMessage, ScriptedModel } from '@baton/agents/testing';
 *
 * const file = '/tmp/baton-docs/greeting.json';
 * const model = new ScriptedModel([[assistantMessage('Hello.')]]);
 * await run(new Agent({ name: 'A', model: cassette({ file, mode: 'record', model }) }), 'Hi');
 * const { finalOutput } = await run(new Agent({ name: 'A', model: cassette({ file, mode: 'replay' }) }), 'Hi');
 * console.log(finalOutput); // Hello.
 * ```
 * @throws CassetteError at once for options that cannot work; when a model is asked, for a file that is no cassette,
 * and for a request that is not on it (`CassetteMissError`)
 */
export function cassette(options: CassetteOptions): Cassette {
  checkCassetteOptions('cassette', options, OPTIONS);
  const onFile = 'file' in options ? options : undefined;
  const mode = onFile ? modeOf(onFile.mode) : 'replay';
  const inner = onFile?.model;
  if (!inner && mode !== 'replay') throw nobody(mode);
  const { matchOn = REQUEST_PARTS, timing = 'none' } = options;
  const odd = matchOn.find((part) => !REQUEST_PARTS.includes(part));
  if (odd !== undefined) {
    throw new CassetteError('cassette/options', `matchOn has "${odd}". It can be ${REQUEST_PARTS.join(', ')}.`);
  }
  const player = new Player({
    tape: 'file' in options ? tapeOf(options.file) : new Tape(undefined, options.data),
    name: 'file' in options ? options.file : '(data)',
    mode,
    reading: { ...READING, compared: matchOn },
  });
  const deck: Deck = { player, mode, timing, redactor: createRedactor(options), keptFor: onFile?.keptFor };
  const provider = inner && 'getModel' in inner ? inner : undefined;
  const own = inner && !('getModel' in inner) ? inner : undefined;
  return {
    mode,
    ...taped(deck, provider ? { find: async () => provider.getModel() } : ownModel(own)),
    getModel: (name) =>
      taped(deck, {
        ...(name !== undefined && { name }),
        ...(own ? ownModel(own) : { find: async () => provider?.getModel(name) }),
      }),
    assertComplete: () => player.assertComplete(),
  };
}

const OPTIONS = ['file', 'mode', 'timing', 'keptFor', 'redact', 'redactFields', 'matchOn', 'model', 'data'];

const READING: Omit<Reading<ModelEntry>, 'compared'> = {
  is: (entry): entry is ModelEntry => entry.kind === 'model',
  partsOf: ({ request }) => request,
  // Nobody knows what the answer would have been, so it is asked for again where that is possible.
  skips: ({ aborted }, mode) => aborted === true && mode === 'auto',
};

type Deck = {
  readonly player: Player<ModelEntry>;
  readonly mode: CassetteMode;
  readonly timing: 'none' | 'recorded';
  readonly redactor: Redactor;
  readonly keptFor: KeptFor | undefined;
};

/** Who is asked. Found when it is needed: a replay must not fail because a key is missing. */
type Inner = { name?: string; model?: Model | undefined; find: () => Promise<Model | undefined> };

const ownModel = (model: Model | undefined): Inner => ({ model, find: async () => model });

function taped(deck: Deck, inner: Inner): Model {
  const { model } = inner;
  return {
    ...(model?.origin && { origin: model.origin }),
    // A route must be told whose call it is: its attempts, and a budget for each of them. A replay asks for none.
    ...(model?.ownsRetry && { ownsRetry: true as const }),
    ...(model?.ownSettings && { ownSettings: model.ownSettings }),
    ...(model?.supportsPromptModelSelection && { supportsPromptModelSelection: true }),
    ...((deck.mode === 'record' || deck.mode === 'auto') && { keepsRequests: true as const }),
    getResponse: (request) => respond(deck, inner, request),
    getStreamedResponse: (request) => stream(deck, inner, { request, parts: partsOf(deck, inner, request) }),
    getRetryAdvice: async (query) => {
      const live = deck.mode === 'replay' ? undefined : await inner.find();
      if (live) return live.getRetryAdvice?.(query);
      const advice = adviceOf(query.error);
      // What the server asked to wait was waited for when it was recorded.
      return advice && deck.timing === 'none' && advice.retryAfterMs !== undefined
        ? { ...advice, retryAfterMs: 0 }
        : advice;
    },
  };
}

/** The request as it is compared and stored. Made before anything is awaited: the items belong to the run. */
function partsOf({ mode, redactor }: Deck, { name, model }: Inner, request: ModelRequest): RequestParts {
  if (mode === 'passthrough') return {};
  const parts = normalForm(request, name ?? model?.origin?.model);
  return redactParts(parts, redactor);
}

/** A request without secrets. The members of schemas are no data. */
export function redactParts(parts: RequestParts, redactor: Redactor): RequestParts {
  const clean: RequestParts = {};
  for (const part of REQUEST_PARTS) {
    const value = parts[part];
    if (value === undefined) continue;
    const isSchema = part === 'tools' || part === 'handoffs' || part === 'outputType';
    clean[part] = isSchema ? redactor.texts(value) : redactor.json(value);
  }
  return clean;
}

async function live({ mode }: Deck, inner: Inner): Promise<Model> {
  const model = await inner.find();
  if (model) return model;
  throw nobody(mode);
}

const nobody = (mode: CassetteMode): CassetteError =>
  new CassetteError('cassette/options', `The cassette has nobody to ask in mode "${mode}". Give it a model.`);

/** The recorded answer; `undefined` where the model is to be asked. @throws CassetteMissError */
async function recorded({ player, mode }: Deck, parts: RequestParts): Promise<ModelEntry | undefined> {
  await player.ready();
  if (mode === 'record') return undefined;
  const entry = player.take(parts);
  if (!entry && mode === 'replay') throw player.miss(parts, summaryOf(parts));
  return entry;
}

function summaryOf({ model, instructions, input }: RequestParts): string {
  const items = Array.isArray(input) ? input : [];
  const last = JSON.stringify(items.at(-1) ?? null);
  const told = typeof instructions === 'string' ? `, told ${JSON.stringify(instructions.slice(0, 60))}` : '';
  const whom = typeof model === 'string' ? `${model}, ` : '';
  return `${whom}${items.length} items${told}, the last one ${last.slice(0, 160)}${last.length > 160 ? '…' : ''}`;
}

async function respond(deck: Deck, inner: Inner, request: ModelRequest): Promise<ModelResponse> {
  const parts = partsOf(deck, inner, request);
  if (deck.mode === 'passthrough') return (await live(deck, inner)).getResponse(request);
  const entry = await recorded(deck, parts);
  if (entry) return replayed(deck, entry, request);
  const { player, redactor } = deck;
  const slot = player.reserve();
  const begun = performance.now();
  let model: Model | undefined;
  try {
    model = await live(deck, inner);
    const response = await model.getResponse(request);
    const stored = redactor.json(storedResponse(response));
    await player.fill(slot, {
      ...headOf(deck, model, { request, parts }),
      ...(isMembers(stored) && { response: stored }),
      ms: since(begun),
    });
    return response;
  } catch (error) {
    if (!slot.entry) await player.fill(slot, model && failed(deck, { model, parts, request, error, begun }));
    throw error;
  }
}

const since = (begun: number): number => Math.round(performance.now() - begun);

const headOf = ({ keptFor }: Deck, { origin }: Model, { request, parts }: Asked): ModelEntry => ({
  kind: 'model',
  ...(origin && { origin: { ...origin } }),
  ...named(keptFor ?? request.keptFor),
  request: parts,
});

type Failure = { model: Model; parts: RequestParts; request: ModelRequest; error: unknown; begun: number };

/** The entry for a call that failed; `undefined` where the failure says nothing about the request. */
function failed(deck: Deck, { model, parts, request, error, begun }: Failure): ModelEntry | undefined {
  const head = headOf(deck, model, { request, parts });
  if (request.signal?.aborted) return { ...head, aborted: true };
  if (!isAnAnswer(error)) return undefined;
  // Redaction changes texts only, so that the error keeps its form.
  const stored = deck.redactor.json(jsonOf(storedError(error))) as unknown as ModelEntry['error'];
  return { ...head, ...(stored && { error: stored }), ms: since(begun) };
}

async function replayed({ timing }: Deck, entry: ModelEntry, request: ModelRequest): Promise<ModelResponse> {
  request.signal?.throwIfAborted();
  if (timing === 'recorded' && entry.ms) await wait(entry.ms, undefined, { signal: request.signal });
  if (entry.error) throw toError(entry.error);
  if (entry.response) return toResponse(entry.response);
  if (entry.aborted) return untilAborted(request);
  throw new CassetteError('cassette/format', 'The recorded stream had no final response, so it is no plain answer.');
}

/** The caller went away when this was recorded, and is expected to do so again. */
function untilAborted({ signal }: ModelRequest): Promise<never> {
  if (!signal) {
    throw new CassetteError(
      'cassette/aborted',
      'This call was aborted by its caller when it was recorded, and has no answer. Record it again.',
    );
  }
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

type Asked = { request: ModelRequest; parts: RequestParts };

async function* stream(deck: Deck, inner: Inner, { request, parts }: Asked): AsyncGenerator<StreamEvent, void> {
  if (deck.mode === 'passthrough') {
    yield* (await live(deck, inner)).getStreamedResponse(request);
    return;
  }
  const entry = await recorded(deck, parts);
  if (entry) yield* replayedStream(deck, entry, request);
  else yield* recordedStream(deck, inner, { request, parts });
}

async function* replayedStream(
  { timing }: Deck,
  entry: ModelEntry,
  request: ModelRequest,
): AsyncGenerator<StreamEvent, void> {
  const { signal } = request;
  const begun = performance.now();
  const until = async (ms: number | undefined): Promise<void> => {
    signal?.throwIfAborted();
    const left = timing === 'recorded' && ms !== undefined ? begun + ms - performance.now() : 0;
    if (left > 0) await wait(left, undefined, { signal });
  };
  let n = 0;
  // A failure that came before the first event has none to show.
  const events = entry.events || entry.response ? toEvents(entry) : [];
  for (const event of events) {
    await until(entry.eventMs ? entry.eventMs[n++] : entry.ms);
    yield event;
  }
  await until(entry.ms);
  if (entry.error) throw toError(entry.error);
  if (entry.aborted) await untilAborted(request);
}

async function* recordedStream(deck: Deck, inner: Inner, asked: Asked): AsyncGenerator<StreamEvent, void> {
  const { player } = deck;
  const { request, parts } = asked;
  const slot = player.reserve();
  const begun = performance.now();
  const seen: StreamEvent[] = [];
  const eventMs: number[] = [];
  let model: Model | undefined;
  let outcome: ModelEntry | undefined;
  try {
    model = await live(deck, inner);
    // What is left in the middle was left by the caller; an end and an error are told apart below.
    outcome = { ...headOf(deck, model, { request, parts }), aborted: true };
    for await (const event of model.getStreamedResponse(request)) {
      seen.push(event);
      eventMs.push(since(begun));
      if (event.type === 'response_done') outcome = { ...headOf(deck, model, { request, parts }), ms: since(begun) };
      yield event;
    }
    outcome = { ...headOf(deck, model, { request, parts }), ms: since(begun) };
  } catch (error) {
    outcome = model && failed(deck, { model, parts, request, error, begun });
    throw error;
  } finally {
    await player.fill(slot, outcome && { ...outcome, ...storedEvents(deck, seen), eventMs });
  }
}

/** The events without secrets; what `response_done` carries is the response. */
function storedEvents({ redactor }: Deck, seen: readonly StreamEvent[]): Pick<ModelEntry, 'events' | 'response'> {
  let response: Json | undefined;
  const events = seen.map((event): Json => {
    if (event.type !== 'response_done') return jsonOf(event);
    const { response: done, ...rest } = event;
    response = storedDone(done);
    return jsonOf(rest);
  });
  const clean = redactor.sequence(events);
  const whole = response === undefined ? undefined : redactor.json(response);
  return { events: clean, ...(isMembers(whole) && { response: whole }) };
}
