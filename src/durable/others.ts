/** How a run of a store reaches another, whichever process has that: through its inbox. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AnyAgent } from '../agent/index.ts';
import { isOver, type RunEvent } from '../kernel/index.ts';
import { LogError, type RunInfo } from '../log/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { timerMs } from '../protocol/timers.ts';
import type { InterruptOptions, JoinOptions, OtherRuns } from '../run/keeper.ts';
import type { RunRecord } from '../run/record.ts';
import { RunState } from '../run/index.ts';
import { isTurnAwareSession, type Session, SessionBusy } from '../session/index.ts';
import { DurableError } from './errors.ts';
import { itemsOf } from './input.ts';
import { unknownRun } from './revive.ts';
import type { RunStore } from './run-store.ts';

export function othersOf(store: RunStore): OtherRuns {
  // A run that goes on here for another's sake is no part of that.
  const outside = AsyncLocalStorage.snapshot();
  return {
    interrupt: (runId, options) => outside(interrupt, store, runId, options),
    join: (runId, items, options) => join(store, { runId, items, options }),
  };
}

async function interrupt(store: RunStore, runId: string, { reason, session, agent }: InterruptOptions): Promise<void> {
  try {
    await store.cancel(runId, reason);
  } catch (error) {
    if (!isEnded(error)) throw error;
    return freed(session, runId);
  }
  if ((await infoOf(store, runId)).status !== 'paused') return;
  // No process has it: it goes on here, to its end.
  const options = { ...(session && { session }) };
  try {
    await withAgent(store, { runId, agent }, (known) => store.resume(runId, { ...options, ...known }));
  } catch (error) {
    // It ends with the error that it was cancelled; or a worker was faster.
    if ((await infoOf(store, runId)).status === 'paused') throw error;
  }
}

/** The run is over, so that whatever it has left of the turn is nobody's. */
async function freed(session: Session | undefined, runId: string): Promise<void> {
  if (isTurnAwareSession(session)) await session.endTurn(runId);
}

type Join = { runId: string; items: AgentInputItem[]; options: JoinOptions };

async function join(store: RunStore, { runId, items, options }: Join): Promise<RunRecord | undefined> {
  const by = crypto.randomUUID();
  const event: RunEvent = { type: 'input.staged', items: itemsOf(items, `The input that joins run ${runId}`), by };
  let position: number;
  try {
    ({
      posting: { position },
    } = await store.log.post(runId, { key: `input:${by}`, event }));
  } catch (error) {
    if (!isEnded(error)) throw error;
    await freed(options.session, runId);
    return undefined;
  }
  const info = await atRest(store, { runId, position, options });
  const { agent } = options;
  const state = await withAgent(store, { runId, agent }, (known) => store.state(runId, known));
  const record = RunState.record(state);
  const { hasSeen } = await import('../run/meet.ts');
  const isStaged = record.journal.events.some((each) => each.type === 'input.staged' && each.by === by);
  if (info.status === 'paused' || hasSeen(record.journal.events, by)) return record;
  return isStaged && info.status === 'failed' ? record : undefined;
}

/** Waits until the run is over or waits for a person; it must have taken the input into its log within a time. */
async function atRest(
  store: RunStore,
  { runId, position, options }: { runId: string; position: number; options: JoinOptions },
): Promise<RunInfo> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const late = AbortSignal.timeout(timerMs(timeoutMs));
  for (;;) {
    const info = await infoOf(store, runId);
    if (isOver(info.status) || info.status === 'paused') return info;
    const isTaken = info.consumed >= position;
    const signals = [signal, isTaken ? undefined : late].filter((each) => each !== undefined);
    try {
      await store.log.watch(runId, { head: info.head, posted: Number.MAX_SAFE_INTEGER }, AbortSignal.any(signals));
    } catch (error) {
      if (isTaken || !late.aborted || signal?.aborted) throw error;
      const why = 'Nobody goes on with it, and the input waits in its inbox: see recover()';
      const sessionId = info.session ?? '';
      throw new SessionBusy({ sessionId, runId, waitsFor: undefined, waitedMs: timeoutMs, why });
    }
  }
}

const DEFAULT_TIMEOUT_MS = 300_000;

const isEnded = (error: unknown): boolean => error instanceof LogError && error.code === 'log/ended';

async function infoOf(store: RunStore, runId: string): Promise<RunInfo> {
  const read = await store.log.read(runId, { limit: 0 });
  if (!read) throw unknownRun(runId);
  return read.info;
}

/** With the store's agent of that name; where it has none, with that of the run which asks, if it has the name. */
async function withAgent<T>(
  store: RunStore,
  { runId, agent }: { runId: string; agent: AnyAgent },
  act: (known: { agent?: AnyAgent }) => Promise<T>,
): Promise<T> {
  try {
    return await act({});
  } catch (error) {
    if (!(error instanceof DurableError && error.code === 'durable/no-agent')) throw error;
    if ((await infoOf(store, runId)).agent !== agent.name) throw error;
    return act({ agent });
  }
}
