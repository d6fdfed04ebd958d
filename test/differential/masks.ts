/**
 * Takes out of two traces what may differ between them, so that everything else stays compared.
 *
 * K1 A mask is as narrow as its path and its check: what it does not name is left alone and still has to be equal.
 * K2 Paths are those of `firstDifference` without `$.`, like `runs[0].error.message`. Index keys stand in brackets.
 */
import { expect } from 'vitest';
import type { Trace } from './kit.ts';
import { firstDifference, type Json } from './normalise.ts';

/** The traces of one case. */
export type Pair = { readonly published: Trace; readonly ours: Trace };
/** Gives the pair without what may differ; throws where a difference is not the one that was meant. */
export type Mask = (pair: Pair) => Pair;
/** Says whether `ours` is what is meant in place of `published`. */
export type Check = (published: Value, ours: Value) => boolean;

export type Value = Json | undefined;

export const text = (value: Value): string => (typeof value === 'string' ? value : '');
/** Whether the JSON of a value has this in it somewhere. */
export const holds = (value: Value, part: string): boolean => JSON.stringify(value ?? null).includes(part);
export const list = (value: Value): Json[] => (Array.isArray(value) ? value : []);
export const field = (value: Value, ...path: (string | number)[]): Value =>
  path.reduce<Value>(
    (at, key) => (at instanceof Object ? new Map(Object.entries(at)).get(String(key)) : undefined),
    value,
  );
/** The values that the log holds under `name`. */
export const entries = (trace: Trace, name: string): Json[] =>
  list(trace.log)
    .filter((entry) => Array.isArray(entry) && entry[0] === name)
    .map((entry) => field(entry, 1) ?? null);
/** What an entry of the log is about: `model`, `run 1 begins`, `A: agent_tool_end`. */
export const nameOf = (entry: Value): string => String(Array.isArray(entry) ? entry[0] : entry);

/** Wire items as short text: `user`, `call c1`, `result c1`, `assistant`. */
export const outline = (items: Value): string[] =>
  list(items).map((item) => {
    const type = String(field(item, 'type') ?? 'message');
    if (type === 'function_call') return `call ${String(field(item, 'callId'))}`;
    if (type === 'function_call_result') return `result ${String(field(item, 'callId'))}`;
    return type === 'message' ? String(field(item, 'role')) : type;
  });

export const equal = (left: Value, right: Value): boolean => firstDifference(left, right) === undefined;

const isPlain = (value: Value): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Visit = (theirs: Value, mine: Value, path: string) => Value;
type Two = readonly [Value, Value];

/** The second of two nodes with each part that `visit` gives something else for; what visit leaves alone is entered. */
function rewrite([theirs, mine]: Two, path: string, visit: Visit): Value {
  const given = visit(theirs, mine, path);
  if (given !== mine) return given;
  if (Array.isArray(mine)) {
    return mine.map((entry, at) => rewrite([list(theirs)[at], entry], `${path}[${at}]`, visit) ?? null);
  }
  if (!isPlain(mine)) return mine;
  const out: Record<string, Json> = {};
  for (const key of new Set([...Object.keys(mine), ...(isPlain(theirs) ? Object.keys(theirs) : [])])) {
    const deeper = path === '' ? key : `${path}.${key}`;
    const value = rewrite([field(theirs, key), field(mine, key)], deeper, visit);
    if (value !== undefined) out[key] = value;
  }
  return out;
}

/** `trace` with other lanes, where a rewrite of it kept their shape. */
const asTrace = (value: Value, trace: Trace): Trace => ({
  log: field(value, 'log') ?? trace.log,
  runs: field(value, 'runs') ?? trace.runs,
  events: field(value, 'events') ?? trace.events,
  ...(trace.console === undefined ? {} : { console: field(value, 'console') ?? trace.console }),
});

/** Our trace has the published one's value wherever `path` fits and `check` agrees. */
export const accept =
  (path: RegExp, check: Check): Mask =>
  ({ published, ours }) => {
    const visit: Visit = (theirs, mine, at) => {
      const meant = path.test(at) && !equal(theirs, mine) && check(theirs, mine);
      return meant ? theirs : mine;
    };
    return { published, ours: asTrace(rewrite([published, ours], '', visit), ours) };
  };

/** `longer` without the entries that `shorter` lacks and `drop` names. */
function without(longer: Json[], shorter: Json[], drop: (entry: Json) => boolean): Json[] {
  const kept: Json[] = [];
  for (const entry of longer) {
    const expected = shorter[kept.length];
    if (equal(entry, expected) || !drop(entry)) kept.push(entry);
  }
  return kept;
}

