/**
 * A queue of encoded spans that is bounded by bytes, and the requests that empty it.
 *
 * Not responsible for what the bytes mean, nor for HTTP.
 *
 * Invariants: D1 at any time, created = acknowledged + dropped + queued; what is being sent is still queued. D2 the
 * bytes of all spans that are held, and SPAN_COST for each, are at most `maxQueueBytes`. D3 a span leaves the queue only by an answer or by
 * being counted as dropped, so that one whose answer was lost is sent again: at least once. D4 no timer keeps the
 * process alive but that of a flush.
 */
import { timerMs } from '../../protocol/timers.ts';
import { signal } from '../../wire/signals.ts';

/** What came of a request. */
export type SendOutcome =
  /** Taken, but for `rejected` spans. */
  | { readonly kind: 'taken'; readonly rejected: number; readonly because: string }
  /** May work later; `afterMs` where the server says when. */
  | { readonly kind: 'later'; readonly afterMs?: number; readonly because: string }
  /** The same bytes will never be taken. */
  | { readonly kind: 'refused'; readonly because: string }
  /** Fewer spans at once might be taken. */
  | { readonly kind: 'too-large'; readonly because: string };

export type DropReason = 'queue-full' | 'too-large' | 'rejected' | 'unencodable' | 'shutdown';

/** A problem worth telling an operator. Holds no content and no header. */
export type ExportProblem = Readonly<{
  kind: 'dropped' | 'unreachable';
  reason?: DropReason;
  /** Spans that were lost by it. */
  spans: number;
  message: string;
}>;

export type ExportStats = Readonly<{
  /** Spans that ended and were chosen for export. Always `acknowledged + dropped + queued`. */
  created: number;
  acknowledged: number;
  dropped: number;
  /** Waiting or on their way. */
  queued: number;
  droppedBy: Readonly<Record<DropReason, number>>;
  /** Spans that head sampling left out; not part of `created`. */
  unsampled: number;
  queuedBytes: number;
  /** Requests on their way, at most four. */
  inFlight: number;
  /** Requests that were made, repeated ones included. */
  requests: number;
  /** Requests that failed and are to be repeated. */
  retries: number;
}>;

export type DeliveryOptions = {
  send: (spans: readonly Uint8Array[], signal: AbortSignal) => Promise<SendOutcome>;
  maxQueueBytes: number;
  maxBatchBytes: number;
  maxBatchSpans: number;
  /** How long a span may wait for others. */
  delayMs: number;
  /** First and longest pause after a failure. */
  retryMs: Readonly<{ first: number; longest: number }>;
  onProblem: (problem: ExportProblem) => void;
};

const MAX_IN_FLIGHT = 4;
/** What it costs to hold a span beside its bytes. */
const SPAN_COST = 128;
/** No server may silence the exporter for longer. */
const LONGEST_PAUSE_MS = 300_000;

