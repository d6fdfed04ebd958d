/**
 * What changes a log, as functions in the database (decisions/016, 067): one call each.
 *
 * F1 A refusal changes nothing of its commit; other commits of the same call are made.
 * F2 A row of a run is locked before it is judged. Statements inside a function see what was committed before the lock
 *    was got.
 * F3 A call for several commits waits for no row of a run: what others have locked it answers with `locked`, and the
 *    caller asks for that one alone. So nobody waits for a stranger's run, and no two calls wait for each other.
 *
 * Connections keep the plans of functions. One that was made while the tables were small must not read all of them when
 * they have grown: hence enable_seqscan.
 */
export const FUNCTIONS = `
  CREATE FUNCTION baton_log_now() RETURNS bigint LANGUAGE sql VOLATILE AS $f$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
  $f$;

  CREATE TYPE baton_log_outcome AS (
    n integer, outcome text, head bigint, fence bigint, posted bigint, at bigint, bytes bigint, stored text[]
  );

  CREATE FUNCTION baton_log_keep(t text, r text, hashes text[], texts text[]) RETURNS void
  LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  BEGIN
    -- The update locks a blob that is there, so that nobody removes it before this run is known to need it.
    INSERT INTO baton_blobs AS b (tenant, hash, value)
      SELECT DISTINCT ON (hash) t, hash, value FROM unnest(hashes, texts) AS given (hash, value) ORDER BY hash
      ON CONFLICT (tenant, hash) DO UPDATE SET hash = excluded.hash;
    INSERT INTO baton_run_blobs (tenant, hash, run)
      SELECT DISTINCT t, hash, r FROM unnest(hashes) AS given (hash) ON CONFLICT DO NOTHING;
  END $f$;

  -- Commits of different runs, at most one each. The texts of all their events are given apart, one after the other:
  -- where each begins and how many bytes it has. An array of texts would be read letter by letter.
  CREATE FUNCTION baton_log_append(t text, commits jsonb, starts integer[], sizes integer[], texts bytea, waits boolean)
  RETURNS SETOF baton_log_outcome LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    made integer[];
    c record;
    p record;
    row_now record;
    result baton_log_outcome;
    is_new boolean;
    -- One time for all, later than any lock that others gave back.
    now_ms bigint := baton_log_now();
  BEGIN
    -- What is as its writer expects, all at once: locked and compared, then set; or made. A row is found by its key, and
    -- then by its place, one by one: a join would read all runs of the tenant where its plan was made for a small table.
    FOR result IN
      WITH given AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(commits) AS x (
          n integer, run text, position bigint, fence bigint, first integer, count integer, bytes bigint,
          max_bytes bigint, plain boolean, creates boolean, agent text, worker text, session text, fork_of text,
          status text, waiting text, clears boolean, consumed bigint, release boolean)
        WHERE plain
      ), mine AS MATERIALIZED (
        SELECT given.*, r.place FROM given CROSS JOIN LATERAL (
          SELECT ctid AS place, head, fence, owner, bytes FROM baton_runs WHERE tenant = t AND run = given.run
          OFFSET 0 FOR UPDATE SKIP LOCKED
        ) AS r
        WHERE given.creates IS NULL AND r.fence = given.fence AND r.head = given.position AND r.owner IS NOT NULL
          AND r.bytes + given.bytes <= given.max_bytes
      ), moved AS (
        UPDATE baton_runs AS r SET
          head = r.head + mine.count, bytes = r.bytes + mine.bytes, updated_at = now_ms,
          status = coalesce(mine.status, r.status),
          waiting = CASE WHEN mine.clears THEN NULL ELSE coalesce(mine.waiting, r.waiting) END,
          consumed = greatest(r.consumed, least(r.posted, mine.consumed)),
          owner = CASE WHEN mine.release THEN NULL ELSE r.owner END
        -- A version that is younger than this statement is not found: it is judged below.
        FROM mine WHERE r.ctid = mine.place
        RETURNING mine.n, r.run, mine.position, mine.first, mine.count, r.head, r.fence, r.posted, r.bytes
      ), born AS (
        INSERT INTO baton_runs (tenant, run, agent, session, fork_of, status, waiting, head, bytes, owner, fence, posted,
            consumed, created_at, updated_at)
          SELECT t, run, agent, session, fork_of, coalesce(status, 'running'), waiting, count, bytes,
            CASE WHEN release THEN NULL ELSE worker END, 1, 0, 0, now_ms, now_ms
          FROM given WHERE creates AND bytes <= max_bytes ORDER BY run
          ON CONFLICT DO NOTHING RETURNING run
      ), done AS MATERIALIZED (
        SELECT * FROM moved
        UNION ALL
        SELECT n, run, position, first, count, count, 1, 0, bytes FROM given JOIN born USING (run)
      ), events AS (
        INSERT INTO baton_run_events (tenant, run, position, at, event)
          SELECT t, run, position + i, now_ms,
            convert_from(substring(texts FROM starts[first + i] FOR sizes[first + i]), 'UTF8')
          FROM done CROSS JOIN LATERAL generate_series(0, count - 1) AS i
      )
      SELECT n, 'done', head, fence, posted, now_ms, bytes, NULL::text[] FROM done
    LOOP
      made := made || result.n;
      RETURN NEXT result;
    END LOOP;
    IF cardinality(made) = jsonb_array_length(commits) THEN
      RETURN;
    END IF;

    -- What makes a run, keeps more than events, or is refused: one after the other.
    FOR c IN
      SELECT * FROM jsonb_to_recordset(commits) AS x (
        n integer, run text, position bigint, fence bigint, first integer, count integer, bytes bigint, max_bytes bigint,
        creates boolean, agent text, worker text, parent text, parent_fence bigint, session text, fork_of text,
        status text, waiting text, clears boolean, consumed bigint, release boolean,
        snapshot_at bigint, snapshot text, hashes text[], blobs text[])
      WHERE made IS NULL OR n <> ALL (made) ORDER BY run
    LOOP
      result := (c.n, 'done', NULL, NULL, NULL, NULL, NULL, NULL);
      is_new := false;
      LOOP
        IF waits THEN
          SELECT * INTO row_now FROM baton_runs WHERE tenant = t AND run = c.run FOR UPDATE;
        ELSE
          SELECT * INTO row_now FROM baton_runs WHERE tenant = t AND run = c.run FOR UPDATE SKIP LOCKED;
          IF NOT FOUND THEN
            PERFORM 1 FROM baton_runs WHERE tenant = t AND run = c.run;
            IF FOUND THEN
              result.outcome := 'locked';
              EXIT;
            END IF;
          END IF;
        END IF;
        EXIT WHEN row_now.run IS NOT NULL OR c.creates IS NOT TRUE;
        IF c.parent IS NOT NULL THEN
          IF waits THEN
            SELECT fence, owner INTO p FROM baton_runs WHERE tenant = t AND run = c.parent FOR SHARE;
          ELSE
            SELECT fence, owner INTO p FROM baton_runs WHERE tenant = t AND run = c.parent FOR SHARE SKIP LOCKED;
          END IF;
          IF NOT FOUND THEN
            PERFORM 1 FROM baton_runs WHERE tenant = t AND run = c.parent;
            result.outcome := CASE WHEN FOUND THEN 'locked' ELSE 'unknown-parent' END;
            EXIT;
          END IF;
          IF p.fence <> c.parent_fence OR p.owner IS NULL THEN
            result.outcome := 'fenced-parent';
            result.fence := p.fence;
            EXIT;
          END IF;
        END IF;
        IF c.bytes > c.max_bytes THEN
          result.outcome := 'too-large';
          result.bytes := c.bytes;
          EXIT;
        END IF;
        INSERT INTO baton_runs (tenant, run, agent, parent, session, fork_of, status, waiting, head, bytes, owner, fence,
            posted, consumed, created_at, updated_at)
          VALUES (t, c.run, c.agent, c.parent, c.session, c.fork_of, coalesce(c.status, 'running'), c.waiting, 0, 0, c.worker, 1, 0,
            0, now_ms, now_ms)
          ON CONFLICT DO NOTHING RETURNING * INTO row_now;
        is_new := FOUND;
        EXIT WHEN is_new;
        -- Somebody made it in between: look again.
      END LOOP;

      IF result.outcome = 'done' AND row_now.run IS NULL THEN
        result.outcome := 'unknown';
      ELSIF result.outcome = 'done' AND NOT is_new THEN
        result.head := row_now.head;
        result.fence := row_now.fence;
        result.posted := row_now.posted;
        result.at := row_now.updated_at;
        result.bytes := row_now.bytes;
        IF c.creates THEN
          result.outcome := 'exists';
        ELSIF row_now.fence <> c.fence OR row_now.owner IS NULL THEN
          result.outcome := 'fenced';
        ELSIF row_now.head <> c.position THEN
          result.outcome := 'conflict';
        ELSIF row_now.bytes + c.bytes > c.max_bytes THEN
          result.outcome := 'too-large';
          result.bytes := row_now.bytes + c.bytes;
        END IF;
        -- It may have been made before: the caller compares, who knows what is the same JSON.
        IF (CASE WHEN c.creates THEN row_now.owner = c.worker AND row_now.fence = 1
            ELSE row_now.fence = c.fence AND (row_now.head <> c.position OR row_now.owner IS NULL AND c.release) END) THEN
          SELECT coalesce(array_agg(event ORDER BY position), '{}') INTO result.stored FROM baton_run_events
            WHERE tenant = t AND run = c.run AND position >= c.position AND position < c.position + c.count;
        END IF;
      END IF;

      IF result.outcome = 'done' THEN
        UPDATE baton_runs AS r SET
          head = c.position + c.count, bytes = r.bytes + c.bytes, updated_at = now_ms,
          status = coalesce(c.status, r.status),
          waiting = CASE WHEN c.clears THEN NULL ELSE coalesce(c.waiting, r.waiting) END,
          consumed = greatest(r.consumed, least(r.posted, c.consumed)),
          owner = CASE WHEN c.release THEN NULL ELSE r.owner END
          WHERE tenant = t AND run = c.run;
        INSERT INTO baton_run_events (tenant, run, position, at, event)
          SELECT t, c.run, c.position + i, now_ms,
            convert_from(substring(texts FROM starts[c.first + i] FOR sizes[c.first + i]), 'UTF8')
          FROM generate_series(0, c.count - 1) AS i;
        IF c.snapshot IS NOT NULL THEN
          INSERT INTO baton_run_snapshots (tenant, run, position, state) VALUES (t, c.run, c.snapshot_at, c.snapshot)
            ON CONFLICT (tenant, run) DO UPDATE SET position = excluded.position, state = excluded.state;
        END IF;
        IF c.hashes IS NOT NULL THEN
          PERFORM baton_log_keep(t, c.run, c.hashes, c.blobs);
        END IF;
        result.head := c.position + c.count;
        result.fence := row_now.fence;
        result.posted := row_now.posted;
        result.at := now_ms;
      END IF;
      RETURN NEXT result;
    END LOOP;
  END $f$;

  -- One commit, and what others write in the same database (see store/postgres/along.ts): all or nothing.
  CREATE FUNCTION baton_log_append_along(t text, commits jsonb, starts integer[], sizes integer[], texts bytea,
    along jsonb)
  RETURNS SETOF baton_log_outcome LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    result baton_log_outcome;
  BEGIN
    SELECT * INTO result FROM baton_log_append(t, commits, starts, sizes, texts, true);
    -- What was committed before was committed with these.
    IF result.outcome = 'done' THEN
      PERFORM baton_along(along);
    END IF;
    RETURN NEXT result;
  END $f$;

  CREATE FUNCTION baton_log_post(t text, r text, k text, token text, given text, hashes text[], blobs text[],
    OUT outcome text, OUT run_status text, OUT place bigint, OUT posted_at bigint, OUT event text
  ) LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    before bigint;
    first record;
  BEGIN
    SELECT status, posted INTO run_status, before FROM baton_runs WHERE tenant = t AND run = r FOR UPDATE;
    IF NOT FOUND THEN
      outcome := 'unknown';
      RETURN;
    END IF;
    SELECT i.position, i.at, i.event, i.post INTO first FROM baton_run_inbox AS i
      WHERE i.tenant = t AND i.run = r AND i.key = k;
    IF FOUND THEN
      outcome := CASE WHEN first.post = token THEN 'first' ELSE 'later' END;
      place := first.position;
      posted_at := first.at;
      event := first.event;
      RETURN;
    END IF;
    IF run_status IN ('finished', 'cancelled') THEN
      outcome := 'ended';
      RETURN;
    END IF;
    outcome := 'first';
    place := before + 1;
    posted_at := baton_log_now();
    event := given;
    INSERT INTO baton_run_inbox (tenant, run, position, key, post, at, event)
      VALUES (t, r, place, k, token, posted_at, given);
    UPDATE baton_runs SET posted = place WHERE tenant = t AND run = r;
    IF cardinality(hashes) > 0 THEN
      PERFORM baton_log_keep(t, r, hashes, blobs);
    END IF;
  END $f$;

  CREATE FUNCTION baton_log_claim(t text, r text, taker text, token text, seen_owner text, seen_fence bigint,
    seen_beat bigint, OUT outcome text, OUT owner text, OUT fence bigint, OUT beat bigint, OUT is_expired boolean
  ) LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    last_claim text;
  BEGIN
    SELECT x.owner, x.fence, x.claim INTO owner, fence, last_claim FROM baton_runs AS x
      WHERE x.tenant = t AND x.run = r FOR UPDATE;
    IF NOT FOUND THEN
      outcome := 'unknown';
      RETURN;
    END IF;
    IF last_claim = token THEN
      outcome := 'granted';
      RETURN;
    END IF;
    SELECT w.beat, w.at + w.lease_ms < baton_log_now() INTO beat, is_expired FROM baton_workers AS w
      WHERE w.tenant = t AND w.worker = baton_log_claim.owner;
    IF owner IS DISTINCT FROM seen_owner OR fence <> seen_fence OR beat IS DISTINCT FROM seen_beat THEN
      outcome := 'refused';
      RETURN;
    END IF;
    UPDATE baton_runs AS x SET owner = taker, fence = x.fence + 1, claim = token WHERE x.tenant = t AND x.run = r;
    -- A worker that has nothing left and did not say that it goes.
    IF owner <> taker THEN
      DELETE FROM baton_workers AS w WHERE w.tenant = t AND w.worker = baton_log_claim.owner
        AND NOT EXISTS (SELECT 1 FROM baton_runs AS x WHERE x.tenant = t AND x.owner = w.worker);
    END IF;
    outcome := 'granted';
    fence := fence + 1;
  END $f$;

  -- Runs with all that belongs to them, their sub-agents' included. A run that makes a child has its parent's row.
  CREATE FUNCTION baton_log_remove(t text, named text[], of_session text, before bigint, even_open boolean, most bigint,
    OUT removed bigint, OUT open_run text, OUT open_status text
  ) LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    level text[];
    unused text[];
  BEGIN
    removed := 0;
    IF named IS NOT NULL AND NOT even_open THEN
      SELECT run, status INTO open_run, open_status FROM unnest(named) WITH ORDINALITY AS x (name, i)
        JOIN baton_runs ON tenant = t AND run = name
        WHERE status IN ('running', 'paused', 'stopping') ORDER BY i LIMIT 1;
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
    SELECT array_agg(run) INTO level FROM (
      SELECT run FROM baton_runs WHERE tenant = t
        AND CASE WHEN named IS NULL THEN parent IS NULL ELSE run = ANY (named) END
        AND (even_open OR status NOT IN ('running', 'paused', 'stopping'))
        AND (of_session IS NULL OR session = of_session)
        AND (before IS NULL OR updated_at < before)
      ORDER BY created_at, run LIMIT most FOR UPDATE
    ) AS chosen;
    WHILE level IS NOT NULL LOOP
      PERFORM 1 FROM baton_blobs WHERE tenant = t
        AND hash IN (SELECT hash FROM baton_run_blobs WHERE tenant = t AND run = ANY (level)) ORDER BY hash FOR UPDATE;
      -- Each statement sees what was committed before it began; this one what those had who held the blobs.
      WITH gone AS (DELETE FROM baton_run_blobs WHERE tenant = t AND run = ANY (level) RETURNING hash)
        SELECT array_agg(DISTINCT hash) INTO unused FROM gone;
      DELETE FROM baton_blobs AS b WHERE b.tenant = t AND b.hash = ANY (unused)
        AND NOT EXISTS (SELECT 1 FROM baton_run_blobs AS u WHERE u.tenant = t AND u.hash = b.hash);
      DELETE FROM baton_run_events WHERE tenant = t AND run = ANY (level);
      DELETE FROM baton_run_snapshots WHERE tenant = t AND run = ANY (level);
      DELETE FROM baton_run_inbox WHERE tenant = t AND run = ANY (level);
      DELETE FROM baton_runs WHERE tenant = t AND run = ANY (level);
      removed := removed + cardinality(level);
      SELECT array_agg(run) INTO level FROM (
        SELECT run FROM baton_runs WHERE tenant = t AND parent = ANY (level) ORDER BY run FOR UPDATE
      ) AS children;
    END LOOP;
  END $f$;
`;
