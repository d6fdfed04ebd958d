/** What a log in the same database commits together with its events: see store/postgres/along.ts. */
import type { FunctionCall } from '../../store/postgres/along.ts';
import type { StoreWrite } from '../../store/write.ts';
import type { AppendCommand, Scope } from '../sqlite/commands.ts';
import { SessionError } from '../errors.ts';
import { cleared, conflict, operationHash, otherContent, safeId } from '../stored/operations.ts';

/** A step of the schema. */
export const APPEND_ALONG = `
  CREATE FUNCTION baton_session_append_along(c jsonb) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $f$
  DECLARE
    made record;
  BEGIN
    SELECT * INTO made FROM baton_session_write(
      c->>'tenant', c->>'session', c->>'operation', c->>'hash', (c->>'generation')::bigint, (c->>'head')::bigint, '{}',
      ARRAY(SELECT jsonb_array_elements_text(c->'items')), ARRAY(SELECT jsonb_array_elements_text(c->'call_ids')));
    RETURN CASE WHEN made.outcome = 'done' THEN NULL
      ELSE jsonb_build_object('code', made.outcome, 'head', made.at_last) END;
  END $f$;
`;

type Append = AppendCommand & Scope & { readonly operationId: string };

export function appendAlong(
  command: Append,
  { store, ready }: { readonly store: string; readonly ready: () => Promise<void> },
): StoreWrite {
  const { tenant, session, rows, operationId, generation, expectedHead } = command;
  const call: FunctionCall = {
    function: 'baton_session_append_along',
    argument: {
      tenant,
      session,
      operation: safeId(operationId),
      hash: operationHash(command),
      generation,
      head: expectedHead,
      items: rows.map(({ text }) => text),
      call_ids: rows.map(({ callId }) => (callId === undefined ? null : safeId(callId))),
    },
  };
  return { store, component: 'session', command: call, ready, errorOf: ({ code, message }) => errorOf(code, message) };

  function errorOf(outcome: string, message: string): Error {
    switch (outcome) {
      case 'cleared':
        return cleared(session, 'PostgreSQL');
      case 'other':
        return otherContent(operationId);
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