/** Spans that are sent together. `open` takes more; it is closed before it is sent. */
type Batch = { spans: Uint8Array[]; bytes: number };
type Waiter = { readonly batches: Set<Batch>; readonly done: () => void };

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #waiting: Batch[] = [];
  #open: Batch = { spans: [], bytes: 0 };
  readonly #sending = new Map<Batch, AbortController>();
  readonly #waiters = new Set<Waiter>();
  readonly #droppedBy: Record<DropReason, number> = {
    'queue-full': 0,
    'too-large': 0,
    rejected: 0,
    unencodable: 0,
    shutdown: 0,
  };
  #created = 0;
  #acknowledged = 0;
  #bytes = 0;
  #queued = 0;
  #requests = 0;
  #retries = 0;
  #failures = 0;
  /** Before this time of `performance.now()` nothing is sent, and whether the server asked for it. */
  #pause = { until: 0, asked: false };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  stats(): Omit<ExportStats, 'unsampled'> {
    const dropped = Object.values(this.#droppedBy).reduce((sum, count) => sum + count, 0);
    return {
      created: this.#created,
      acknowledged: this.#acknowledged,
      dropped,
      queued: this.#queued,
      droppedBy: { ...this.#droppedBy },
      queuedBytes: this.#bytes,
      inFlight: this.#sending.size,
      requests: this.#requests,
      retries: this.#retries,
    };
  }

  get isEmpty(): boolean {
    return this.#queued === 0;
  }

  /** Counts a span that could not be written down. */
  lose(message: string): void {
    this.#created += 1;
    this.#drop('unencodable', 1, message);
  }

  /** Takes a span, or drops it where there is no room. Never waits and never throws. */
  add(span: Uint8Array): void {
    this.#created += 1;
    const { maxBatchBytes, maxQueueBytes, maxBatchSpans } = this.#options;
    if (this.#closed) return this.#drop('shutdown', 1, 'it ended after shutdown()');
    if (span.length + SPAN_COST > maxBatchBytes) return this.#drop('too-large', 1, `it has ${span.length} bytes`);
    const cost = span.length + SPAN_COST;
    if (this.#bytes + cost > maxQueueBytes) {
      return this.#drop('queue-full', 1, `${this.#queued} spans wait for the endpoint`);
    }
    if (this.#open.bytes + cost > maxBatchBytes) this.#close();
    this.#open.spans.push(span);
    this.#open.bytes += cost;
    this.#bytes += cost;
    this.#queued += 1;
    if (this.#open.spans.length >= maxBatchSpans) this.#close();
    if (this.#waiting.length > 0) this.#pump();
    this.#wakeIn(this.#options.delayMs);
  }

  /** Sends what is queued now. False where not all of it was answered or dropped after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<boolean> {
    this.#close();
    const batches = new Set([...this.#waiting, ...this.#sending.keys()]);
    if (batches.size === 0) return true;
    // A pause of our own making may be cut short; one that the server asked for may not.
    if (!this.#pause.asked) this.#pause.until = 0;
    return new Promise((resolve) => {
      const end = (complete: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(complete);
      };
      const timer = setTimeout(end, timerMs(timeoutMs), false);
      const waiter: Waiter = { batches, done: () => end(true) };
      this.#waiters.add(waiter);
      this.#pump();
    });
  }

  /** Flushes, then drops what is left. Spans that end later are dropped too. */
  async shutdown(timeoutMs: number): Promise<void> {
    this.#closed = true;
    await this.flush(timeoutMs);
    this.#sleep();
    const sending = [...this.#sending];
    const left = [...this.#waiting.splice(0), ...sending.map(([batch]) => batch)];
    this.#sending.clear();
    for (const batch of left) {
      this.#settle(batch, { lost: batch.spans.length, reason: 'shutdown', because: 'shutdown() did not wait for it' });
    }
    // Their answers find that the batch is settled already.
    for (const [, controller] of sending) controller.abort();
  }

  #close(): void {
    if (this.#open.spans.length === 0) return;
    packed(this.#open);
    this.#waiting.push(this.#open);
    this.#open = { spans: [], bytes: 0 };
  }

  #pump(): void {
    // While the endpoint fails, one request at a time asks whether it is back.
    const limit = this.#failures > 0 ? 1 : MAX_IN_FLIGHT;
    const pause = this.#pause.until - performance.now();
    if (pause > 0) return this.#wakeIn(pause);
    while (this.#sending.size < limit) {
      const batch = this.#waiting.shift();
      if (batch === undefined) return;
      void this.#send(batch);
    }
  }

  /** One timer for everything that waits for time; a flush keeps the process alive by a timer of its own. */
  #wakeIn(ms: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#close();
      this.#pump();
    }, ms);
    this.#timer.unref();
  }

  #sleep(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #send(batch: Batch): Promise<void> {
    const controller = new AbortController();
    this.#sending.set(batch, controller);
    this.#requests += 1;
    // The work of a request is never done on the stack of the run that filled the batch.
    await Promise.resolve();
    const outcome = await this.#options.send(batch.spans, controller.signal);
    if (!this.#sending.delete(batch)) return;
    this.#answer(batch, outcome);
    this.#pump();
  }

  #answer(batch: Batch, outcome: SendOutcome): void {
    if (outcome.kind === 'later') return this.#repeat(batch, outcome);
    this.#failures = 0;
    const spans = batch.spans.length;
    const { because } = outcome;
    switch (outcome.kind) {
      case 'taken':
        return this.#settle(batch, { lost: Math.min(outcome.rejected, spans), reason: 'rejected', because });
      case 'refused':
        return this.#settle(batch, { lost: spans, reason: 'rejected', because });
      case 'too-large':
        if (spans === 1) return this.#settle(batch, { lost: 1, reason: 'too-large', because });
        return this.#split(batch);
    }
  }

  #repeat(batch: Batch, { afterMs, because }: { afterMs?: number; because: string }): void {
    const { first, longest } = this.#options.retryMs;
    const own = Math.min(longest, first * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    const ms = afterMs === undefined ? own : Math.min(Math.max(afterMs, 1), LONGEST_PAUSE_MS);
    if (this.#failures === 0) this.#options.onProblem({ kind: 'unreachable', spans: 0, message: because });
    this.#failures += 1;
    this.#retries += 1;
    this.#pause = { until: performance.now() + ms, asked: afterMs !== undefined };
    // To the back: a request that never works must not hold up those that would.
    this.#waiting.push(batch);
    this.#sleep();
    this.#wakeIn(ms);
  }

  #split(batch: Batch): void {
    const middle = Math.ceil(batch.spans.length / 2);
    const halves = [batch.spans.slice(0, middle), batch.spans.slice(middle)].map((spans) => ({
      spans,
      bytes: spans.reduce((sum, span) => sum + span.length + SPAN_COST, 0),
    }));
    this.#waiting.unshift(...halves);
    for (const { batches } of this.#waiters) {
      if (batches.delete(batch)) for (const half of halves) batches.add(half);
    }
  }

  /** The batch is done with: `lost` of its spans for a reason, the others taken. */
  #settle(batch: Batch, { lost, reason, because }: { lost: number; reason: DropReason; because: string }): void {
    this.#acknowledged += batch.spans.length - lost;
    this.#queued -= batch.spans.length;
    this.#bytes -= batch.bytes;
    this.#drop(reason, lost, because);
    for (const waiter of this.#waiters) {
      if (waiter.batches.delete(batch) && waiter.batches.size === 0) waiter.done();
    }
  }

  #drop(reason: DropReason, spans: number, message: string): void {
    if (spans === 0) return;
    this.#droppedBy[reason] += spans;
    signal('baton:telemetry-dropped', () => ({ count: spans, by: 'otlp' }));
    this.#options.onProblem({ kind: 'dropped', reason, spans, message });
  }
}

/** Moves the spans of a batch into one buffer: thousands of small ones cost more than what is in them. */
function packed(batch: Batch): void {
  const buffer = new Uint8Array(batch.spans.reduce((sum, span) => sum + span.length, 0));
  let at = 0;
  batch.spans = batch.spans.map((span) => {
    buffer.set(span, at);
    at += span.length;
    return buffer.subarray(at - span.length, at);
  });
}
