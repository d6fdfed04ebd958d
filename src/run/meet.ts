/**
 * What a run does about another that has the turn on its session: it ends it, or joins it. A run of this process is
 * reached directly; a durable one elsewhere through its inbox; another one elsewhere not at all.
 */
import type { AnyAgent } from '../agent/index.ts';
import type { RunEvent } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { isTurnAwareSession, SessionBusy, type SessionTurnHolder } from '../session/index.ts';
import { liveError } from './end.ts';
import { holderOf } from './holders.ts';
import type { OtherRuns } from './keeper.ts';
import type { LiveRun } from './live-run.ts';
import type { Settings } from './options.ts';
import type { RunRecord } from './record.ts';
import type { RunTurn } from './turn.ts';

/** Tells the run that has the turn to end. It still answers its open calls and saves what it did. */
export async function interrupt(run: LiveRun, holder: SessionTurnHolder): Promise<void> {
  const { settings, record } = run;
  const reason = `Run ${record.journal.runId} interrupted this one and took the turn on their session.`;
  const other = holderOf(holder);
  if (other) return other.run.abort(new DOMException(reason, 'AbortError'));
  const others = await reach(settings, holder, 'interrupted');
  await others.interrupt(holder.runId, { reason, session: settings.session, agent: record.graph.root });
}

/**
 * Adds input to the run that has the turn on the session, and waits for its end.
 *
 * @returns that run, where it saw the input or still may; undefined where there is no such run
 * @throws SessionBusy where the run cannot be reached; the signal's reason, and the input stays with the run
 */
export async function joinOther(
  settings: Settings,
  { agent, items }: { agent: AnyAgent; items: AgentInputItem[] },
): Promise<RunRecord | undefined> {
  const { session, signal } = settings;
  if (!isTurnAwareSession(session) || !session.turnHolder) {
    throw new UserError("sessionTurn.onBusy is 'merge', and the session cannot say who has its turn. Use 'queue'.");
  }
  for (;;) {
    const holder = await session.turnHolder();
    signal?.throwIfAborted();
    if (!holder) return undefined;
    const here = holderOf(holder);
    if (!here) {
      const others = await reach(settings, holder, 'joined');
      const timeoutMs = settings.sessionTurn?.turnTimeoutMs;
      const joined = await others.join(holder.runId, items, { agent, session, signal, timeoutMs });
      if (joined) return joined;
      // It is over: who is next may have the turn by now.
      continue;
    }
    const joined = await joinHere(here, items, signal);
    if (joined) return joined;
  }
}

/** Undefined: the run ended before it saw the input. */
async function joinHere(
  turn: RunTurn,
  items: AgentInputItem[],
  signal: AbortSignal | undefined,
): Promise<RunRecord | undefined> {
  const { record } = turn.run;
  const staged = { type: 'input.staged', items: structuredClone(items), by: crypto.randomUUID() } as const;
  const { rest } = turn;
  turn.run.post(staged);
  const end = await unlessAborted(rest, signal);
  const { status } = record.state;
  const { events } = record.journal;
  const isSeen = hasSeen(events, staged.by);
  // It may have come after the last look into the inbox, which outlives the process only where the run does not.
  const isLate = record.inbox.includes(staged);
  const mayWait = status === 'paused' && turn.run.surroundings.durable === undefined;
  if (isLate && !mayWait) {
    record.inbox = record.inbox.filter((event) => event !== staged);
    return undefined;
  }
  // Whoever goes on with the run has the input already.
  if ('error' in end) throw end.error;
  return isSeen || status === 'paused' || status === 'failed' ? record : undefined;
}

/** Whether input that was added got into the conversation. */
export function hasSeen(events: readonly RunEvent[], by: string): boolean {
  const at = events.findIndex((event) => event.type === 'input.staged' && event.by === by);
  return at >= 0 && events.slice(at).some(({ type }) => type === 'input.admitted');
}

/** The error that ended a run, for those who joined it. */
export function errorOf(record: RunRecord): unknown {
  const { status } = record.state;
  return status === 'failed' || status === 'cancelled' ? liveError(record, record.state) : undefined;
}

async function unlessAborted<T>(work: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function reach(settings: Settings, holder: SessionTurnHolder, done: string): Promise<OtherRuns> {
  const others = settings.durable?.store.others;
  if (holder.isDurable && others) return others;
  const { runId, waitsFor } = holder;
  const why = holder.isDurable
    ? `It cannot be ${done}: it is durable and not under way in this process, so it is reached through its store only. ` +
      'Start this run with `durable` in the same store'
    : `It cannot be ${done}: it is in another process, and not durable, so nothing leads to it. ` +
      "Start runs with `durable` where others are to reach them, or use onBusy: 'queue'";
  const sessionId = (await settings.session?.getSessionId()) ?? '';
  throw new SessionBusy({ sessionId, runId, waitsFor, waitedMs: undefined, why });
}
