/** Events in another form, together with a commit: see store/postgres/along.ts. */
import type { FunctionCall } from '../../store/postgres/along.ts';
import type { ReplaceCommand } from '../commands.ts';

/** Of the schema. The commit that it goes along with has locked the run's row. */
export const REPLACE = `
  CREATE FUNCTION baton_log_replace_along(c jsonb) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    t text := c->>'tenant';
    r text := c->>'run';
    places bigint[];
    gone text[];
  BEGIN
    SELECT array_agg((one->>'position')::bigint) INTO places FROM jsonb_array_elements(c->'events') AS one;
    SELECT array_agg(DISTINCT mark[1]) INTO gone
      FROM baton_run_events AS e, regexp_matches(e.event, '[{]"[$]baton:blob":"([A-Za-z0-9_-]+)"[}]', 'g') AS mark
      WHERE e.tenant = t AND e.run = r AND e.position = ANY (places);
    UPDATE baton_run_events AS e SET event = given.event
      FROM jsonb_to_recordset(c->'events') AS given (position bigint, event text)
      WHERE e.tenant = t AND e.run = r AND e.position = given.position;
    DELETE FROM baton_run_snapshots WHERE tenant = t AND run = r
      AND position > (SELECT min(place) FROM unnest(places) AS place) AND NOT (c->>'has_snapshot')::boolean;
    PERFORM baton_log_keep(t, r,
      ARRAY(SELECT jsonb_array_elements_text(c->'hashes')), ARRAY(SELECT jsonb_array_elements_text(c->'blobs')));
    IF gone IS NULL THEN
      RETURN NULL;
    END IF;
    PERFORM 1 FROM baton_blobs WHERE tenant = t AND hash = ANY (gone) ORDER BY hash FOR UPDATE;
    DELETE FROM baton_run_blobs AS b WHERE b.tenant = t AND b.run = r AND b.hash = ANY (gone)
      AND NOT EXISTS (SELECT 1 FROM baton_run_events AS e
        WHERE e.tenant = t AND e.run = r AND strpos(e.event, b.hash) > 0)
      AND NOT EXISTS (SELECT 1 FROM baton_run_snapshots AS s
        WHERE s.tenant = t AND s.run = r AND strpos(s.state, b.hash) > 0)
      AND NOT EXISTS (SELECT 1 FROM baton_run_inbox AS i
        WHERE i.tenant = t AND i.run = r AND strpos(i.event, b.hash) > 0);
    DELETE FROM baton_blobs AS b WHERE b.tenant = t AND b.hash = ANY (gone)
      AND NOT EXISTS (SELECT 1 FROM baton_run_blobs AS u WHERE u.tenant = t AND u.hash = b.hash);
    RETURN NULL;
  END $f$;
`;

export function replaceCall({ tenant, runId, hasSnapshot, events }: ReplaceCommand): FunctionCall {
  const blobs = events.flatMap(({ event }) => event.blobs);
  return {
    function: 'baton_log_replace_along',
    argument: {
      tenant,
      run: runId,
      has_snapshot: hasSnapshot,
      events: events.map(({ position, event }) => ({ position, event: event.text })),
      hashes: blobs.map(({ hash }) => hash),
      blobs: blobs.map((blob) => blob.text),
    },
  };
}
