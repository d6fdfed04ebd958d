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
export type Check = (published: Json | undefined, ours: Json | undefined) => boolean;

export const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
export const field = (value: Json | undefined, ...path: (string | number)[]): Json | undefined =>
  path.reduce<Json | undefined>(
    (at, key) => (at instanceof Object ? new Map(Object.entries(at)).get(String(key)) : undefined),
    value,
  );
/** The values that the log holds under `name`. */
export const entries = (trace: Trace, name: string): Json[] =>
  list(trace.log)
    .filter((entry) => Array.isArray(entry) && entry[0] === name)
    .map((entry) => field(entry, 1) ?? null);
/** What an entry of the log is about: `model`, `run 1 begins`, `A: agent_tool_end`. */
export const nameOf = (entry: Json | undefined): string => String(Array.isArray(entry) ? entry[0] : entry);

/** Wire items as short text: `user`, `call c1`, `result c1`, `assistant`. */
export const outline = (items: Json | undefined): string[] =>
  list(items).map((item) => {
    const type = String(field(item, 'type') ?? 'message');
    if (type === 'function_call') return `call ${String(field(item, 'callId'))}`;
    if (type === 'function_call_result') return `result ${String(field(item, 'callId'))}`;
    return type === 'message' ? String(field(item, 'role')) : type;
  });

export const equal = (left: Json | undefined, right: Json | undefined): boolean =>
  firstDifference(left, right) === undefined;

const isPlain = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Visit = (theirs: Json | undefined, mine: Json | undefined, path: string) => Json | undefined;
type Two = readonly [Json | undefined, Json | undefined];

/** The second of two nodes with each part that `visit` gives something else for; what visit leaves alone is entered. */
function rewrite([theirs, mine]: Two, path: string, visit: Visit): Json | undefined {
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
const asTrace = (value: Json | undefined, trace: Trace): Trace => ({
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

/** Every call of these items has its result. */
export function expectPaired(items: Json | undefined, where: string): void {
  const said = outline(items);
  const open = said.filter((text) => text.startsWith('call ') && !said.includes(text.replace('call', 'result')));
  expect(open, `${where} has calls without a result`).toEqual([]);
}
