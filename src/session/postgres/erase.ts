/** A step of the schema: forgetting a session, a chunk a call. */
export const ERASE = `
  CREATE FUNCTION baton_session_erase(t text, s text, most bigint) RETURNS boolean
  LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    n bigint;
  BEGIN
    PERFORM 1 FROM baton_sessions WHERE tenant = t AND session = s FOR UPDATE;
    WITH gone AS (
      DELETE FROM baton_session_items WHERE tenant = t AND session = s AND seq IN (
        SELECT seq FROM baton_session_items WHERE tenant = t AND session = s ORDER BY seq LIMIT most)
      RETURNING 1
    ) SELECT count(*) INTO n FROM gone;
    IF n = most THEN
      RETURN true;
    END IF;
    WITH gone AS (
      DELETE FROM baton_session_operations WHERE tenant = t AND session = s AND operation IN (
        SELECT operation FROM baton_session_operations WHERE tenant = t AND session = s ORDER BY operation LIMIT most)
      RETURNING 1
    ) SELECT count(*) INTO n FROM gone;
    IF n = most THEN
      RETURN true;
    END IF;
    DELETE FROM baton_sessions WHERE tenant = t AND session = s;
    RETURN false;
  END $f$;
`;
