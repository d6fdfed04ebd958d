/**
 * A segment of a run as it is kept for whoever derives its spans later, elsewhere or never: its events, and what no
 * event tells (which tools were offered, what was sent, names).
 *
 * G1: entries are never changed, and no span is made of them here. Spans that are derived of them are those that a live
 *     reader of the same segment makes: same tree, ids, times, errors, usage and content.
 */
import { apply, type Committed, type Effect, initialState, type Segment, type State } from '../kernel/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import type { ModelSettings, Origin } from '../protocol/model.ts';
import { configOf, modelSent } from './read-model.ts';
import { cutOff, read } from './reader.ts';
import { newReading, openSpan, type Reading } from './reading.ts';
import type { AgentFacts, SentFacts, TracedRun } from './run-tracer.ts';
import type { SpanListener } from './span.ts';
import type { SpanError, TracingProcessor } from './types.ts';

/** A model call was sent. What is absent is as it was with the call before. */
type Sent = {
  readonly type: 'trace.sent';
  readonly id: string;
  readonly offer?: Pick<SentFacts, 'tools' | 'handoffs'>;
  readonly to?: { readonly model?: string | undefined; readonly origin?: Origin | undefined };
  readonly settings?: ModelSettings;
  /** Null: there are none. */
  readonly instructions?: string | null;
  /** Absent: the history as it stands. Else ranges of it, and items that are not of it. */
  readonly input?: string | readonly (Range | AgentInputItem)[];
};
type Range = readonly [from: number, to: number];

/**
 * What is known of an agent, by its key; the name of a guardrail that is asked; what user code says went wrong in a span
 * that is open; that nothing more comes.
 */
type Known =
  | { readonly type: 'trace.agent'; readonly agent: string; readonly facts: AgentFacts }
  | { readonly type: 'trace.check'; readonly id: string; readonly name: string }
  | { readonly type: 'trace.error'; readonly span: string; readonly error: SpanError | null }
  | { readonly type: 'trace.cut' };

export type Entry = Committed | Sent | Known;

/** A segment that is kept. */
export type KeptSegment = {
  readonly runId: string;
  readonly segment: Segment;
  /** The run that this one is within: whose call it carries out, or whose tool began it. */
  readonly parentRunId: string | undefined;
  /** Grows while the segment goes on. */
  readonly entries: readonly Entry[];
  /** What an agent is called, by its key. */
  nameOf(key: string): string;
};

/** Hears of a kept segment. */
export type SegmentKeeper = {
  /** An event was added, and others before it that tell of it. */
  heard(event: Committed, state: State): void;
  /** A model call was sent. */
  sent(id: string, facts: SentFacts): void;
  /** Nothing more comes. */
  over(): void;
};

/** On a processor that keeps segments in place of spans. It is told of other spans all the same. */
export const KEEPS_SEGMENTS: unique symbol = Symbol('keeps segments');
export type KeepsSegments = { [KEEPS_SEGMENTS](segment: KeptSegment): SegmentKeeper };

export const keepsSegments = (processor: TracingProcessor): processor is TracingProcessor & KeepsSegments =>
  KEEPS_SEGMENTS in processor;

/** Collects the entries of a segment that begins a run. */
export class SegmentLog implements KeptSegment {
  readonly runId: string;
  readonly segment: Segment;
  readonly parentRunId: string | undefined;
  readonly entries: Entry[] = [];
  readonly #run: Pick<TracedRun, 'agent' | 'check'>;
  /** Keys of agents that are known, and what they are called. There are few of them in one run. */
  readonly #keys: string[] = [];
  readonly #names: string[] = [];
  #state: State = initialState();
  #last: SentFacts | undefined;
  #isOver = false;

  constructor(run: TracedRun, segment: Segment, parentRunId: string | undefined) {
    this.runId = run.runId;
    this.segment = segment;
    this.parentRunId = parentRunId;
    this.#run = run;
  }

  event(event: Committed, state: State): void {
    switch (event.type) {
      case 'effect.requested':
        this.#knowAgent(state.agent);
        if (event.effect.do === 'check') this.#knowCheck(event.effect, state);
        this.entries.push(event);
        break;
      case 'model.replied':
        for (const { to } of event.calls ?? []) if (to !== undefined) this.#knowAgent(to);
        this.entries.push(withoutEcho(event));
        break;
      case 'agent.changed':
      case 'handoff.returned':
        this.#knowAgent(event.to);
        this.entries.push(event);
        break;
      case 'run.finished':
      case 'run.failed':
      case 'run.cancelled':
      case 'run.paused':
        this.#isOver = true;
        this.entries.push(event);
        break;
      default:
        this.entries.push(event);
    }
    this.#state = state;
  }

