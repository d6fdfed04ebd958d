/**
 * A state as JSON and back. What follows from other parts is left out: the request is the input and the entries, in
 * this order, and most runs have one list of entries.
 */
import { initialState, inputItems, type List, listOf, type State, toArray } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';

type Lists = 'entries' | 'produced' | 'request' | 'responses' | 'checks' | 'toolChecks';
type Plain = Omit<State, Lists> & {
  entries: unknown[];
  /** Absent: the same as `entries`. */
  produced?: unknown[];
  responses: unknown[];
  checks: unknown[];
  toolChecks: unknown[];
};

export function encodeState(state: State): Json {
  const { entries, produced, request: _, responses, checks, toolChecks, ...rest } = state;
  const plain: Plain = {
    ...rest,
    entries: toArray(entries),
    ...(produced !== entries && { produced: toArray(produced) }),
    responses: toArray(responses),
    checks: toArray(checks),
    toolChecks: toArray(toolChecks),
  };
  return JSON.parse(JSON.stringify(plain)) as Json;
}

/** The state of a snapshot that `encodeState` made. Members that it did not have yet have their first value. */
export function decodeState(json: Json): State {
  const plain = json as unknown as Plain;
  const list = <T>(items: unknown[]): List<T> => listOf(items as T[]);
  const entries: State['entries'] = list(plain.entries);
  return {
    ...initialState(),
    ...plain,
    entries,
    produced: plain.produced ? list(plain.produced) : entries,
    request: listOf([...inputItems(plain.input), ...entries.backing.map(({ item }) => item)]),
    responses: list(plain.responses),
    checks: list(plain.checks),
    toolChecks: list(plain.toolChecks),
  };
}
