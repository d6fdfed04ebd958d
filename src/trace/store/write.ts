/**
 * Writes a batch, within a transaction of the writer thread.
 *
 * W1 A span counts once, by its id: only a span that was not there before adds to its run, its usage and whatever
 *    hears of a run's end. So a batch may come twice, and a segment that was lost may be told again.
 * W2 A run's state is that of its newest segment, in whatever order segments are told.
 */
import type { OpenRecord, Part, RunRecord, SpanRecord, TraceRecord } from './batch.ts';
import { keyOfPart, MOST_PARTS } from './part-key.ts';
import type { Parsed, Read } from './redacted.ts';
import { RUN_ENDED, type EndedRun } from './run-ended.ts';
import type { Columns, Statements, Value } from '../../store/sqlite/statements.ts';
import { spansIn } from './span-text.ts';
import { begin, end, nothing, type RunTally, type TraceTally, UsageTallies, type UsageTally } from './tally.ts';
import type { Told, ToldBefore } from './told-before.ts';

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
  newPart: 'INSERT INTO baton_trace_parts (part, place, n, tenant, spans) VALUES (?, ?, ?, ?, ?)',
  said: 'INSERT INTO baton_trace_said (part, place, first, tenant, items) VALUES (?, ?, ?, ?, ?)',
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
  readonly #ended: { readonly run: RunTally; readonly span: SpanRecord; readonly status: EndedRun['status'] }[] = [];
  /** Runs whose row is written. */
  readonly #kept = new Set<RunTally>();
  readonly #closed: { readonly trace: TraceTally; readonly id: string }[] = [];
  readonly #parts: { readonly trace: TraceTally; readonly index: number; readonly part: Part }[] = [];

  constructor(db: Statements, { tenant, toldBefore }: Writing, writer: number) {
    this.#db = db;
    this.#tenant = tenant;
    this.#toldBefore = toldBefore;
    this.#writer = writer;
  }

  write({ head, parts }: Read): Written {
    for (const trace of head.traces) this.#nameTrace(trace);
    for (const run of head.runs) this.#begin(run);
    for (const span of head.open) this.#opens(span);
    let count = 0;
    for (const part of parts) count += this.#part(part);
    for (const trace of this.#traces.values()) this.#keepTrace(trace);
    for (const run of this.#runs.values()) this.#keepRun(run);
    for (const each of this.#usage.all()) this.#keepUsage(each);
    for (const { trace, index, part } of this.#parts) this.#keepPart(keyOfPart(trace.trace ?? 0, index), part);
    this.#db.run(SQL.beat, this.#writer, head.at);
    for (const span of head.open) this.#keepOpen(span);
    for (const { trace, id } of this.#closed) this.#db.run(SQL.closed, trace.trace ?? 0, id);
    for (const { run, span, status } of this.#ended) this.#tellEnd(run, span, status);
    return { spans: count };
  }

  // What is told

  #trace(traceId: string, at: number): TraceTally {
    const known = this.#traces.get(traceId);
    if (known) return known;
    const row = this.#db.get(SQL.trace, this.#tenant, traceId);
    const trace = row ? Number(row['trace']) : undefined;
    const tally = { traceId, trace, startedAt: at, record: undefined, touchedAt: at, bytes: 0 };
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
      runId: text(row['run_id']) ?? '',
      trace,
      parent: this.#runWithKey(number(row['parent']), trace),
      startedAt: number(row['started_at']) ?? 0,
      run: number(row['run']),
      writer: number(row['writer']),
      agent: text(row['agent']),
      lastAgent: text(row['last_agent']),
      status: text(row['status']) ?? 'running',
      segmentAt: number(row['segment_at']) ?? 0,
      endedAt: number(row['ended_at']),
      error: text(row['error']),
      added: nothing(),
    };
  }

  #runWithKey(run: number | undefined, trace: TraceTally): RunTally | undefined {
    if (run === undefined) return undefined;
    const row = this.#db.get(SQL.runByKey, run);
    const runId = row && text(row['run_id']);
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
    const own = this.#parts.filter((one) => one.trace === trace);
    const told = trace.trace === undefined ? NEVER : this.#toldBefore.of(this.#db, trace.trace, part.place);
    const isThere = told.parts.has(part.n) || own.some((one) => one.part.place === part.place && one.part.n === part.n);
    const index = told.index + own.length;
    if (isThere || index >= MOST_PARTS) return 0;
    const others = own.filter((one) => one.part.place !== part.place).flatMap((one) => spansIn(one.part.spans));
    const ids = others.length === 0 ? told.ids : new Set([...told.ids, ...others.map(({ id }) => id)]);
    const fresh = ids.size === 0 ? spans : spans.filter(({ id }) => !ids.has(id));
    for (const span of fresh) this.#span(span, trace);
    for (const { id, told: isOpen } of spans) if (isOpen) this.#closed.push({ trace, id });
    trace.bytes += part.said?.length ?? 0;
    this.#parts.push({ trace, index, part });
    return fresh.length;
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
        return this.#usage.count(run, span);
    }
  }

  #end(span: SpanRecord, run: RunTally): void {
    end(run, span);
    const status = span.details?.outcome ?? 'finished';
    if (status !== 'paused' && status !== 'interrupted') this.#ended.push({ run, span, status });
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

  #keepPart(key: number, { place, n, spans, said, first }: Part): void {
    this.#db.run(SQL.newPart, key, place, n, this.#tenant, spans);
    if (said !== undefined) this.#db.run(SQL.said, key, place, first, this.#tenant, said);
  }

  #keepOpen({ id, traceId, parentId, runId, seq, type, name, agent, at }: OpenRecord): void {
    const trace = this.#traces.get(traceId)?.trace ?? 0;
    const run = runId === undefined ? null : (this.#runs.get(runId)?.run ?? null);
    const who = [trace, id, this.#tenant, this.#writer, run, parentId, seq, type, name, agent ?? null];
    this.#db.run(SQL.open, ...who, at);
  }

  #tellEnd(
    { run, runId, trace, parent }: RunTally,
    { segmentId = '', endedAt }: SpanRecord,
    status: EndedRun['status'],
  ): void {
    const keys = { run: run ?? 0, trace: trace.trace ?? 0, parent: parent?.run };
    for (const hear of RUN_ENDED) hear(this.#db, { tenant: this.#tenant, ...keys, runId, segmentId, status, endedAt });
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
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
