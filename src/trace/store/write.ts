/**
 * Writes a batch, within a transaction of the writer thread.
 *
 * W1 A span counts once, by its id: only a span that was not there before adds to its run and its usage. So a batch may
 *    come twice, and a segment that was lost may be told again. What a segment's part counts is counted where it came
 *    from, and counts where nobody else told of its spans.
 * W2 A run's state is that of its newest segment, in whatever order segments are told.
 */
import type { OpenRecord, Part, RunRecord, SegmentRecord, SpanRecord, TraceRecord } from './batch.ts';
import { endedIn } from './derived.ts';
import { keyOfPart, MOST_PARTS } from './part-key.ts';
import type { Parsed, Read } from './redacted.ts';
import type { Columns, Statements, Value } from '../../store/sqlite/statements.ts';
import {
  addCalls,
  begin,
  end,
  nothing,
  type Row,
  type RunTally,
  type TraceTally,
  UsageTallies,
  type UsageTally,
} from './tally.ts';
import { idsIn, type Told, type ToldBefore } from './told-before.ts';

export type Written = { readonly spans: number };

const RUN = 'run, run_id, parent, writer, agent, last_agent, status, segment_at, started_at, ended_at, error';

const SQL = {
  trace: 'SELECT trace FROM baton_traces WHERE tenant = ? AND trace_id = ?',
  newTrace: `INSERT INTO baton_traces (tenant, trace_id, name, group_id, metadata, started_at, touched_at, content_bytes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  nameTrace: 'UPDATE baton_traces SET name = ?, group_id = ?, metadata = ? WHERE trace = ? AND name IS NULL',
  touch: 'UPDATE baton_traces SET touched_at = max(touched_at, ?), content_bytes = content_bytes + ? WHERE trace = ?',
  runById: `SELECT ${RUN} FROM baton_trace_runs WHERE tenant = ? AND run_id = ?`,
  runByKey: `SELECT ${RUN} FROM baton_trace_runs WHERE run = ?`,
  newRun: `INSERT INTO baton_trace_runs (tenant, run_id, trace, parent, started_at,
    writer, agent, last_agent, status, segment_at, ended_at, error,
    active_ms, segments, turns, tool_calls, input_tokens, cached_tokens, output_tokens, nano_usd, model_calls, unpriced)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  run: `UPDATE baton_trace_runs SET writer = ?, agent = ?, last_agent = ?, status = ?, segment_at = ?, ended_at = ?, error = ?,
    active_ms = active_ms + ?, segments = segments + ?, turns = turns + ?, tool_calls = tool_calls + ?,
    input_tokens = input_tokens + ?, cached_tokens = cached_tokens + ?, output_tokens = output_tokens + ?,
    nano_usd = nano_usd + ?, model_calls = model_calls + ?, unpriced = unpriced + ? WHERE run = ?`,
  beat: `INSERT INTO baton_trace_writers (writer, beat_at) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET beat_at = max(beat_at, excluded.beat_at)`,
  open: `INSERT OR IGNORE INTO baton_trace_open
    (trace, span_id, tenant, writer, run, parent_id, seq, type, name, agent, started_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  closed: 'DELETE FROM baton_trace_open WHERE trace = ? AND span_id = ?',
  newPart: `INSERT INTO baton_trace_parts (part, place, n, tenant, first, segment, has_said, text, said)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ofSegment:
    'SELECT first, text FROM baton_trace_parts WHERE part BETWEEN ? AND ? AND place = ? AND segment = ? ORDER BY part',
  usage: `INSERT INTO baton_trace_usage
    (tenant, hour, agent, model, provider, calls, errors, input_tokens, cached_tokens, output_tokens, nano_usd, unpriced)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors,
    input_tokens = input_tokens + excluded.input_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
    output_tokens = output_tokens + excluded.output_tokens, nano_usd = nano_usd + excluded.nano_usd,
    unpriced = unpriced + excluded.unpriced`,
} as const;

export type Writing = { readonly tenant: string; readonly toldBefore: ToldBefore };

export function write(db: Statements, writing: Writing, batch: Read): Written {
  return new BatchWriter(db, writing, batch.head.writer).write(batch);
}

