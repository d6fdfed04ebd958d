/**
 * Writes a batch, within a transaction of the writer thread.
 *
 * W1 A span counts once, by its id: only a span that was not there before adds to its run, its usage and whatever
 *    hears of a run's end. So a batch may come twice, and a segment that was lost may be told again.
 * W2 A run's state is that of its newest segment, in whatever order segments are told.
 */
import type { UsageData } from '../../protocol/model.ts';
import type { Batch, OpenRecord, RunRecord, SpanRecord, TraceRecord } from './batch.ts';
import { RUN_ENDED, type EndedRun } from './run-ended.ts';
import type { Statements } from '../../store/sqlite/statements.ts';

export type Written = { readonly spans: number };

const SQL = {
  trace: 'SELECT trace FROM baton_traces WHERE tenant = ? AND trace_id = ?',
  newTrace:
    'INSERT INTO baton_traces (tenant, trace_id, name, group_id, metadata, started_at, touched_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  nameTrace: 'UPDATE baton_traces SET name = ?, group_id = ?, metadata = ? WHERE trace = ? AND name IS NULL',
  touch: 'UPDATE baton_traces SET touched_at = max(touched_at, ?), content_bytes = content_bytes + ? WHERE trace = ?',
  run: 'SELECT run, parent FROM baton_trace_runs WHERE tenant = ? AND run_id = ?',
  newRun:
    "INSERT INTO baton_trace_runs (tenant, run_id, trace, parent, writer, status, segment_at, started_at) VALUES (?, ?, ?, ?, ?, 'running', ?, ?)",
  begin:
    "UPDATE baton_trace_runs SET status = 'running', writer = ?, segment_at = ?, ended_at = NULL, error = NULL WHERE run = ? AND segment_at < ?",
  beat: `INSERT INTO baton_trace_writers (writer, beat_at) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET beat_at = max(beat_at, excluded.beat_at)`,
  open: `INSERT OR IGNORE INTO baton_trace_open
    (trace, span_id, tenant, writer, run, parent_id, seq, type, name, agent, started_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  closed: 'DELETE FROM baton_trace_open WHERE trace = ? AND span_id = ?',
  end: 'UPDATE baton_trace_runs SET status = ?, ended_at = ?, error = ? WHERE run = ? AND segment_at <= ?',
  active: 'UPDATE baton_trace_runs SET active_ms = active_ms + ?, segments = segments + 1 WHERE run = ?',
  agent: 'UPDATE baton_trace_runs SET agent = coalesce(agent, ?), last_agent = ? WHERE run = ?',
  add: `UPDATE baton_trace_runs SET turns = turns + ?, tool_calls = tool_calls + ?, input_tokens = input_tokens + ?,
    cached_tokens = cached_tokens + ?, output_tokens = output_tokens + ?, nano_usd = nano_usd + ?,
    model_calls = model_calls + ?, unpriced = unpriced + ? WHERE run = ?`,
  span: `INSERT OR IGNORE INTO baton_trace_spans
    (trace, span_id, tenant, run, parent_id, seq, type, name, agent, started_at, ended_at, error, data, part, refs)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  content: 'INSERT OR IGNORE INTO baton_trace_content (trace, part, n, tenant, item) VALUES (?, ?, ?, ?, ?)',
  usage: `INSERT INTO baton_trace_usage
    (tenant, hour, agent, model, provider, calls, errors, input_tokens, cached_tokens, output_tokens, nano_usd, unpriced)
    VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + 1, errors = errors + excluded.errors,
    input_tokens = input_tokens + excluded.input_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
    output_tokens = output_tokens + excluded.output_tokens, nano_usd = nano_usd + excluded.nano_usd,
    unpriced = unpriced + excluded.unpriced`,
} as const;

const HOUR_MS = 3_600_000;
/** Characters of an item. */
const MOST_OF_ITEM = 262_144;
const KEPT_OF_ITEM = 16_384;

/** What a batch adds to a run. */
type Sums = {
  turns: number;
  tools: number;
  input: number;
  cached: number;
  output: number;
  nano: number;
  calls: number;
  unpriced: number;
};
type RunRow = { readonly run: number; readonly parent: number | undefined };

export function write(db: Statements, tenant: string, batch: Batch): Written {
  return new BatchWriter(db, tenant, batch.writer).write(batch);
}

