/**
 * Puts traces into a store: collects what runs tell and hands it to the writer thread, every second and when the
 * program has nothing left to do.
 *
 * P1 A run is never waited for and never failed: what the store cannot take is dropped, counted and told of once.
 * P2 What waits is bounded. A crash loses what came since the last flush, no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../protocol/errors.ts';
import { warn } from '../../protocol/warn.ts';
import type { RedactionOptions } from '../../wire/redaction.ts';
import { signal } from '../../wire/signals.ts';
import { DONE } from '../done.ts';
import { type Clock, hourly, systemClock } from '../hourly.ts';
import type { Span, Trace, TracingProcessor } from '../types.ts';
import { type KeptSegment, KEEPS_SEGMENTS, type KeepsSegments, type SegmentKeeper } from '../segment-log.ts';
import type { Part, RunRecord } from './batch.ts';
import type { PruneCommand } from './commands.ts';
import { traceStorePath } from './location.ts';
import { type Opened, TracePlace } from './place.ts';
import type { Pruned } from './prune.ts';
import { type Begun, headOf, PartText } from './record.ts';
import { BEAT_MS } from './presence.ts';
import { type SegmentPart, StoredSegment } from './segment-part.ts';
import { Sink } from './sink.ts';

/** How long what is stored is kept. */
export type TraceRetention = {
  /** Days for which what was said is kept: inputs, outputs, instructions. @default 7 */
  readonly contentDays?: number;
  /** Bytes of what was said that are kept at most, the newest. @default 1_000_000_000 (in memory 64_000_000) */
  readonly contentBytes?: number;
  /** Days for which runs and their spans are kept. @default 30 */
  readonly runDays?: number;
  /** Days for which hourly usage by agent and model is kept. @default 90 */
  readonly usageDays?: number;
};

export type TraceStoreOptions = {
  /** The file, on a local disk, or `:memory:`. @default `.baton/traces.db`, or in the folder BATON_TRACE_STORE */
  readonly path?: string;
  /** Whose traces they are. @default 'default' */
  readonly tenant?: string;
  /** What is taken out before it is written; `false`: nothing. @default shapes of keys, and members such as `password` */
  readonly redact?: RedactionOptions | false;
  readonly retention?: TraceRetention;
  /** Milliseconds between two writes. @default 1000 */
  readonly flushMs?: number;
};

/** Spans at which is not waited any longer, and at which new ones are dropped. */
const FLUSH_AT = 1024;
const MOST_WAITING = 50_000;
/** Spans of one batch, as far as parts allow: each batch is one transaction. */
const MOST_AT_ONCE = 4 * FLUSH_AT;
/** Traces that are open at once; beyond, the one that began first is forgotten, which costs it nothing but space. */
const MOST_PLACES = 10_000;
/** Milliseconds between two chunks of deleting. */
const CHUNK_PAUSE_MS = 20;
const DAY_MS = 24 * 3_600_000;
const MEMORY_BYTES = 64_000_000;

/** Characters of texts that wait at most. */
const MOST_BYTES = 64_000_000;

/** What waits: spans of a trace, or entries of a segment. */
type Filled = { readonly spans: number } & ({ readonly part: Part } | { readonly segment: SegmentPart });

/**
 * A trace processor that keeps runs, spans and usage in a SQLite file. It is there without being set; set one yourself
 * for another file, tenant, retention or redaction.
 *
 * @example
 * setTraceProcessors([new TraceStoreProcessor({ path: ':memory:', retention: { contentDays: 1 } })]);
 *
 * @throws UserError where an option is unfit
 */
export class TraceStoreProcessor implements TracingProcessor, KeepsSegments {
  // Set by the constructor: a class with a method by a symbol of ours is no pure one to bundlers (decisions/090).
  declare readonly [KEEPS_SEGMENTS]: KeepsSegments[typeof KEEPS_SEGMENTS];
  readonly #tenant: string;
  readonly #redact: RedactionOptions | false;
  readonly #retention: TraceRetention;
  readonly #flushMs: number;
  readonly #sink: Sink;
  readonly #places = new Map<string, TracePlace>();
  #traces: Begun[] = [];
  #runs: RunRecord[] = [];
  /** Spans that ended: of traces that go on, and of those that are over. */
  readonly #filling = new Map<TracePlace, PartText>();
  #filled: Filled[] = [];
  /** Segments that go on. */
  readonly #segments = new Set<StoredSegment>();
  #waiting = 0;
  #waitingBytes = 0;
  /** Who writes, among all processes. */
  readonly #writer = Math.floor(Math.random() * 2 ** 48);
  /** How many spans are open, told or not: while there are any, the store hears that this process lives. */
  #openSpans = 0;
  #beat: ReturnType<typeof setInterval> | undefined;
  #isBeatDue = false;
  #writtenAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushing: Promise<void> | undefined;
  readonly #clock: Clock;
  #endPruning: (() => void) | undefined;
  #dropped = 0;
  #closed = false;
  #atExit: (() => void) | undefined;
  #isExiting = false;