class BatchWriter {
  readonly #db: Statements;
  readonly #tenant: string;
  readonly #toldBefore: ToldBefore;
  readonly #writer: number;
  readonly #traces = new Map<string, TraceTally>();
  readonly #runs = new Map<string, RunTally>();
  readonly #usage = new UsageTallies();
  /** Runs whose row is written. */
  readonly #kept = new Set<RunTally>();
  readonly #closed: { readonly trace: TraceTally; readonly id: string }[] = [];
  readonly #parts: Row[] = [];

  constructor(db: Statements, { tenant, toldBefore }: Writing, writer: number) {
    this.#db = db;
    this.#tenant = tenant;
    this.#toldBefore = toldBefore;
    this.#writer = writer;
  }

  write({ head, segments, parts }: Read): Written {
    for (const trace of head.traces) this.#nameTrace(trace);
    for (const run of head.runs) this.#begin(run);
    for (const span of head.open) this.#opens(span);
    let count = 0;
    for (const [index, segment] of head.segments.entries()) this.#segment(segment, segments[index] ?? '[]');
    for (const part of parts) count += this.#part(part);
    for (const trace of this.#traces.values()) this.#keepTrace(trace);
    for (const run of this.#runs.values()) this.#keepRun(run);
    for (const each of this.#usage.all()) this.#keepUsage(each);
    for (const row of this.#parts) this.#keepPart(row);
    this.#db.run(SQL.beat, this.#writer, head.at);
    for (const span of head.open) this.#keepOpen(span);
    for (const { trace, id } of this.#closed) this.#db.run(SQL.closed, trace.trace ?? 0, id);
    return { spans: count };
  }

  // What is told

  #trace(traceId: string, at: number): TraceTally {
    const known = this.#traces.get(traceId);
    if (known) return known;
    const row = this.#db.get(SQL.trace, this.#tenant, traceId);
    const trace = row ? Number(row['trace']) : undefined;
    const tally: TraceTally = { traceId, trace, startedAt: at, record: undefined, touchedAt: at, bytes: 0, rows: [] };
    this.#traces.set(traceId, tally);
    return tally;
  }

  #nameTrace(record: TraceRecord): void {
    const trace = this.#trace(record.traceId, record.at);
    trace.record ??= record;
    touch(trace, record.at);
  }

  #begin({ runId, traceId, parentRunId, at }: RunRecord): void {
    const trace = this.#trace(traceId, at);
    const parent = parentRunId === undefined ? undefined : this.#run(parentRunId, { trace, at });
    begin(this.#run(runId, { trace, at, parent }), at, this.#writer);
    touch(trace, at);
  }

  #run(
    runId: string,
    { trace, at, parent }: { trace: TraceTally; at: number; parent?: RunTally | undefined },
  ): RunTally {
    const known = this.#runs.get(runId);
    if (known) return known;
    const row = this.#db.get(SQL.runById, this.#tenant, runId);
    const tally = row ? this.#tallyOf(row, trace) : this.#newRun(runId, { trace, at, parent });
    this.#runs.set(runId, tally);
    return tally;
  }

  #newRun(
    runId: string,
    { trace, at, parent }: { trace: TraceTally; at: number; parent: RunTally | undefined },
  ): RunTally {
    return {
      runId,
      trace,
      parent,
      startedAt: at,
      run: undefined,
      writer: this.#writer,
      agent: undefined,
      lastAgent: undefined,
      status: 'running',
      segmentAt: at,
      endedAt: undefined,
      error: undefined,
      added: nothing(),
    };
  }

  /** A run that is there, and those above it. */
  #tallyOf(row: Columns, trace: TraceTally): RunTally {
    return {
      runId: textIn(row['run_id']) ?? '',
      trace,
      parent: this.#runWithKey(number(row['parent']), trace),
      startedAt: number(row['started_at']) ?? 0,
      run: number(row['run']),
      writer: number(row['writer']),
      agent: textIn(row['agent']),
      lastAgent: textIn(row['last_agent']),
      status: textIn(row['status']) ?? 'running',
      segmentAt: number(row['segment_at']) ?? 0,
      endedAt: number(row['ended_at']),
      error: textIn(row['error']),
      added: nothing(),
    };
  }