class BatchWriter {
  readonly #db: Statements;
  readonly #tenant: string;
  readonly #writer: number;
  readonly #traces = new Map<string, number>();
  readonly #runs = new Map<string, RunRow>();
  readonly #parents = new Map<number, number | undefined>();
  readonly #sums = new Map<number, Sums>();
  readonly #touched = new Map<number, { at: number; bytes: number }>();
  readonly #ended: EndedRun[] = [];

  constructor(db: Statements, tenant: string, writer: number) {
    this.#db = db;
    this.#tenant = tenant;
    this.#writer = writer;
  }

  write({ at, traces, runs, open, spans, contents }: Batch): Written {
    this.#db.run(SQL.beat, this.#writer, at);
    for (const trace of traces) this.#nameTrace(trace);
    for (const run of runs) this.#begin(run);
    for (const span of open) this.#open(span);
    let count = 0;
    for (const span of spans) if (this.#span(span)) count += 1;
    for (const { traceId, part, n, item } of contents) {
      const trace = this.#trace(traceId, 0);
      const text = capped(JSON.stringify(item));
      const isNew = this.#db.run(SQL.content, trace, part, n, this.#tenant, text);
      if (isNew > 0) this.#touch(trace, 0, text.length);
    }
    for (const [run, sums] of this.#sums) this.#addSums(run, sums);
    for (const [trace, touched] of this.#touched) this.#db.run(SQL.touch, touched.at, touched.bytes, trace);
    for (const ended of this.#ended) for (const hear of RUN_ENDED) hear(this.#db, ended);
    return { spans: count };
  }

  #trace(traceId: string, at: number, record?: TraceRecord): number {
    const known = this.#traces.get(traceId);
    if (known !== undefined) return known;
    const row = this.#db.get(SQL.trace, this.#tenant, traceId);
    const trace = row ? Number(row['trace']) : this.#newTrace(traceId, at, record);
    this.#traces.set(traceId, trace);
    return trace;
  }

  #newTrace(traceId: string, at: number, record: TraceRecord | undefined): number {
    const { name = null, groupId = null, metadata } = record ?? {};
    return this.#db.insert(SQL.newTrace, this.#tenant, traceId, name, groupId, jsonOf(metadata), at, at);
  }

  #nameTrace(record: TraceRecord): void {
    const trace = this.#trace(record.traceId, record.at, record);
    this.#db.run(SQL.nameTrace, record.name, record.groupId, jsonOf(record.metadata), trace);
    this.#touch(trace, record.at, 0);
  }

  #touch(trace: number, at: number, bytes: number): void {
    const touched = this.#touched.get(trace);
    if (!touched) this.#touched.set(trace, { at, bytes });
    else {
      touched.at = Math.max(touched.at, at);
      touched.bytes += bytes;
    }
  }