  /** @param clock for tests */
  constructor(options: TraceStoreOptions = {}, clock: Clock = systemClock) {
    const { path = traceStorePath(), tenant = 'default', redact = {}, retention = {}, flushMs = 1000 } = options;
    if (tenant === '') throw new UserError('TraceStoreProcessor option `tenant` is empty. Give it a name, or none.');
    for (const [name, value] of Object.entries({ flushMs, ...retention })) {
      if (!(value >= 0)) throw new UserError(`TraceStoreProcessor option \`${name}\` must be 0 or more. Got ${value}.`);
    }
    this[KEEPS_SEGMENTS] = (kept) => this.#keepSegment(kept);
    this.#tenant = tenant;
    this.#redact = redact;
    this.#retention = retention;
    this.#flushMs = flushMs;
    this.#sink = new Sink(path);
    this.#clock = clock;
  }

  /** Spans that were not stored, because too many waited or the store failed. */
  get dropped(): number {
    return this.#dropped;
  }

  onTraceStart(trace: Trace): Promise<void> {
    this.#traces.push({ trace, at: Date.now() });
    this.#wake();
    return DONE;
  }

  onTraceEnd({ traceId }: Trace): Promise<void> {
    const place = this.#places.get(traceId);
    if (place) this.#fill(place);
    this.#places.delete(traceId);
    return DONE;
  }

  onSpanStart(span: Span): Promise<void> {
    const run = this.#place(span.traceId).started(span);
    if (run) this.#runs.push(run);
    this.#openSpans += 1;
    this.#beat ??= this.#startBeat();
    this.#wake();
    return DONE;
  }

  onSpanEnd(span: Span): Promise<void> {
    const place = this.#place(span.traceId);
    const opened = place.ended(span);
    this.#openSpans -= 1;
    if (this.#closed || this.#waiting >= MOST_WAITING) {
      this.#drop(1);
      return DONE;
    }
    let part = this.#filling.get(place);
    if (!part) this.#filling.set(place, (part = new PartText(place)));
    part.add(span, opened);
    this.#waiting += 1;
    if (this.#waiting >= FLUSH_AT && !this.#flushing) void this.#flush();
    else this.#wake();
    return DONE;
  }

  /** A segment of a run whose spans are derived where they are read. */
  #keepSegment(kept: KeptSegment): SegmentKeeper {
    const traceId = kept.segment.trace?.traceId ?? '';
    const begun = (run: RunRecord): void => void this.#runs.push(run);
    const segment = new StoredSegment(kept, this.#place(traceId), { begun, over: () => this.#ends(segment) });
    this.#segments.add(segment);
    this.#openSpans += 1;
    this.#beat ??= this.#startBeat();
    this.#wake();
    return segment;
  }

  #ends(segment: StoredSegment): void {
    this.#segments.delete(segment);
    this.#openSpans -= 1;
    if (segment.hasRest()) this.#takes(segment);
    if (this.#waiting >= FLUSH_AT && !this.#flushing) void this.#flush();
    else this.#wake();
  }

  /** Its text is made now: what it is made of is garbage soon. */
  #takes(segment: StoredSegment): void {
    const part = segment.take();
    const { spans } = part.counted;
    if (this.#closed || this.#waitingBytes + part.text.length > MOST_BYTES) return this.#lost({ segment: part, spans });
    this.#filled.push({ segment: part, spans });
    this.#waiting += spans;
    this.#waitingBytes += part.text.length;
  }

  #takeNews(): void {
    for (const segment of this.#segments) if (segment.hasNews()) this.#takes(segment);
  }

  /** It did not arrive: a segment that goes on is told again, all else is lost. */
  #lost(filled: Filled): void {
    if ('segment' in filled && filled.segment.of?.putBack(filled.segment.counted)) return;
    this.#drop(filled.spans);
  }

  async forceFlush(): Promise<void> {
    while (this.#isWaiting() || this.#flushing) await this.#flush();
  }

  /** Writes what waits and lets go of the file. `timeout`: milliseconds after which it is not waited for. */
  async shutdown(timeout?: number): Promise<void> {
    this.#takeNews();
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#beat);
    this.#endPruning?.();
    const done = this.forceFlush().then(() => this.#sink.release());
    await (timeout === undefined ? done : Promise.race([done, late(timeout)]));
    if (this.#atExit) process.off('beforeExit', this.#atExit);
    this.#atExit = undefined;
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (count > 0) signal('baton:telemetry-dropped', () => ({ count, by: 'store' }));
  }

  #place(traceId: string): TracePlace {
    const known = this.#places.get(traceId);
    if (known) return known;
    const place = new TracePlace(traceId);
    this.#places.set(traceId, place);
    if (this.#places.size > MOST_PLACES) {
      for (const [oldest] of this.#places) {
        this.#places.delete(oldest);
        break;
      }
    }
    return place;
  }

  #isWaiting(): boolean {
    const isFilled = this.#traces.length + this.#runs.length + this.#waiting + this.#filled.length > 0;
    return isFilled || this.#isBeatDue || this.#hasUntold() || this.#hasNews();
  }

  #hasNews(): boolean {
    for (const segment of this.#segments) if (segment.hasNews()) return true;
    return false;
  }

  #hasUntold(): boolean {
    if (this.#openSpans <= 0) return false;
    for (const place of this.#places.values()) if (place.hasUntold()) return true;
    return false;
  }

  /** Spans that are open and that the store does not know. */
  #untold(): Opened[] {
    const open: Opened[] = [];
    for (const place of this.#places.values()) {
      if (open.length >= MOST_WAITING) break;
      open.push(...place.untold());
    }
    return open;
  }

  /** What has ended in a trace as a part: when the trace is over, or when it is told. */
  #fill(place: TracePlace): void {
    const text = this.#filling.get(place);
    if (!text) return;
    this.#filling.delete(place);
    this.#filled.push({ part: text.toPart(), spans: text.size });
  }

