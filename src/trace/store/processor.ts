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
import { type Clock, hourly, systemClock } from '../hourly.ts';
import type { Span, Trace, TracingProcessor } from '../types.ts';
import type { RunRecord } from './batch.ts';
import type { PruneCommand } from './commands.ts';
import { traceStorePath } from './location.ts';
import { TracePlace } from './place.ts';
import type { Pruned } from './prune.ts';
import { type Begun, type Ended, encode } from './record.ts';
import { BEAT_MS } from './presence.ts';
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
const FLUSH_AT = 512;
const MOST_WAITING = 50_000;
/** Traces that are open at once; beyond, the one that began first is forgotten, which costs it nothing but space. */
const MOST_PLACES = 10_000;
/** Milliseconds between two chunks of deleting. */
const CHUNK_PAUSE_MS = 20;
const DAY_MS = 24 * 3_600_000;
const MEMORY_BYTES = 64_000_000;

/**
 * A trace processor that keeps runs, spans and usage in a SQLite file. It is there without being set; set one yourself
 * for another file, tenant, retention or redaction.
 *
 * @example
 * setTraceProcessors([new TraceStoreProcessor({ path: ':memory:', retention: { contentDays: 1 } })]);
 *
 * @throws UserError where an option is unfit
 */
export class TraceStoreProcessor implements TracingProcessor {
  readonly #tenant: string;
  readonly #redact: RedactionOptions | false;
  readonly #retention: TraceRetention;
  readonly #flushMs: number;
  readonly #sink: Sink;
  readonly #places = new Map<string, TracePlace>();
  #traces: Begun[] = [];
  #runs: RunRecord[] = [];
  #ended: Ended[] = [];
  /** Who writes, among all processes. */
  readonly #writer = Math.floor(Math.random() * 2 ** 48);
  /** Spans that are open and that the store does not know. */
  readonly #untold = new Map<Span, TracePlace>();
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

  async onTraceStart(trace: Trace): Promise<void> {
    this.#traces.push({ trace, at: Date.now() });
    this.#wake();
  }

  async onTraceEnd({ traceId }: Trace): Promise<void> {
    this.#places.delete(traceId);
  }

  async onSpanStart(span: Span): Promise<void> {
    const place = this.#place(span.traceId);
    const run = place.started(span);
    if (run) this.#runs.push(run);
    this.#openSpans += 1;
    if (this.#untold.size < MOST_WAITING) this.#untold.set(span, place);
    this.#beat ??= this.#startBeat();
    this.#wake();
  }

  async onSpanEnd(span: Span): Promise<void> {
    const place = this.#place(span.traceId);
    const opened = place.ended(span);
    this.#untold.delete(span);
    this.#openSpans -= 1;
    if (this.#closed || this.#ended.length >= MOST_WAITING) {
      this.#drop(1);
      return;
    }
    this.#ended.push({ span, place, ...opened });
    if (this.#ended.length >= FLUSH_AT && !this.#flushing) void this.#flush();
    else this.#wake();
  }

  async forceFlush(): Promise<void> {
    while (this.#isWaiting() || this.#flushing) await this.#flush();
  }

  /** Writes what waits and lets go of the file. `timeout`: milliseconds after which it is not waited for. */
  async shutdown(timeout?: number): Promise<void> {
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
    const place = new TracePlace();
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
    return this.#traces.length + this.#runs.length + this.#ended.length + this.#untold.size > 0 || this.#isBeatDue;
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
      if (this.#ended.length >= FLUSH_AT) void this.#flush();
      else if (this.#isWaiting()) this.#wake();
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const at = Date.now();
    const pending = {
      writer: this.#writer,
      at,
      open: Array.from(this.#untold, ([span, place]) => ({ span, place })),
      traces: this.#traces,
      runs: this.#runs,
      ended: this.#ended.splice(0, FLUSH_AT),
    };
    this.#traces = [];
    this.#runs = [];
    this.#untold.clear();
    this.#isBeatDue = false;
    this.#writtenAt = at;
    try {
      const batch = encode(pending);
      await this.#sink.write({ do: 'write', tenant: this.#tenant, batch, redact: this.#redact });
      this.#endPruning ??= hourly(() => this.#prune(), this.#clock);
    } catch (error) {
      if (this.#dropped === 0)
        warn(`Traces could not be stored: ${error instanceof Error ? error.message : String(error)}`);
      this.#drop(pending.ended.length);
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
