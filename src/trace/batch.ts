/**
 * Collects spans and hands them to an exporter in batches.
 */
import { UserError } from '../protocol/errors.ts';
import { warn } from '../protocol/warn.ts';
import { signal } from '../wire/signals.ts';
import type { Span, Trace, TracingExporter, TracingProcessor } from './types.ts';

export type BatchTraceProcessorOptions = {
  /** How many traces and spans wait at most; what comes when it is full is dropped and counted. @default 1000 */
  maxQueueSize?: number;
  /** How many are exported at once. @default 100 */
  maxBatchSize?: number;
  /** Milliseconds until what waits is exported. @default 5000 */
  scheduleDelay?: number;
  /** The part of `maxQueueSize`, above 0 and up to 1, at which is not waited any longer. @default 0.8 */
  exportTriggerRatio?: number;
};

/**
 * Exports in the background, one batch after the other: traces when they start, spans when they ended. What still waits
 * when the program has nothing left to do is exported then; before `process.exit()`, call `forceFlush()`.
 *
 * @example
 * addTraceProcessor(new BatchTraceProcessor(new ConsoleSpanExporter(), { scheduleDelay: 1000 }));
 */
export class BatchTraceProcessor implements TracingProcessor {
  readonly #exporter: TracingExporter;
  readonly #maxQueueSize: number;
  readonly #maxBatchSize: number;
  readonly #delayMs: number;
  readonly #trigger: number;
  #queue: (Trace | Span)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #exporting: Promise<void> | undefined;
  #dropped = 0;
  #closed = false;
  #atExit: (() => void) | undefined;

  constructor(exporter: TracingExporter, options: BatchTraceProcessorOptions = {}) {
    const { maxQueueSize = 1000, maxBatchSize = 100, scheduleDelay = 5000, exportTriggerRatio = 0.8 } = options;
    atLeast('maxQueueSize', maxQueueSize, 1);
    atLeast('maxBatchSize', maxBatchSize, 1);
    atLeast('scheduleDelay', scheduleDelay, 0);
    if (!(exportTriggerRatio > 0 && exportTriggerRatio <= 1)) {
      throw new UserError(`exportTriggerRatio is ${exportTriggerRatio}. Give a number above 0 and up to 1.`);
    }
    this.#exporter = exporter;
    this.#maxQueueSize = maxQueueSize;
    this.#maxBatchSize = maxBatchSize;
    this.#delayMs = scheduleDelay;
    this.#trigger = Math.max(1, Math.floor(maxQueueSize * exportTriggerRatio));
  }

  /** How many traces and spans were dropped because the queue was full, or because their export failed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Kept for the published API: the first span starts the loop. */
  start(): void {}

  async onTraceStart(trace: Trace): Promise<void> {
    this.#add(trace);
  }
  async onTraceEnd(): Promise<void> {}
  async onSpanStart(): Promise<void> {}
  async onSpanEnd(span: Span): Promise<void> {
    this.#add(span);
  }

  async forceFlush(): Promise<void> {
    while (this.#queue.length > 0 || this.#exporting) await this.#export();
  }

  /** Exports what waits and takes nothing more. `timeout`: milliseconds after which the rest is dropped. */
  async shutdown(timeout?: number): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    while ((this.#queue.length > 0 || this.#exporting) && signal?.aborted !== true) {
      await (signal ? Promise.race([this.#export(signal), aborted(signal)]) : this.#export());
    }
    this.#drop(this.#queue.length);
    this.#queue = [];
    if (this.#atExit) globalThis.process?.off?.('beforeExit', this.#atExit);
    this.#atExit = undefined;
  }

  #add(item: Trace | Span): void {
    if (this.#closed || this.#queue.length >= this.#maxQueueSize) {
      this.#drop(1);
      return;
    }
    this.#queue.push(item);
    if (this.#queue.length >= this.#trigger) void this.#export();
    else this.#schedule();
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (count > 0) signal('baton:telemetry-dropped', () => ({ count, by: 'batch' }));
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#export();
    }, this.#delayMs);
    // Waiting spans do not keep a program alive; they are exported when it has nothing else to do.
    this.#timer.unref?.();
    if (this.#atExit) return;
    this.#atExit = () => {
      if (this.#queue.length > 0) void this.forceFlush();
    };
    globalThis.process?.on?.('beforeExit', this.#atExit);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Exports one batch after those that are under way. */
  #export(signal?: AbortSignal): Promise<void> {
    if (this.#exporting) return this.#exporting;
    this.#stopTimer();
    const batch = this.#queue.splice(0, this.#maxBatchSize);
    if (batch.length === 0) return Promise.resolve();
    this.#exporting = this.#send(batch, signal).finally(() => {
      this.#exporting = undefined;
      if (this.#queue.length >= this.#trigger) void this.#export();
      else if (this.#queue.length > 0) this.#schedule();
    });
    return this.#exporting;
  }

  async #send(batch: (Trace | Span)[], signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#exporter.export(batch, signal);
    } catch (error) {
      this.#drop(batch.length);
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      warn(`${batch.length} traces and spans could not be exported and are dropped: ${text}`);
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function atLeast(name: string, value: number, least: number): void {
  if (!(value >= least)) throw new UserError(`${name} is ${value}. Give a number of at least ${least}.`);
}