  #begin({ runId, traceId, parentRunId, at }: RunRecord): void {
    const trace = this.#trace(traceId, at);
    const parent = parentRunId === undefined ? undefined : this.#run(parentRunId, { trace, at }).run;
    const { run } = this.#run(runId, { trace, at, parent });
    this.#db.run(SQL.begin, this.#writer, at, run, at);
    this.#touch(trace, at, 0);
  }

  #run(runId: string, { trace, at, parent }: { trace: number; at: number; parent?: number | undefined }): RunRow {
    const known = this.#runs.get(runId);
    if (known) return known;
    const found = this.#db.get(SQL.run, this.#tenant, runId);
    const row = found
      ? { run: Number(found['run']), parent: typeof found['parent'] === 'number' ? found['parent'] : undefined }
      : { run: this.#db.insert(SQL.newRun, this.#tenant, runId, trace, parent ?? null, this.#writer, at, at), parent };
    this.#runs.set(runId, row);
    this.#parents.set(row.run, row.parent);
    return row;
  }

  #open({ id, traceId, parentId, runId, seq, type, name, agent, at }: OpenRecord): void {
    const trace = this.#trace(traceId, at);
    const run = runId === undefined ? null : this.#run(runId, { trace, at }).run;
    const who = [trace, id, this.#tenant, this.#writer, run, parentId, seq, type, name, agent ?? null];
    this.#db.run(SQL.open, ...who, at);
    if (type === 'agent' && run !== null && agent !== undefined) this.#db.run(SQL.agent, name, name, run);
  }

  /** Whether the span is new. */
  #span(span: SpanRecord): boolean {
    const { id, parentId, type, name, at, endedAt, error, data, details, refs, runId } = span;
    const trace = this.#trace(span.traceId, at);
    const row = runId === undefined ? undefined : this.#run(runId, { trace, at });
    const said = JSON.stringify({ ...data, details });
    const who = [trace, id, this.#tenant, row?.run ?? null, parentId, span.seq, type, name, details?.agent ?? null];
    const isNew = this.#db.run(SQL.span, ...who, at, endedAt, jsonOf(error), said, span.part ?? null, jsonOf(refs));
    if (span.told) this.#db.run(SQL.closed, trace, id);
    if (isNew === 0) return false;
    this.#touch(trace, endedAt, 0);
    // A span that user code made is no call of the run.
    if (row && details) this.#count(span, row, trace);
    return true;
  }

  #count(span: SpanRecord, { run, parent }: RunRow, trace: number): void {
    switch (span.type) {
      case 'task':
        return this.#end(span, { run, parent }, trace);
      case 'agent':
        this.#db.run(SQL.agent, span.name, span.name, run);
        return span.details?.segmentAt === undefined ? undefined : this.#end(span, { run, parent }, trace);
      case 'function':
        // What was cut off goes on as another span.
        if (span.details?.outcome === undefined) this.#sum(run).tools += 1;
        return;
      case 'generation':
      case 'response':
        return this.#modelCall(span, run);
    }
  }

  #end({ at, endedAt, error, details }: SpanRecord, { run, parent }: RunRow, trace: number): void {
    const status = details?.outcome ?? 'finished';
    const { segmentAt = at } = details ?? {};
    this.#db.run(SQL.active, Math.max(0, endedAt - segmentAt), run);
    this.#db.run(SQL.end, status, endedAt, jsonOf(error), run, segmentAt);
    if (status === 'paused' || status === 'interrupted') return;
    const { runId = '', segmentId = '' } = details ?? {};
    this.#ended.push({ tenant: this.#tenant, run, trace, runId, segmentId, parent, status, endedAt });
  }

  #modelCall({ error, details, endedAt }: SpanRecord, run: number): void {
    const { usage, nanoUsd, origin, outcome, agent = '' } = details ?? {};
    const [input, cached, output] = [usage?.inputTokens ?? 0, cachedOf(usage), usage?.outputTokens ?? 0];
    const unpriced = nanoUsd === undefined && usage !== undefined ? 1 : 0;
    const nano = nanoUsd ?? 0;
    if (!error && outcome === undefined) this.#sum(run).turns += 1;
    // What sub-agents use, their callers use.
    for (let at: number | undefined = run; at !== undefined; at = this.#parentOf(at)) {
      const sums = this.#sum(at);
      sums.input += input;
      sums.cached += cached;
      sums.output += output;
      sums.nano += nano;
      sums.calls += 1;
      sums.unpriced += unpriced;
    }
    const hour = Math.floor(endedAt / HOUR_MS) * HOUR_MS;
    const who = [agent, origin?.model ?? '', origin?.provider ?? ''];
    this.#db.run(SQL.usage, this.#tenant, hour, ...who, error ? 1 : 0, input, cached, output, nano, unpriced);
  }

  #parentOf(run: number): number | undefined {
    if (this.#parents.has(run)) return this.#parents.get(run);
    const row = this.#db.get('SELECT parent FROM baton_trace_runs WHERE run = ?', run);
    const parent = typeof row?.['parent'] === 'number' ? row['parent'] : undefined;
    this.#parents.set(run, parent);
    return parent;
  }

  #sum(run: number): Sums {
    const known = this.#sums.get(run);
    if (known) return known;
    const sums: Sums = { turns: 0, tools: 0, input: 0, cached: 0, output: 0, nano: 0, calls: 0, unpriced: 0 };
    this.#sums.set(run, sums);
    return sums;
  }

  #addSums(run: number, { turns, tools, input, cached, output, nano, calls, unpriced }: Sums): void {
    this.#db.run(SQL.add, turns, tools, input, cached, output, nano, calls, unpriced, run);
  }
}

/** An item that is too large for a store of many is kept in its beginning. */
function capped(text: string): string {
  if (text.length <= MOST_OF_ITEM) return text;
  return JSON.stringify({ truncated: true, length: text.length, begin: text.slice(0, KEPT_OF_ITEM) });
}

const jsonOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);

/** Tokens that came from a cache, as the adapters of all providers name them. */
function cachedOf(usage: UsageData | undefined): number {
  const details = usage?.inputTokensDetails ?? [];
  const all = Array.isArray(details) ? details : [details];
  return all.reduce((sum, one) => sum + (one['cached_tokens'] ?? 0), 0);
}
