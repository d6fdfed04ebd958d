/**
 * From the log of a run, and those of its sub-agents that are not done, to the run.
 */
import type { AnyAgent } from '../agent/index.ts';
import { type Committed, fold, initialState, type RunEvent, type State } from '../kernel/index.ts';
import { type EventLog, LogError, type RunInfo, type RunLog } from '../log/index.ts';
import { checkEvents, restoreDecisions } from '../run/codec.ts';
import { Journal, newRecord, type RunRecord } from '../run/record.ts';
import { usageOfJournal } from '../run/usage.ts';
import { RunContext } from '../tools/context.ts';
import { DurableError } from './errors.ts';
import type { Place } from './hold.ts';
import { readSnapshot } from './snapshot.ts';

/** What the store knows of a run: its log, and those of sub-agents whose calls are not answered yet. */
export type Found = { log: RunLog; state: State; base: Journal['base']; children: Found[] };

/** @throws DurableError `durable/unknown-run`, `durable/newer-event`; what the log fails with */
export async function find(log: EventLog, runId: string, options: FindOptions = {}): Promise<Found> {
  const found = await look(log, runId, options);
  if (!found) throw unknownRun(runId);
  return found;
}

/**
 * What was found, as it is now: only the log of a run that has grown is read again. A commit is made of events, so one
 * that has as many as before is the same.
 *
 * @throws as `find`
 */
export async function findAgain(log: EventLog, seen: Found): Promise<Found> {
  const found = await lookAgain(log, seen, {});
  if (!found) throw unknownRun(seen.log.info.runId);
  return found;
}

type FindOptions = { whole?: boolean };

async function look(log: EventLog, runId: string, options: FindOptions): Promise<Found | undefined> {
  const read = await log.read(runId, options.whole ? {} : { snapshot: true });
  if (!read) return undefined;
  const events = eventsOf(read);
  checkEvents(events, (problem) => new DurableError('durable/newer-event', runId, problem));
  const base = read.snapshot && { at: read.snapshot.at, ...readSnapshot(read.snapshot.state) };
  const state = fold(events, base?.state ?? initialState());
  return { log: read, state, base, children: await childrenOf(log, { runId, state }) };
}

async function lookAgain(log: EventLog, seen: Found, options: FindOptions): Promise<Found | undefined> {
  const { runId, head, createdAt } = seen.log.info;
  const now = await log.read(runId, { limit: 0 });
  if (!now) return undefined;
  if (now.info.head !== head || now.info.createdAt !== createdAt) return look(log, runId, options);
  const { info, inbox } = now;
  const children = await childrenOf(log, { runId, state: seen.state }, seen.children);
  return { ...seen, log: { ...seen.log, info, inbox }, children };
}

/** Runs of sub-agents whose calls are not answered yet. */
async function childrenOf(
  log: EventLog,
  { runId, state }: { runId: string; state: State },
  seen: readonly Found[] = [],
): Promise<Found[]> {
  const children: Found[] = [];
  for (const { i, status } of state.calls) {
    if (status !== 'running' && status !== 'waiting') continue;
    const id = `${runId}/m${state.k}/c${i}`;
    const before = seen.find((child) => child.log.info.runId === id);
    const child = await (before ? lookAgain(log, before, { whole: true }) : look(log, id, { whole: true }));
    if (child) children.push(child);
  }
  return children;
}

export const eventsOf = ({ events }: RunLog): Committed[] => events.map(({ event }) => event as Committed);

export const unknownRun = (runId: string): DurableError =>
  new DurableError(
    'durable/unknown-run',
    runId,
    `The store has no run "${runId}". Look at list() for those that it has; a run of another tenant is not shown.`,
  );

/** Puts an event into the inbox of a run. @throws DurableError `durable/unknown-run`; LogError `log/ended` */
export async function tell(log: EventLog, runId: string, posting: { key: string; event: RunEvent }): Promise<void> {
  await log.post(runId, posting).catch((error: unknown) => {
    throw error instanceof LogError && error.code === 'log/unknown-run' ? unknownRun(runId) : error;
  });
}

export const moved = (runId: string, { head, known }: { head: number; known: number }): DurableError =>
  new DurableError(
    'durable/moved',
    runId,
    `The log of run ${runId} has ${head} events, the state that was passed follows from ${known}. ` +
      'Somebody went on with the run: take it up from its log with store.resume().',
  );

export const failedMeanwhile = (runId: string): DurableError =>
  new DurableError(
    'durable/moved',
    runId,
    `Run ${runId} was gone on with by another worker while this one waited for it, and failed there. ` +
      'Look at its events; resume() once more gives it another try.',
  );

export const noAgent = (
  { runId, agent }: { runId: string; agent: string },
  agents: readonly AnyAgent[] | undefined,
): DurableError =>
  new DurableError(
    'durable/no-agent',
    runId,
    `Run ${runId} was started with agent "${agent}", which is not among the store's agents ` +
      `(${agents?.map(({ name }) => `"${name}"`).join(', ') ?? 'it has none'}). ` +
      'Pass it: new RunStore({ agents }) or resume(runId, { agent }).',
  );

/** The run as it was left, with a context of the caller's. */
export function revive(found: Found, agent: AnyAgent, context: unknown): RunRecord {
  const journal = journalOf(found);
  const runContext = context instanceof RunContext ? context : new RunContext<unknown>(context);
  runContext.usage.add(usageOfJournal(journal));
  const record = newRecord({ journal, root: agent, context: runContext, state: found.state });
  restoreDecisions(record, runContext);
  return record;
}

function journalOf({ log, base, children }: Found): Journal {
  return new Journal(log.info.runId, eventsOf(log), children.map(journalOf), base);
}

/** Where the logs of a run and of its sub-agents end. */
export function placesOf(found: Found, fences: ReadonlyMap<string, number>): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const { log } of [found, ...descendants(found)]) {
    const { runId, head, posted, consumed } = log.info;
    places.set(runId, {
      position: head,
      fence: fences.get(runId) ?? log.info.lease.fence,
      posted,
      consumed,
      snapshotAt: log.snapshot?.at ?? 0,
    });
  }
  return places;
}

export const descendants = (found: Found): Found[] => found.children.flatMap((child) => [child, ...descendants(child)]);

export const infosOf = (found: Found): RunInfo[] => [found, ...descendants(found)].map(({ log }) => log.info);
