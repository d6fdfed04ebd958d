/**
 * What happens inside PostgreSQL: one call does a list of operations, in one transaction and one statement.
 *
 * F1 The accounts of the whole list are locked first, by tenant and name: two lists never wait for each other in a ring.
 * F2 What an operation asks is compared after that, with what was committed by then. F3 Calls that lost their answer come
 * again with the same token, and find what they did.
 *
 * An operation is `do` with `t` tenant, `e` effect, `p` epoch, and `n` where it has one. `reserve` has `k` its token, `b`
 * names of accounts, `ln` and `lt` their limits (null: none), `a` and `o` nano-dollars and tokens, `r` the entry that it
 * replaces. `sent` has `k`; `end` has `a` and `o`; `recover` has `x`, the first epoch that it leaves alone.
 */
export const FUNCTIONS = `
  CREATE FUNCTION baton_budget_lock(ops jsonb) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    whose text;
    called text;
  BEGIN
    FOR whose, called IN
      SELECT DISTINCT x.t COLLATE "C", x.b COLLATE "C" FROM (
        SELECT o->>'t', b FROM jsonb_array_elements(ops) AS o, jsonb_array_elements_text(o->'b') AS b WHERE o ? 'b'
        UNION ALL
        SELECT e.tenant, unnest(e.budgets) FROM jsonb_array_elements(ops) AS o
          JOIN baton_budget_entries AS e ON e.n = coalesce(o->'n', o->'r'->'n')::bigint
          WHERE o->>'do' = 'end' OR o ? 'r'
        UNION ALL
        SELECT e.tenant, unnest(e.budgets) FROM jsonb_array_elements(ops) AS o
          JOIN baton_budget_entries AS e ON e.tenant = o->>'t' AND e.effect = o->>'e'
          WHERE o->>'do' = 'recover'
      ) AS x (t, b) ORDER BY 1, 2
    LOOP
      PERFORM 1 FROM baton_budgets WHERE tenant = whose AND budget = called FOR UPDATE;
      IF NOT FOUND THEN
        INSERT INTO baton_budgets (tenant, budget) VALUES (whose, called) ON CONFLICT DO NOTHING;
        PERFORM 1 FROM baton_budgets WHERE tenant = whose AND budget = called FOR UPDATE;
      END IF;
    END LOOP;
  END $f$;

  -- Ends an entry, and books what it came to. Whether it was open.
  CREATE FUNCTION baton_budget_end(id bigint, nano_spent bigint, tokens_spent bigint) RETURNS boolean
  LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    was baton_budget_entries;
  BEGIN
    DELETE FROM baton_budget_entries WHERE n = id RETURNING * INTO was;
    IF NOT FOUND THEN
      RETURN false;
    END IF;
    UPDATE baton_budgets SET held_nano = held_nano - was.nano, held_tokens = held_tokens - was.tokens,
      settled_nano = settled_nano + nano_spent, settled_tokens = settled_tokens + tokens_spent
      WHERE tenant = was.tenant AND budget = ANY (was.budgets);
    RETURN true;
  END $f$;

  CREATE FUNCTION baton_budget_find(op jsonb) RETURNS baton_budget_entries
  LANGUAGE sql STABLE AS $f$
    SELECT * FROM baton_budget_entries
      WHERE n = (op->'n')::bigint AND tenant = op->>'t' AND effect = op->>'e' AND epoch = (op->'p')::bigint
  $f$;

  CREATE FUNCTION baton_budget_reserve(op jsonb) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    names text[] := ARRAY (SELECT jsonb_array_elements_text(op->'b'));
    nano_asked bigint := (op->'a')::bigint;
    tokens_asked bigint := (op->'o')::bigint;
    replaced baton_budget_entries;
    account baton_budgets;
    most numeric;
    id bigint;
  BEGIN
    SELECT n INTO id FROM baton_budget_entries
      WHERE tenant = op->>'t' AND effect = op->>'e' AND epoch = (op->'p')::bigint AND token = op->>'k';
    IF FOUND THEN
      RETURN jsonb_build_object('n', id);
    END IF;
    IF op ? 'r' THEN
      SELECT * INTO replaced FROM baton_budget_find(jsonb_set(op->'r', '{t}', op->'t'));
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
      SELECT * INTO account FROM baton_budgets WHERE tenant = op->>'t' AND budget = names[i];
      IF names[i] = ANY (replaced.budgets) THEN
        account.held_nano := account.held_nano - replaced.nano;
        account.held_tokens := account.held_tokens - replaced.tokens;
      END IF;
      most := nullif(op->'ln'->(i - 1), 'null'::jsonb)::numeric;
      IF account.settled_nano + account.held_nano + nano_asked > most THEN
        RETURN jsonb_build_object('i', i - 1, 'what', 'nanoUsd',
          'settled', account.settled_nano, 'held', account.held_nano);
      END IF;
      most := nullif(op->'lt'->(i - 1), 'null'::jsonb)::numeric;
      IF account.settled_tokens + account.held_tokens + tokens_asked > most THEN
        RETURN jsonb_build_object('i', i - 1, 'what', 'tokens',
          'settled', account.settled_tokens, 'held', account.held_tokens);
      END IF;
    END LOOP;
    IF replaced.n IS NOT NULL THEN
      PERFORM baton_budget_end(replaced.n, 0, 0);
    END IF;
    INSERT INTO baton_budget_entries (tenant, effect, epoch, token, budgets, nano, tokens)
      VALUES (op->>'t', op->>'e', (op->'p')::bigint, op->>'k', names, nano_asked, tokens_asked) RETURNING n INTO id;
    UPDATE baton_budgets SET held_nano = held_nano + nano_asked, held_tokens = held_tokens + tokens_asked
      WHERE tenant = op->>'t' AND budget = ANY (names);
    RETURN jsonb_build_object('n', id);
  END $f$;

  CREATE FUNCTION baton_budget_sent(op jsonb) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  BEGIN
    UPDATE baton_budget_entries SET sender = op->>'k'
      WHERE n = (op->'n')::bigint AND tenant = op->>'t' AND effect = op->>'e' AND epoch = (op->'p')::bigint
        AND (sender IS NULL OR sender = op->>'k');
    RETURN FOUND;
  END $f$;

  CREATE FUNCTION baton_budget_recover(op jsonb) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    lost bigint;
    ended bigint := 0;
  BEGIN
    FOR lost IN
      SELECT n FROM baton_budget_entries
        WHERE tenant = op->>'t' AND effect = op->>'e' AND epoch < (op->'x')::bigint AND sender IS NULL FOR UPDATE
    LOOP
      IF baton_budget_end(lost, 0, 0) THEN
        ended := ended + 1;
      END IF;
    END LOOP;
    RETURN ended;
  END $f$;

  CREATE FUNCTION baton_budget_do(ops jsonb) RETURNS jsonb LANGUAGE plpgsql AS $f$
  DECLARE
    op jsonb;
    answers jsonb[] := '{}';
  BEGIN
    PERFORM baton_budget_lock(ops);
    FOR op IN SELECT * FROM jsonb_array_elements(ops) LOOP
      answers := array_append(answers, CASE op->>'do'
        WHEN 'reserve' THEN baton_budget_reserve(op)
        WHEN 'sent' THEN to_jsonb(baton_budget_sent(op))
        WHEN 'end' THEN to_jsonb(coalesce(
          (SELECT baton_budget_end(e.n, (op->'a')::bigint, (op->'o')::bigint) FROM baton_budget_find(op) AS e
            WHERE e.n IS NOT NULL), false))
        WHEN 'recover' THEN to_jsonb(baton_budget_recover(op))
      END);
    END LOOP;
    RETURN to_jsonb(answers);
  END $f$;
`;
