/** A segment of a run until all of it is in the store: its entries become a text at each write, and when it is over. */
import type { Committed, State } from '../../kernel/index.ts';
import type { SentFacts } from '../run-tracer.ts';
import type { Entry, KeptSegment, SegmentKeeper } from '../segment-log.ts';
import type { RunRecord, SegmentRecord } from './batch.ts';
import type { TracePlace } from './place.ts';
import { jsonOf, small } from './record.ts';
import { type Counted, SegmentTally } from './segment-tally.ts';

/** Entries that came since the part before. */
export type SegmentPart = {
  /** What it is of, while that goes on. Of one that is over nothing is held: what waits for the store is the text alone. */
  readonly of: StoredSegment | undefined;
  readonly record: SegmentRecord;
  readonly text: string;
  readonly counted: Counted;
};

/** Hears of a segment what is told at once. */
export type SegmentListener = {
  /** Before any part of it, so that a store knows a run before those within it, which end sooner. */
  readonly begun: (run: RunRecord) => void;
  /** Nothing more comes. */
  readonly over: (segment: StoredSegment) => void;
};

export class StoredSegment implements SegmentKeeper {
  readonly #kept: KeptSegment;
  readonly #place: TracePlace;
  readonly #tally: SegmentTally;
  readonly #listener: SegmentListener;
  /** How many entries were taken, and how many there were when it was last asked for them. */
  #taken = 0;
  #asked = 0;
  #isOver = false;

  constructor(kept: KeptSegment, place: TracePlace, listener: SegmentListener) {
    this.#kept = kept;
    this.#place = place;
    this.#tally = new SegmentTally(kept);
    this.#listener = listener;
  }

  heard(event: Committed, state: State): void {
    this.#tally.heard(event, state);
    if (event.type === 'run.started') this.#listener.begun(this.#begun(event.at ?? 0));
  }

  sent(id: string, { origin }: SentFacts): void {
    this.#tally.sent(id, origin);
  }

  over(): void {
    this.#isOver = true;
    this.#tally.over();
    this.#listener.over(this);
  }

  #begun(at: number): RunRecord {
    const { runId, parentRunId } = this.#kept;
    return { runId, traceId: this.#place.traceId, at, ...(parentRunId !== undefined && { parentRunId }) };
  }

  /** Whether there is what the store was not told. */
  hasNews(): boolean {
    return this.#asked < this.#kept.entries.length;
  }

  /** Whether there is what was not taken, or did not arrive. */
  hasRest(): boolean {
    return this.#taken < this.#kept.entries.length;
  }

  take(): SegmentPart {
    const { runId, segment, parentRunId, entries } = this.#kept;
    const first = this.#taken;
    this.#taken = entries.length;
    this.#asked = entries.length;
    const counted = this.#tally.take();
    const { at, touchedAt, agent, lastAgent, turns, tools, usage, end } = counted;
    const { id: place, traceId } = this.#place;
    const n = this.#place.nextPart();
    const who = { traceId, runId, segmentId: segment.id, parentRunId, place, n, first };
    const record: SegmentRecord = { ...who, at, touchedAt, agent, lastAgent, turns, tools, usage, end };
    return {
      of: this.#isOver ? undefined : this,
      record,
      text: textOf(first === 0 ? entries : entries.slice(first)),
      counted,
    };
  }

  /** What was taken did not arrive: while the segment goes on, all of it is told with what comes next. Whether it is. */
  putBack(counted: Counted): boolean {
    if (this.#isOver) return false;
    this.#taken = 0;
    this.#tally.putBack(counted);
    return true;
  }
}

const textOf = (entries: readonly Entry[]): string =>
  jsonOf(entries.some(isForeign) ? entries.map((entry) => (isForeign(entry) ? small(entry) : entry)) : entries);

/** Whether an entry holds objects that user code made: there may be bytes among them. */
function isForeign(entry: Entry): boolean {
  switch (entry.type) {
    case 'run.started':
    case 'trace.sent':
    case 'handoff.returned':
      return typeof entry.input === 'object';
    case 'session.loaded':
    case 'input.staged':
    case 'trace.error':
      return true;
    case 'tool.returned':
      return typeof entry.output === 'object';
    default:
      return false;
  }
}