  #runWithKey(run: number | undefined, trace: TraceTally): RunTally | undefined {
    if (run === undefined) return undefined;
    const row = this.#db.get(SQL.runByKey, run);
    const runId = row && textIn(row['run_id']);
    if (!row || runId === undefined) return undefined;
    const known = this.#runs.get(runId) ?? this.#tallyOf(row, trace);
    this.#runs.set(runId, known);
    return known;
  }

  #opens({ traceId, runId, type, name, agent, at }: OpenRecord): void {
    const trace = this.#trace(traceId, at);
    const run = runId === undefined ? undefined : this.#run(runId, { trace, at });
    if (type === 'agent' && run && agent !== undefined) became(run, name);
  }

  /** How many of its spans are new. */
  #part({ part, spans }: Parsed): number {
    const [{ at } = { at: 0 }] = spans;
    const trace = this.#trace(part.traceId, at);
    const told = this.#toldOf(trace, part);
    if (!told) return 0;
    const fresh = told.ids.size === 0 ? spans : spans.filter(({ id }) => !told.ids.has(id));
    for (const span of fresh) this.#span(span, trace);
    for (const { id, told: isOpen } of spans) if (isOpen) this.#closed.push({ trace, id });
    const { place, n, first, spans: text, said } = part;
    this.#add({ trace, index: told.index, place, n, first, text, said, segment: undefined });
    return fresh.length;
  }

  #segment(record: SegmentRecord, text: string): void {
    const { traceId, runId, parentRunId, at, touchedAt, place, n, first, segmentId } = record;
    const trace = this.#trace(traceId, at);
    const told = this.#toldOf(trace, record);
    if (!told) return;
    if (first === 0) this.#begin({ runId, traceId, at, ...(parentRunId !== undefined && { parentRunId }) });
    const run = this.#run(runId, { trace, at });
    touch(trace, touchedAt);
    const row = { trace, index: told.index, place, n, first, text, said: undefined, segment: segmentId };
    if (told.ids.size === 0) this.#countSegment(record, run);
    else this.#countDerived(row, told.ids);
    this.#add(row);
  }

  #countSegment({ agent, lastAgent, tools, turns, usage, end: ended, at }: SegmentRecord, run: RunTally): void {
    if (agent !== undefined) run.agent ??= agent;
    if (lastAgent !== undefined) run.lastAgent = lastAgent;
    run.added.tools += tools;
    run.added.turns += turns;
    for (const each of usage) this.#calls(run, each);
    if (ended) end(run, at, ended);
  }

  /** Others told spans of the trace: which of these are new is seen by their ids. */
  #countDerived({ trace, text, segment = '', ...row }: Row, told: ReadonlySet<string>): void {
    const keys = [keyOfPart(trace.trace ?? 0, 0), keyOfPart(trace.trace ?? 0, MOST_PARTS - 1)];
    const before = this.#db.all(SQL.ofSegment, ...keys, row.place, segment).map((one) => ({
      segment,
      place: row.place,
      hasSaid: true,
      first: number(one['first']) ?? 0,
      text: textIn(one['text']) ?? '[]',
    }));
    const known = new Set(endedIn(before).map(({ id }) => id));
    const now = endedIn([...before, { ...row, segment, text, hasSaid: true }]);
    for (const span of now) if (!known.has(span.id) && !told.has(span.id)) this.#span(span, trace);
  }

  /** What was told of the trace before. Undefined where this part is there already, or there is no room for it. */
  #toldOf(
    trace: TraceTally,
    { place, n }: Pick<Part, 'place' | 'n'>,
  ): { index: number; ids: ReadonlySet<string> } | undefined {
    const own = trace.rows;
    const told = trace.trace === undefined ? NEVER : this.#toldBefore.of(this.#db, trace.trace, place);
    const isThere = told.parts.has(n) || own.some((one) => one.place === place && one.n === n);
    const index = told.index + own.length;
    if (isThere || index >= MOST_PARTS) return undefined;
    const others = own.filter((one) => one.place !== place).flatMap(idsIn);
    return { index, ids: others.length === 0 ? told.ids : new Set([...told.ids, ...others]) };
  }

  #add(row: Row): void {
    row.trace.bytes += row.segment === undefined ? (row.said?.length ?? 0) : row.text.length;
    row.trace.rows.push(row);
    this.#parts.push(row);
  }

  #span(span: SpanRecord, trace: TraceTally): void {
    const { runId, at, details } = span;
    const run = runId === undefined ? undefined : this.#run(runId, { trace, at });
    touch(trace, span.endedAt);
    // A span that user code made is no call of the run.
    if (run && details) this.#count(span, run);
  }

  #count(span: SpanRecord, run: RunTally): void {
    switch (span.type) {
      case 'task':
        return this.#end(span, run);
      case 'agent':
        became(run, span.name);
        return span.details?.segmentAt === undefined ? undefined : this.#end(span, run);
      case 'function':
        // What was cut off goes on as another span.
        if (span.details?.outcome === undefined) run.added.tools += 1;
        return;
      case 'generation':
      case 'response':
        return this.#call(span, run);
    }
  }

  #end({ at, endedAt, error, details }: SpanRecord, run: RunTally): void {
    const { segmentAt = at, outcome = 'finished' } = details ?? {};
    end(run, segmentAt, { status: outcome, at: endedAt, ...(error && { error }) });
  }

  #call({ error, agent = '', details, endedAt }: SpanRecord, run: RunTally): void {
    const { usage, nanoUsd, attempts, origin, outcome } = details ?? {};
    if (!error && outcome === undefined) run.added.turns += 1;
    const called = new UsageTallies();
    called.count({ agent, at: endedAt, origin, usage, nanoUsd, attempts, isError: error !== undefined });
    for (const each of called.all()) this.#calls(run, each);
  }

  /** Counts calls for their run, and for those whose sub-agent it is. */
  #calls(run: RunTally, calls: UsageTally): void {
    addCalls(run, calls);
    this.#usage.add(calls);
  }

  // What is kept of it

  #keepTrace(tally: TraceTally): void {
    const { trace, traceId, record, startedAt, touchedAt, bytes } = tally;
    const named: Value[] = [record?.name ?? null, record?.groupId ?? null, jsonOf(record?.metadata)];
    if (trace === undefined) {
      tally.trace = this.#db.insert(SQL.newTrace, this.#tenant, traceId, ...named, startedAt, touchedAt, bytes);
      return;
    }
    if (record) this.#db.run(SQL.nameTrace, ...named, trace);
    this.#db.run(SQL.touch, touchedAt, bytes, trace);
  }

  /** Those above it first: it has their key. */
  #keepRun(run: RunTally): number {
    if (run.run !== undefined && this.#kept.has(run)) return run.run;
    const parent = run.parent && this.#keepRun(run.parent);
    const { added } = run;
    const state = [run.writer, run.agent, run.lastAgent, run.status, run.segmentAt, run.endedAt, run.error].map(
      (value) => value ?? null,
    );
    const sums = Object.values(added);
    if (run.run !== undefined) this.#db.run(SQL.run, ...state, ...sums, run.run);
    else {
      const who = [this.#tenant, run.runId, run.trace.trace ?? 0, parent ?? null, run.startedAt];
      run.run = this.#db.insert(SQL.newRun, ...who, ...state, ...sums);
    }
    this.#kept.add(run);
    return run.run;
  }

  #keepUsage({ hour, agent, model, provider, calls, errors, input, cached, output, nano, unpriced }: UsageTally): void {
    const who = [this.#tenant, hour, agent, model, provider];
    this.#db.run(SQL.usage, ...who, calls, errors, input, cached, output, nano, unpriced);
  }

  #keepPart({ trace, index, place, n, first, text, said, segment }: Row): void {
    const who = [keyOfPart(trace.trace ?? 0, index), place, n, this.#tenant, first, segment ?? null];
    const hasSaid = segment !== undefined || said !== undefined ? 1 : 0;
    this.#db.run(SQL.newPart, ...who, hasSaid, text, said ?? null);
  }

  #keepOpen({ id, traceId, parentId, runId, seq, type, name, agent, at }: OpenRecord): void {
    const trace = this.#traces.get(traceId)?.trace ?? 0;
    const run = runId === undefined ? null : (this.#runs.get(runId)?.run ?? null);
    const who = [trace, id, this.#tenant, this.#writer, run, parentId, seq, type, name, agent ?? null];
    this.#db.run(SQL.open, ...who, at);
  }
}

const NEVER: Told = { index: 0, parts: new Set(), ids: new Set() };

function touch(trace: TraceTally, at: number): void {
  trace.touchedAt = Math.max(trace.touchedAt, at);
}

/** An agent took over. */
function became(run: RunTally, agent: string): void {
  run.agent ??= agent;
  run.lastAgent = agent;
}

const jsonOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);

const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
