/** What the cases of the event log have in common. */
import type { Commit, Committed, EventLog, LogEvent } from '../../log/index.ts';

export type Check = (log: EventLog, open: (tenant?: string) => Promise<EventLog>) => Promise<void>;
export type Cases = Readonly<Record<string, Check>>;

export const event = (n: number | string, more: object = {}): LogEvent => ({ type: 'tested', n, ...more }) as LogEvent;
export const events = (from: number, to: number): LogEvent[] =>
  Array.from({ length: to - from }, (_, n) => event(from + n));

/** Makes a run with the events 0 to `count`, owned by `w1` with fence 1. */
export function begin(log: EventLog, runId: string, { count = 1, ...more }: Partial<Commit> & { count?: number } = {}) {
  const create = { agent: 'Tester', worker: 'w1', ...more.create };
  return log.append({ runId, position: 0, fence: 0, events: events(0, count), ...more, create });
}

/** Appends events to what `begin` made, by default one, at the end of one. */
export function more(log: EventLog, runId: string, commit: Partial<Commit> = {}): Promise<Committed> {
  return log.append({ runId, position: 1, fence: 1, events: events(1, 2), ...commit });
}

export async function infoOf(log: EventLog, runId: string) {
  const run = await log.read(runId);
  if (!run) throw new Error(`Expected a run "${runId}"`);
  return run.info;
}

/** The `n` of all events of a run. */
export async function numbersOf(log: EventLog, runId: string): Promise<unknown[] | undefined> {
  const run = await log.read(runId);
  return run?.events.map(({ event: one }) => ('n' in one ? one.n : one.type));
}

/** JSON with sorted keys: stores may give keys back in another order. */
function canonical(value: unknown): string {
  const sorted = (_: string, entry: unknown): unknown =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : entry;
  return JSON.stringify(value, sorted) ?? 'undefined';
}

const shown = (value: unknown): string => {
  const text = canonical(value);
  return text.length > 1000 ? `${text.slice(0, 1000)}… (${text.length})` : text;
};

export function expectSame(actual: unknown, expected: unknown): void {
  if (canonical(actual) === canonical(expected)) return;
  throw new Error(`Expected ${shown(expected)}, got ${shown(actual)}`);
}

export function expectTrue(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new Error(`Expected ${expected}`);
}

/** Expects an error with this `code`. */
export async function expectRefusal(act: () => Promise<unknown>, code: string): Promise<unknown> {
  const outcome = await act().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`Expected ${code}, got ${shown(outcome.value)}`);
  const { error } = outcome;
  const found = error instanceof Error && 'code' in error ? error.code : undefined;
  if (found !== code) throw new Error(`Expected ${code}, got ${String(found)}: ${String(error)}`);
  return error;
}
