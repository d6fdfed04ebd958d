/**
 * Writes of rooms that share a PostgreSQL database, committed together: the one that commits calls functions of the
 * others in its own statement. A function takes its command as jsonb, and gives null, or what it refuses as jsonb with
 * a `code`; then all of the statement is undone.
 */
import type { Failure, StoreWrite } from '../write.ts';
import { sqlState } from './connections.ts';

/** The command of a `StoreWrite` for PostgreSQL. */
export type FunctionCall = { readonly function: string; readonly argument: object };

/** Calls the functions of a JSON array of `FunctionCall`s, in order. Raises `REFUSED` where one refuses. */
export const ALONG = `
  CREATE FUNCTION baton_along(calls jsonb) RETURNS void LANGUAGE plpgsql AS $f$
  DECLARE
    one record;
    refusal jsonb;
  BEGIN
    FOR one IN SELECT value AS call, ordinality - 1 AS n FROM jsonb_array_elements(calls) WITH ORDINALITY LOOP
      EXECUTE format('SELECT %I($1)', one.call->>'function') INTO refusal USING one.call->'argument';
      IF refusal IS NOT NULL THEN
        RAISE EXCEPTION 'a write that was committed along was refused'
          USING ERRCODE = 'BT100', DETAIL = jsonb_build_object('n', one.n, 'refusal', refusal)::text;
      END IF;
    END LOOP;
  END $f$;
`;
const REFUSED = 'BT100';

/** The error of the room whose write was refused; undefined where the error is another. */
export function refusalOf(error: unknown, also: readonly StoreWrite[]): Error | undefined {
  if (sqlState(error) !== REFUSED || !(error instanceof Error) || !('detail' in error)) return undefined;
  // Made by `baton_along`.
  const { n, refusal }: { n: number; refusal: { code: string } } = JSON.parse(String(error.detail));
  const failure: Failure = { code: refusal.code, message: JSON.stringify(refusal) };
  return also[n]?.errorOf(failure);
}
