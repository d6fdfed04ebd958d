/**
 * A step of the schema: the newest items are read from the end of the index, whatever the planner takes the session for.
 * Without statistics, or beside many short sessions, it takes each for a handful of rows, and would read all 100,000 of
 * a long one to sort them.
 */
const FROM_THE_END = 'SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off';

const newest = (name: string, which: string): string => `
  CREATE FUNCTION ${name}(t text, s text, most bigint, OUT seq bigint, OUT item text) RETURNS SETOF record
  LANGUAGE sql STABLE ${FROM_THE_END} AS $f$
    SELECT i.seq, i.item FROM baton_session_items AS i WHERE i.tenant = t AND i.session = s ${which}
      ORDER BY i.seq DESC LIMIT most
  $f$;`;

const altered = (signature: string): string => `
  ALTER FUNCTION ${signature} ${FROM_THE_END};`;

export const NEWEST = [
  newest('baton_session_newest', ''),
  newest('baton_session_newest_readable', 'AND baton_session_readable(i.item)'),
  altered('baton_session_write(text, text, text, text, bigint, bigint, text[], text[], text[])'),
  altered('baton_session_pop(text, text, boolean)'),
].join('');
