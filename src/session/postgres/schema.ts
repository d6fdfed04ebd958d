/**
 * Tables and functions, and how a database gets from one version of them to the next.
 *
 * Each change of a session is one call of a function: one statement for the client, so that a process which is stopped
 * holds no lock, and several for the server, each of which sees what was committed before the session's row was locked.
 * A single statement sees what was committed before it began to wait, which is too old for a pop or a clear.
 */
import { migrate } from '../../store/postgres/migrate.ts';
import type { RunSql } from '../../store/postgres/migrate.ts';
import { SessionError } from '../errors.ts';
import { SESSION_ALONG } from './along.ts';
import { ERASE } from './erase.ts';
import { NEWEST } from './newest.ts';

/**
 * Step n brings a database from version n to n + 1. A step that was released is never changed: processes of two
 * versions of this package may work on one database, so that a changed function gets another name.
 */
const STEPS = [
  `
  CREATE TABLE baton_sessions (
    tenant text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    head bigint NOT NULL,
    PRIMARY KEY (tenant, session)
  );
  CREATE TABLE baton_session_items (
    tenant text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    call_id text COLLATE "C",
    item text NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, session, seq),
    FOREIGN KEY (tenant, session) REFERENCES baton_sessions (tenant, session) ON DELETE CASCADE
  );
  -- A model may make ids longer than an index takes.
  CREATE INDEX baton_session_calls ON baton_session_items (tenant, session, left(call_id, 64), seq)
    WHERE call_id IS NOT NULL;
  CREATE TABLE baton_session_operations (
    tenant text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    hash text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (tenant, session, operation),
    FOREIGN KEY (tenant, session) REFERENCES baton_sessions (tenant, session) ON DELETE CASCADE
  );

  CREATE FUNCTION baton_session_readable(item text) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $f$
  BEGIN
    RETURN json_typeof(item::json) = 'object';
  EXCEPTION WHEN others THEN
    RETURN false;
  END $f$;

  CREATE FUNCTION baton_session_lock(t text, s text) RETURNS baton_sessions LANGUAGE plpgsql AS $f$
  DECLARE
    locked baton_sessions;
  BEGIN
    SELECT * INTO locked FROM baton_sessions WHERE tenant = t AND session = s FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO baton_sessions (tenant, session, generation, head) VALUES (t, s, 1, 0) ON CONFLICT DO NOTHING;
      SELECT * INTO locked FROM baton_sessions WHERE tenant = t AND session = s FOR UPDATE;
    END IF;
    RETURN locked;
  END $f$;

  -- Connections keep the plans of functions. One that was made while the tables were small must not read all of them
  -- when they have grown: hence enable_seqscan.

  -- Takes away the newest items where they are as said, and appends others.
  CREATE FUNCTION baton_session_write(
    t text, s text, asked_operation text, asked_hash text, asked_generation bigint, asked_head bigint,
    suffix text[], items text[], call_ids text[],
    OUT outcome text, OUT at_generation bigint, OUT at_first bigint, OUT at_last bigint
  ) LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    now_at baton_sessions := baton_session_lock(t, s);
    done baton_session_operations;
    stored text[];
    lowest bigint;
  BEGIN
    at_generation := now_at.generation;
    at_first := now_at.head + 1;
    at_last := now_at.head;
    IF asked_operation IS NOT NULL THEN
      SELECT * INTO done FROM baton_session_operations
        WHERE tenant = t AND session = s AND operation = asked_operation;
      IF FOUND THEN
        outcome := CASE
          WHEN done.generation <> now_at.generation THEN 'cleared'
          WHEN done.hash <> asked_hash THEN 'other'
          ELSE 'done'
        END;
        at_first := done.first;
        at_last := done.last;
        RETURN;
      END IF;
    END IF;
    IF asked_generation <> now_at.generation THEN
      outcome := 'cleared';
      RETURN;
    END IF;
    IF asked_head <> now_at.head THEN
      outcome := 'conflict';
      RETURN;
    END IF;
    IF cardinality(suffix) > 0 THEN
      SELECT array_agg(item ORDER BY seq), min(seq) INTO stored, lowest FROM (
        SELECT item, seq FROM baton_session_items WHERE tenant = t AND session = s
        ORDER BY seq DESC LIMIT cardinality(suffix)
      ) AS newest;
      IF stored IS DISTINCT FROM suffix THEN
        outcome := 'changed';
        RETURN;
      END IF;
      DELETE FROM baton_session_items WHERE tenant = t AND session = s AND seq >= lowest;
    END IF;
    at_last := now_at.head + cardinality(items);
    INSERT INTO baton_session_items (tenant, session, seq, call_id, item)
      SELECT t, s, now_at.head + rows.n, rows.call_id, rows.item
      FROM unnest(items, call_ids) WITH ORDINALITY AS rows (item, call_id, n);
    UPDATE baton_sessions SET head = at_last WHERE tenant = t AND session = s;
    IF asked_operation IS NOT NULL THEN
      INSERT INTO baton_session_operations (tenant, session, operation, generation, hash, first, last)
        VALUES (t, s, asked_operation, at_generation, asked_hash, at_first, at_last);
    END IF;
    outcome := 'done';
  END $f$;

  -- Takes away the newest readable item; where unreadable ones are newer, only if those may be passed over.
  CREATE FUNCTION baton_session_pop(
    t text, s text, tolerant boolean, OUT popped text, OUT unreadable bigint[]
  ) LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    newest record;
    below bigint := 9223372036854775807;
  BEGIN
    unreadable := '{}';
    PERFORM 1 FROM baton_sessions WHERE tenant = t AND session = s FOR UPDATE;
    LOOP
      -- One at a time: a query for all would be planned for all.
      SELECT seq, item INTO newest FROM baton_session_items
        WHERE tenant = t AND session = s AND seq < below ORDER BY seq DESC LIMIT 1;
      EXIT WHEN NOT FOUND;
      IF baton_session_readable(newest.item) THEN
        DELETE FROM baton_session_items WHERE tenant = t AND session = s AND seq = newest.seq;
        popped := newest.item;
        RETURN;
      END IF;
      unreadable := newest.seq || unreadable;
      below := newest.seq;
      EXIT WHEN NOT tolerant;
    END LOOP;
  END $f$;

  -- That an operation was done must be known to refuse its retry; what it did must not.
  CREATE FUNCTION baton_session_clear(t text, s text) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  BEGIN
    UPDATE baton_sessions SET generation = generation + 1 WHERE tenant = t AND session = s;
    DELETE FROM baton_session_items WHERE tenant = t AND session = s;
    UPDATE baton_session_operations SET hash = '' WHERE tenant = t AND session = s AND hash <> '';
  END $f$;

  -- Puts items in the place of the first call with an id, and drops later calls with it.
  CREATE FUNCTION baton_session_rewrite(
    t text, s text, targets text[], items text[], call_ids text[]
  ) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    places bigint[];
  BEGIN
    PERFORM 1 FROM baton_sessions WHERE tenant = t AND session = s FOR UPDATE;
    FOR i IN 1 .. cardinality(targets) LOOP
      SELECT array_agg(seq ORDER BY seq) INTO places FROM baton_session_items
        WHERE tenant = t AND session = s AND left(call_id, 64) = left(targets[i], 64) AND call_id = targets[i]
          AND baton_session_readable(item);
      CONTINUE WHEN places IS NULL;
      UPDATE baton_session_items SET item = items[i], call_id = call_ids[i]
        WHERE tenant = t AND session = s AND seq = places[1];
      DELETE FROM baton_session_items WHERE tenant = t AND session = s AND seq = ANY (places[2:]);
    END LOOP;
  END $f$;
  `,
  `
  CREATE TABLE baton_session_turns (
    tenant text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (tenant, session)
  );

  CREATE FUNCTION baton_session_now() RETURNS bigint LANGUAGE sql VOLATILE AS $f$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
  $f$;

  -- Gives the tenant back where a write may be made: so it is an argument of each write, in the same statement. The
  -- turn stays as it is until that has committed.
  CREATE FUNCTION baton_session_in_turn(t text, s text, turn_key text, turn_fence bigint, needs_turn boolean)
  RETURNS text LANGUAGE plpgsql AS $f$
  DECLARE
    found_line text;
    found_turn json;
  BEGIN
    IF turn_key IS NULL AND NOT needs_turn THEN
      RETURN t;
    END IF;
    SELECT line INTO found_line FROM baton_session_turns WHERE tenant = t AND session = s FOR SHARE;
    IF NOT FOUND AND turn_key IS NULL THEN
      -- The first turn of all must not be taken while this writes, either.
      INSERT INTO baton_session_turns (tenant, session, line) VALUES (t, s, '{"fence":0,"waiting":[]}')
        ON CONFLICT DO NOTHING;
      SELECT line INTO found_line FROM baton_session_turns WHERE tenant = t AND session = s FOR SHARE;
    END IF;
    found_turn := found_line::json;
    IF turn_key IS NOT NULL THEN
      IF (found_turn #>> '{holder,key}') IS DISTINCT FROM turn_key
        OR (found_turn ->> 'fence')::bigint IS DISTINCT FROM turn_fence THEN
        RAISE EXCEPTION 'baton: fenced' USING ERRCODE = 'BT001', DETAIL = coalesce(found_line, '');
      END IF;
      RETURN t;
    END IF;
    IF (found_turn #>> '{holder,key}') IS NOT NULL
      AND coalesce((found_turn #>> '{holder,until}')::numeric, 9e18) > baton_session_now() THEN
      RAISE EXCEPTION 'baton: taken' USING ERRCODE = 'BT002', DETAIL = found_line;
    END IF;
    RETURN t;
  END $f$;
  `,
  `${SESSION_ALONG}
  ${ERASE}`,
  NEWEST,
  `
  -- For what nobody may do in the turn of another. One that ran out counts, too: who had it writes on until it is taken.
  CREATE FUNCTION baton_session_in_any_turn(t text, s text, turn_key text, turn_fence bigint)
  RETURNS text LANGUAGE plpgsql AS $f$
  DECLARE
    found_line text;
  BEGIN
    PERFORM baton_session_in_turn(t, s, turn_key, turn_fence, true);
    IF turn_key IS NULL THEN
      SELECT line INTO found_line FROM baton_session_turns WHERE tenant = t AND session = s;
      IF (found_line::json #>> '{holder,key}') IS NOT NULL THEN
        RAISE EXCEPTION 'baton: taken' USING ERRCODE = 'BT002', DETAIL = found_line;
      END IF;
    END IF;
    RETURN t;
  END $f$;
  `,
];

/** @throws SessionError `session/newer-schema`, and nothing was changed; what the database says */
export function migrateSessions(run: RunSql, place: string): Promise<void> {
  return migrate(run, {
    component: 'session',
    steps: STEPS,
    place,
    newer: (message) => new SessionError('session/newer-schema', message),
  });
}
