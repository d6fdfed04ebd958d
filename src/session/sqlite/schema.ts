/** The tables of sessions. Step n brings a file from version n to n + 1. A step that was released is never changed. */
export const STEPS = [
  `
  CREATE TABLE baton_sessions (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    generation INTEGER NOT NULL,
    head INTEGER NOT NULL,
    PRIMARY KEY (tenant, session)
  ) STRICT;
  CREATE TABLE baton_session_items (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    call_id TEXT,
    item TEXT NOT NULL,
    saved_at INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (tenant, session, seq),
    FOREIGN KEY (tenant, session) REFERENCES baton_sessions (tenant, session) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX baton_session_calls ON baton_session_items (tenant, session, call_id, seq) WHERE call_id IS NOT NULL;
  CREATE TABLE baton_session_operations (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    operation TEXT NOT NULL,
    generation INTEGER NOT NULL,
    hash TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (tenant, session, operation),
    FOREIGN KEY (tenant, session) REFERENCES baton_sessions (tenant, session) ON DELETE CASCADE
  ) STRICT;
  `,
  `
  CREATE TABLE baton_session_turns (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (tenant, session)
  ) STRICT;
  `,
];