const lists =
  (path: RegExp, drop: (entry: Json) => boolean): Visit =>
  (theirs, mine, at) =>
    path.test(at) && Array.isArray(mine) ? without(mine, list(theirs), drop) : mine;

/** Entries that our lists have more, where `path` fits. */
export const ignoreExtra =
  (path: RegExp, drop: (entry: Json) => boolean): Mask =>
  ({ published, ours }) => ({ published, ours: asTrace(rewrite([published, ours], '', lists(path, drop)), ours) });

/** Entries that the published lists have more, where `path` fits. */
export const ignoreMissing =
  (path: RegExp, drop: (entry: Json) => boolean): Mask =>
  ({ published, ours }) => ({
    published: asTrace(rewrite([ours, published], '', lists(path, drop)), published),
    ours,
  });

/** Both logs go through `change`. */
export const logs =
  (change: (log: Json[]) => Json[]): Mask =>
  ({ published, ours }) => ({
    published: { ...published, log: change(list(published.log)) },
    ours: { ...ours, log: change(list(ours.log)) },
  });

/** Takes the run with this number (from 1) out of all lanes. */
export const withoutRun = (number: number): Mask => {
  const cut = (trace: Trace): Trace => {
    const log = list(trace.log);
    const from = log.indexOf(`run ${number} begins`);
    const to = log.indexOf(`run ${number} settles`);
    const others = (lane: Json): Json[] => list(lane).map((entry, at) => (at === number - 1 ? null : entry));
    return {
      ...trace,
      log: log.filter((_, at) => at <= from || at >= to),
      runs: others(trace.runs),
      events: others(trace.events),
    };
  };
  return ({ published, ours }) => ({ published: cut(published), ours: cut(ours) });
};

/** Ours must be as `claim` says; takes nothing out. */
export const claims =
  (claim: (ours: Trace, published: Trace) => void): Mask =>
  (pair) => {
    claim(pair.ours, pair.published);
    return pair;
  };

/** Nothing is compared but what `claim` says. For cases whose traces have nothing in common. */
export const instead =
  (claim: (ours: Trace) => void): Mask =>
  ({ published, ours }) => {
    claim(ours);
    return { published, ours: published };
  };

/** Several masks, one after another. */
export const all =
  (...masks: readonly Mask[]): Mask =>
  (pair) =>
    masks.reduce((at, mask) => mask(at), pair);

const ofType = (items: Json[], type: string): Json[] => items.filter((item) => field(item, 'type') === type);

/** Every call of these items has one result of the same name, done or not. */
function expectPaired(items: Json[]): void {
  const results = ofType(items, 'function_call_result');
  const calls = ofType(items, 'function_call');
  const names = (some: Json[]): string[] =>
    some.map((item) => `${String(field(item, 'callId'))} ${String(field(item, 'name'))}`);
  expect(results).toHaveLength(calls.length);
  expect(new Set(names(results))).toEqual(new Set(names(calls)));
  for (const result of results) {
    expect(['completed', 'incomplete']).toContain(field(result, 'status'));
    expect(field(result, 'output')).toEqual({ type: 'text', text: expect.stringMatching(/\w/) });
  }
}

/** A run that failed holds what the model said, every call with its result, and tells the same wherever it is asked. */
export function expectWhole(run: Json): void {
  const state = field(run, 'errorState', 'history');
  if (state !== undefined) expectPaired(list(state));
  const result = field(run, 'result');
  if (result === undefined) return;
  const items = list(field(result, 'newItems'));
  const wire = items.map((item) => field(item, 'rawItem') ?? null);
  const history = list(field(result, 'history'));
  expectPaired(history);
  expect(list(field(result, 'output'))).toEqual(wire);
  expect(history.slice(history.length - wire.length)).toEqual(wire);
  if (state !== undefined) expect(state).toEqual(history);
  const replies = list(field(result, 'rawResponses')).flatMap((reply) => list(field(reply, 'output')));
  for (const call of ofType(wire, 'function_call')) expect(replies).toContainEqual(call);
  for (const item of items) {
    const kind = field(item, 'rawItem', 'type') === 'function_call' ? /_call_item$/ : /_output_item$/;
    expect([field(item, 'type'), field(item, 'agent')]).toEqual([expect.stringMatching(kind), 'A']);
  }
}
