/**
 * The tables of the trace store. Step n brings a file from version n to n + 1. A step that was released is never
 * changed.
 *
 * Times are milliseconds since the epoch, money integers of 10^-9 US dollars. Keys are integers in the order of arrival,
 * so that inserts append and retention deletes from the front; what was said stands once a trace, and spans refer to it by number.
 */
export const STEPS = [
  `
  CREATE TABLE baton_traces (
    trace INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    name TEXT,
    group_id TEXT,
    metadata TEXT,
    started_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    content_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, trace_id)
  ) STRICT;
  CREATE INDEX baton_traces_content ON baton_traces (touched_at, content_bytes) WHERE content_bytes > 0;
  CREATE INDEX baton_traces_touched ON baton_traces (touched_at);

  CREATE TABLE baton_trace_runs (
    run INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run_id TEXT NOT NULL,
    trace INTEGER NOT NULL,
    parent INTEGER,
    agent TEXT,
    last_agent TEXT,
    status TEXT NOT NULL,
    segment_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    active_ms INTEGER NOT NULL DEFAULT 0,
    segments INTEGER NOT NULL DEFAULT 0,
    turns INTEGER NOT NULL DEFAULT 0,
    tool_calls INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    nano_usd INTEGER NOT NULL DEFAULT 0,
    model_calls INTEGER NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    UNIQUE (tenant, run_id)
  ) STRICT;
  CREATE INDEX baton_trace_runs_started ON baton_trace_runs (tenant, started_at) WHERE parent IS NULL;
  CREATE INDEX baton_trace_runs_trace ON baton_trace_runs (trace);

  CREATE TABLE baton_trace_spans (
    trace INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    run INTEGER,
    parent_id TEXT,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    agent TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    error TEXT,
    data TEXT NOT NULL,
    part INTEGER,
    refs TEXT,
    PRIMARY KEY (trace, span_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE baton_trace_content (
    trace INTEGER NOT NULL,
    part INTEGER NOT NULL,
    n INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (trace, part, n)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE baton_trace_usage (
    tenant TEXT NOT NULL,
    hour INTEGER NOT NULL,
    agent TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    nano_usd INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (tenant, hour, agent, model, provider)
  ) STRICT, WITHOUT ROWID;
  `,
  // Who writes a run, and when it was last heard of; spans that were open when it last wrote.
  `
  ALTER TABLE baton_trace_runs ADD COLUMN writer INTEGER;

  CREATE TABLE baton_trace_writers (
    writer INTEGER PRIMARY KEY,
    beat_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE baton_trace_open (
    trace INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    writer INTEGER NOT NULL,
    run INTEGER,
    parent_id TEXT,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    agent TEXT,
    started_at INTEGER NOT NULL,
    PRIMARY KEY (trace, span_id)
  ) STRICT, WITHOUT ROWID;
  `,
  // One row a part in place of one a span and one an item: a tenth of the work. A part's key is that of its trace and
  // the number of the part, so that the parts of a trace are together and no other index is needed.
  `
  DROP TABLE baton_trace_spans;
  DROP TABLE baton_trace_content;
  `,
  // A part is what was told of a trace since the one before: spans and what was said in them from the item `first` on,
  // or, where a segment is named, entries of it from that number on.
  `
  DROP TABLE IF EXISTS baton_trace_parts;
  DROP TABLE IF EXISTS baton_trace_said;
  CREATE TABLE baton_trace_parts (
    part INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,
    n INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    first INTEGER NOT NULL,
    segment TEXT,
    has_said INTEGER NOT NULL,
    text TEXT NOT NULL,
    said TEXT
  ) STRICT;
  -- Traces that are old are among those that began first.
  DROP INDEX baton_traces_touched;
  `,
  // Runs of a conversation, to look for them and to erase them. Traces of no group cost nothing.
  `
  CREATE INDEX baton_traces_group ON baton_traces (tenant, group_id) WHERE group_id IS NOT NULL;
  `,
];