  sent(id: string, facts: SentFacts): void {
    this.entries.push(this.#sentEntry(id, facts));
    this.#last = facts;
  }

  /** Nothing more comes, whether the run said so or not. */
  close(): void {
    if (!this.#isOver) this.entries.push({ type: 'trace.cut' });
    this.#isOver = true;
  }

  nameOf(key: string): string {
    return this.#names[this.#keys.indexOf(key)] ?? key;
  }

  /** Of an effect that was requested, the newest one with this id. */
  attemptOf(id: string): number | undefined {
    for (let n = this.entries.length - 1; n >= 0; n--) {
      const entry = this.entries[n];
      if (entry?.type === 'effect.requested' && entry.effect.id === id) return entry.effect.attempt ?? 1;
    }
    return undefined;
  }

  #sentEntry(id: string, facts: SentFacts): Sent {
    const last = this.#last;
    const { request, model, origin, tools, handoffs } = facts;
    const entry: { -readonly [K in keyof Sent]: Sent[K] } = { type: 'trace.sent', id };
    if (!last || !isSameList(last.tools, tools) || !isSameList(last.handoffs, handoffs))
      entry.offer = { tools, handoffs };
    if (!last || last.model !== model || !isSame(last.origin, origin)) entry.to = { model, origin };
    if (!last || !isSame(last.request.modelSettings, request.modelSettings))
      entry.settings = configOf(request.modelSettings);
    if (!last || last.request.systemInstructions !== request.systemInstructions) {
      entry.instructions = request.systemInstructions ?? null;
    }
    const input = inputEntry(request.input, this.#state);
    if (input !== undefined) entry.input = input;
    return entry;
  }

  #knowAgent(key: string): void {
    if (this.#keys.includes(key)) return;
    const facts = this.#run.agent(key);
    this.#keys.push(key);
    this.#names.push(facts?.name ?? key);
    if (facts) this.entries.push({ type: 'trace.agent', agent: key, facts });
  }

  #knowCheck(effect: Extract<Effect, { do: 'check' }>, state: State): void {
    const name = this.#run.check(effect, state);
    if (name !== undefined) this.entries.push({ type: 'trace.check', id: effect.id, name });
  }
}

/** What providers say beside their answers, and may echo requests in, is in no span. */
function withoutEcho(event: Extract<Committed, { type: 'model.replied' }>): Committed {
  const { reply } = event;
  if (reply.providerData === undefined && reply.rawUsage === undefined) return event;
  const { providerData: _, rawUsage: __, ...rest } = reply;
  return { ...event, reply: rest };
}

/** Undefined where the whole history was sent. */
function inputEntry(input: string | readonly AgentInputItem[], { request }: State): Sent['input'] {
  if (typeof input === 'string') return input;
  let at = 0;
  while (at < input.length && at < request.length && input[at] === request.backing[at]) at += 1;
  if (at === input.length && at === request.length) return undefined;
  const places = new Map<AgentInputItem, number>();
  for (let n = request.length - 1; n >= 0; n--) {
    const item = request.backing[n];
    if (item) places.set(item, n);
  }
  const entries: (Range | AgentInputItem)[] = [];
  for (const item of input) {
    const place = places.get(item);
    const last = entries.at(-1);
    if (place === undefined) entries.push(item);
    else if (isRange(last) && last[1] === place) entries[entries.length - 1] = [last[0], place + 1];
    else entries.push([place, place + 1]);
  }
  return entries;
}

const isRange = (entry: Range | AgentInputItem | undefined): entry is Range => Array.isArray(entry);

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((one, n) => one === b[n]));

/** Whether two flat objects say the same. */
function isSame(a: object | undefined, b: object | undefined): boolean {
  if (a === b || !a || !b) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Reflect.get(a, key) === Reflect.get(b, key));
}

// Derivation

/** Reads entries into spans. */
export class SegmentReader {
  readonly reading: Reading;
  #state: State = initialState();
  #last: SentFacts = {
    request: { input: [], modelSettings: {} },
    model: undefined,
    origin: undefined,
    tools: [],
    handoffs: [],
  };

  constructor({ runId }: Pick<KeptSegment, 'runId'>, listener: SpanListener, tasks: Reading['tasks'] = new Map()) {
    const agents = new Map<string, AgentFacts>();
    const checks = new Map<string, string>();
    this.#agents = agents;
    this.#checks = checks;
    this.reading = newReading({
      runId,
      listener,
      tasks,
      agent: (key) => agents.get(key),
      check: ({ id }) => checks.get(id),
    });
  }

  readonly #agents: Map<string, AgentFacts>;
  readonly #checks: Map<string, string>;

  read(entry: Entry): void {
    switch (entry.type) {
      case 'trace.agent':
        this.#agents.set(entry.agent, entry.facts);
        return;
      case 'trace.check':
        this.#checks.set(entry.id, entry.name);
        return;
      case 'trace.cut':
        return cutOff(this.reading);
      case 'trace.error':
        return openSpan(this.reading, entry.span)?.setError(entry.error);
      case 'trace.sent':
        return modelSent(this.reading, entry.id, this.#factsOf(entry));
      default:
        this.#state = apply(this.#state, entry);
        read(this.reading, entry, this.#state);
    }
  }

  #factsOf({ offer, to, settings, instructions, input }: Sent): SentFacts {
    const last = this.#last;
    const { tools, handoffs } = offer ?? last;
    const { model, origin } = to ?? last;
    const systemInstructions =
      instructions === undefined ? last.request.systemInstructions : (instructions ?? undefined);
    const request = {
      input: this.#inputOf(input),
      modelSettings: settings ?? last.request.modelSettings,
      ...(systemInstructions !== undefined && { systemInstructions }),
    };
    this.#last = { request, model, origin, tools, handoffs };
    return this.#last;
  }

  #inputOf(input: Sent['input']): string | AgentInputItem[] {
    const { backing, length } = this.#state.request;
    if (input === undefined) return backing.slice(0, length);
    if (typeof input === 'string') return input;
    return input.flatMap((entry) => (isRange(entry) ? backing.slice(entry[0], entry[1]) : [entry]));
  }
}
