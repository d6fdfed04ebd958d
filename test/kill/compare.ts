/**
 * Holds a life with kills against an undisturbed one.
 *
 * C1: the end is the same: status, state, history, items, output, error, session, usage.
 * C2: what was answered is not done again; what was under way at a kill is repeated at most once a kill.
 * C3: nothing is begun before its request was stored.
 */
import { isDeepStrictEqual } from 'node:util';
import { counted, type Life, type Outcome } from './life.ts';
import type { SystemSpec } from './systems.ts';

export function differences(spec: SystemSpec, base: Life, killed: Life): string[] {
  const problems = [...killed.problems, ...repeats(base, killed)];
  if (spec.race) {
    const over = ['finished', 'failed', 'cancelled'].includes(killed.outcome.status);
    return over ? problems : [...problems, `is not over: ${killed.outcome.status}`];
  }
  const finished = base.outcome.status === 'finished';
  const seen = (outcome: Outcome): Outcome => (finished ? outcome : withoutResults(outcome, killed.cut));
  return [...problems, ...unequal(seen(base.outcome), seen(killed.outcome))];
}

/** How often something was repeated that had been under way at a kill. */
export function repeatedEffects(base: Life, killed: Life): number {
  const before = counted(base.disk.ledger);
  let n = 0;
  for (const [key, count] of counted(killed.disk.ledger)) n += Math.max(0, count - (before.get(key) ?? 0));
  return n;
}

/** What was done more often than kills excuse. */
export function repeats(base: Pick<Life, 'disk'>, killed: Pick<Life, 'disk' | 'lost'>): string[] {
  const before = counted(base.disk.ledger);
  return [...counted(killed.disk.ledger)].flatMap(([key, count]) => {
    const lost = killed.lost.reduce((n, each) => n + (each.get(key) ?? 0), 0);
    const known = before.get(key) ?? 0;
    // The key of a call that must not happen twice: being lost in a kill is no excuse.
    if (key.startsWith('key ')) return count > 1 ? [`${key} must happen once and was begun ${count} times`] : [];
    return count > known + lost ? [`${key} was begun ${count} times: ${known} undisturbed, ${lost} lost in kills`] : [];
  });
}

/**
 * A run that was stopping when it was killed does not repeat calls that were under way: they are told to the model as
 * not completed. So their results, and no more, may differ from those of the undisturbed run.
 */
export function withoutResults<T>(outcome: T, cut: ReadonlySet<string>): T {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const isCut = 'callId' in value && cut.has(String(value.callId));
    const entries = Object.entries(value).filter(([key]) => !isCut || !OF_RESULTS.has(key));
    return Object.fromEntries(entries.map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(outcome) as T;
}

const OF_RESULTS: ReadonlySet<string> = new Set([
  'output',
  'status',
  'outcome',
  'item',
  'custom',
  'message',
  'asks',
  'askedAt',
]);

/** Where two values differ. */
export function unequal(a: unknown, b: unknown, path = ''): string[] {
  if (isDeepStrictEqual(a, b)) return [];
  if (!isObject(a) || !isObject(b)) return [`${path}: ${short(a)} became ${short(b)}`];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    unequal(a[key], b[key], `${path}.${key}`),
  );
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const short = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 120);
