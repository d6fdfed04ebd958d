/** What a log in the same database commits together with its events: see store/postgres/along.ts. */
import type { FunctionCall } from '../../store/postgres/along.ts';
import type { StoreWrite } from '../../store/write.ts';
import type { AppendCommand, InTurn, Scope } from '../sqlite/commands.ts';
import { SessionError } from '../errors.ts';
import type { TurnCommand } from '../turns/line.ts';
import { refusal } from '../turns/stored.ts';
import { cleared, conflict, operationHash, safeId } from '../stored/operations.ts';
import { operationReused } from '../transaction.ts';

/** Of a step of the schema. */
export const SESSION_ALONG = `
  CREATE FUNCTION baton_session_append_along(c jsonb) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    made record;
    seen text;
  BEGIN
    BEGIN
      PERFORM baton_session_in_turn(c->>'tenant', c->>'session', c->>'turn_key', (c->>'turn_fence')::bigint, false);
    EXCEPTION WHEN SQLSTATE 'BT001' THEN
      GET STACKED DIAGNOSTICS seen = PG_EXCEPTION_DETAIL;
      RETURN jsonb_build_object('code', 'fenced', 'line', nullif(seen, ''));
    END;
    SELECT * INTO made FROM baton_session_write(
      c->>'tenant', c->>'session', c->>'operation', c->>'hash', (c->>'generation')::bigint, (c->>'head')::bigint, '{}',
      ARRAY(SELECT jsonb_array_elements_text(c->'items')), ARRAY(SELECT jsonb_array_elements_text(c->'call_ids')));
    RETURN CASE WHEN made.outcome = 'done' THEN NULL
      ELSE jsonb_build_object('code', made.outcome, 'head', made.at_last) END;
  END $f$;

  -- The end of a turn, or a note of what its run waits for: of who does not have it any more, nothing.
  CREATE FUNCTION baton_session_turn_along(c jsonb) RETURNS jsonb LANGUAGE plpgsql AS $f$
  DECLARE
    found_line text;
    turn jsonb;
  BEGIN
    SELECT line INTO found_line FROM baton_session_turns
      WHERE tenant = c->>'tenant' AND session = c->>'session' FOR UPDATE;
    turn := found_line::jsonb;
    IF (turn #>> '{holder,key}') IS DISTINCT FROM (c->>'key') OR turn->'fence' IS DISTINCT FROM c->'fence' THEN
      RETURN NULL;
    END IF;
    turn := CASE c->>'ask'
      WHEN 'end' THEN turn - 'holder'
      ELSE jsonb_set(turn #- '{holder,waitsFor}', '{holder}',
        (turn #- '{holder,waitsFor}')->'holder' || jsonb_strip_nulls(jsonb_build_object('waitsFor', c->'waitsFor')))
    END;
    UPDATE baton_session_turns SET line = turn::text WHERE tenant = c->>'tenant' AND session = c->>'session';
    RETURN NULL;
  END $f$;
`;

type Append = AppendCommand & Scope & InTurn & { readonly operationId: string };

export type Along = { readonly store: string; readonly ready: () => Promise<void> };

export function appendAlong(command: Append, { store, ready }: Along): StoreWrite {
  const { tenant, session, rows, operationId, generation, expectedHead, turn } = command;
  const call: FunctionCall = {
    function: 'baton_session_append_along',
    argument: {
      tenant,
      session,
      operation: safeId(operationId),
      hash: operationHash(command),
      generation,
      head: expectedHead,
      turn_key: turn?.key,
      turn_fence: turn?.fence,
      items: rows.map(({ text }) => text),
      call_ids: rows.map(({ callId }) => (callId === undefined ? null : safeId(callId))),
    },
  };
  return { store, component: 'session', command: call, ready, errorOf: ({ code, message }) => errorOf(code, message) };

  function errorOf(outcome: string, message: string): Error {
    switch (outcome) {
      case 'fenced': {
        const { line }: { line: string | null } = JSON.parse(message);
        return refusal('fenced', line ?? undefined, session);
      }
      case 'cleared':
        return cleared(session, 'PostgreSQL');
      case 'other':
        return operationReused(operationId);
      case 'conflict': {
        const { head }: { head: number } = JSON.parse(message);
        return conflict({ session, head, expected: expectedHead ?? 0 });
      }
      default:
        return new SessionError(
          'session/store',
          `PostgreSQL: the answer "${outcome}" is unknown. Is the schema damaged?`,
        );
    }
  }
}

/** The end of a turn, or a note. Undefined for what is not part of a commit. */
export function turnAlong(command: TurnCommand, scope: Scope, { store, ready }: Along): StoreWrite | undefined {
  if (command.ask !== 'end' && command.ask !== 'note') return undefined;
  const call: FunctionCall = { function: 'baton_session_turn_along', argument: { ...scope, ...command } };
  const errorOf = (): Error => new SessionError('session/store', 'PostgreSQL refused the end of a turn.');
  return { store, component: 'session', command: call, ready, errorOf };
}