  /** The parts of the next batch: more wait where the store is slow. */
  #takeParts(): Filled[] {
    for (const place of this.#filling.keys()) this.#fill(place);
    this.#takeNews();
    let spans = 0;
    const after = this.#filled.findIndex((one) => (spans += one.spans) > MOST_AT_ONCE);
    // One is taken, however large it is.
    return this.#filled.splice(0, after < 0 ? this.#filled.length : Math.max(1, after));
  }

  /** A run that does one long thing tells nothing for a while: that is not to look as if its process were lost. */
  #startBeat(): ReturnType<typeof setInterval> {
    const beat = setInterval(() => {
      if (this.#openSpans <= 0) {
        clearInterval(beat);
        this.#beat = undefined;
      } else if (Date.now() - this.#writtenAt >= BEAT_MS / 2) {
        this.#isBeatDue = true;
        void this.#flush();
      }
    }, BEAT_MS);
    return beat.unref();
  }

  #wake(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => void this.#flush(), this.#flushMs);
    // What waits does not keep a program alive; it is written when there is nothing else to do.
    this.#timer.unref();
    if (this.#atExit) return;
    this.#atExit = () => {
      this.#isExiting = true;
      if (this.#isWaiting()) void this.forceFlush();
    };
    process.on('beforeExit', this.#atExit);
  }

  /** One batch after the other; what comes meanwhile waits for the next. */
  #flush(): Promise<void> {
    if (this.#flushing) return this.#flushing;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isWaiting()) return Promise.resolve();
    this.#flushing = this.#write().finally(() => {
      this.#flushing = undefined;
      if (this.#waiting >= FLUSH_AT) void this.#flush();
      else if (this.#isWaiting()) this.#wake();
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const at = Date.now();
    const taken = this.#takeParts();
    const segments = taken.flatMap((one) => ('segment' in one ? [one.segment] : []));
    const head = headOf({
      writer: this.#writer,
      at,
      open: this.#untold(),
      traces: this.#traces,
      runs: this.#runs,
      segments: segments.map(({ record }) => record),
    });
    for (const { spans } of taken) this.#waiting -= spans;
    for (const { text } of segments) this.#waitingBytes -= text.length;
    this.#traces = [];
    this.#runs = [];
    this.#isBeatDue = false;
    this.#writtenAt = at;
    try {
      const parts = taken.flatMap((one) => ('part' in one ? [one.part] : []));
      const batch = { head, segments: segments.map(({ text }) => text), parts };
      await this.#sink.write({ do: 'write', tenant: this.#tenant, batch, redact: this.#redact });
      this.#endPruning ??= hourly(() => this.#prune(), this.#clock);
    } catch (error) {
      if (this.#dropped === 0)
        warn(`Traces could not be stored: ${error instanceof Error ? error.message : String(error)}`);
      for (const filled of taken) this.#lost(filled);
    }
  }

  /** A program that ends does a part of it, so that a file of programs that end soon does not grow for ever. */
  async #prune(): Promise<void> {
    const command = pruneCommand(this.#retention, { now: this.#clock.now(), isInMemory: this.#sink.isInMemory });
    try {
      for (let more = true; more && !this.#closed;) {
        ({ more } = (await this.#sink.write(command)) as Pruned);
        if (this.#isExiting) return;
        // Between two chunks other writers have their turn.
        if (more) await sleep(CHUNK_PAUSE_MS, undefined, { ref: false });
      }
    } catch (error) {
      warn(`Old traces could not be deleted: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

export function pruneCommand(
  { contentDays = 7, contentBytes, runDays = 30, usageDays = 90 }: TraceRetention,
  { now, isInMemory }: { now: number; isInMemory: boolean },
): PruneCommand {
  return {
    do: 'prune',
    contentBefore: now - contentDays * DAY_MS,
    runsBefore: now - runDays * DAY_MS,
    usageBefore: now - usageDays * DAY_MS,
    contentBytes: contentBytes ?? (isInMemory ? MEMORY_BYTES : 1_000_000_000),
  };
}

const late = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
