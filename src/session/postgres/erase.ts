/** Deletes rows of a table; where there may be more, that is the answer. */
const chunkOf = (table: string, key: string): string => `
    WITH gone AS (
      DELETE FROM baton_session_${table} WHERE tenant = t AND session = s AND ${key} IN (
        SELECT ${key} FROM baton_session_${table} WHERE tenant = t AND session = s ORDER BY ${key} LIMIT most)
      RETURNING 1
    ) SELECT count(*) INTO n FROM gone;
    IF n = most THEN
      RETURN true;
    END IF;`;

/** A step of the schema: forgetting a session, a chunk a call. */
export const ERASE = `
  -- Refuses (BT002) what is in the turn of a run other than these.
  CREATE FUNCTION baton_session_erase(t text, s text, most bigint, runs text[]) RETURNS boolean
  LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    n bigint;
    found_line text;
    holder json;
  BEGIN
    SELECT line INTO found_line FROM baton_session_turns WHERE tenant = t AND session = s FOR UPDATE;
    holder := found_line::json->'holder';
    IF holder IS NOT NULL AND (holder->>'runId') <> ALL (runs)
      AND coalesce((holder->>'until')::numeric, 9e18) > baton_session_now() THEN
      RAISE EXCEPTION 'baton: taken' USING ERRCODE = 'BT002', DETAIL = found_line;
    END IF;
    PERFORM 1 FROM baton_sessions WHERE tenant = t AND session = s FOR UPDATE;
    ${chunkOf('items', 'seq')}
    ${chunkOf('operations', 'operation')}
    DELETE FROM baton_session_turns WHERE tenant = t AND session = s;
    DELETE FROM baton_sessions WHERE tenant = t AND session = s;
    RETURN false;
  END $f$;
`;
