/**
 * Decisions of people on runs that wait, from any process. The first one on a question counts.
 */
import { askedCalls, type Ask, type RunEvent } from '../kernel/index.ts';
import type { EventLog } from '../log/index.ts';
import { asksOf } from '../run/asks.ts';
import { decided } from '../run/decision.ts';
import { decisionKey, expireAsks } from './ask-timeout.ts';
import { AlreadyDecided, DurableError } from './errors.ts';
import type { Found } from './revive.ts';

export type Decision = { approved: boolean; sticky: boolean; message?: string; result?: string };

type Decided = Extract<RunEvent, { type: 'approval.decided' }>;

/** @throws AlreadyDecided, DurableError `durable/not-waiting` */
export async function decide(log: EventLog, found: Found, decision: Decision & { callId: string }): Promise<void> {
  const { runId } = found.log.info;
  const ask = questionOf(found, decision.callId);
  if (decision.result !== undefined && ask.uncertain === undefined) {
    throw new DurableError(
      'durable/not-waiting',
      runId,
      `Call ${decision.callId} of run ${runId} waits for approval and was not begun, so that it cannot have happened. Approve or reject it.`,
    );
  }
  const event = decided(runId, ask, decision);
  // A question whose time is over is not open any more, also where nobody has looked since.
  await expireAsks(log, found.log.info);
  const { isFirst, posting } = await log.post(runId, { key: decisionKey(ask), event });
  if (isFirst) return;
  const first = posting.event as Decided | Extract<RunEvent, { type: 'run.stopping' }>;
  if (first.type === 'run.stopping') {
    const { message } = first.error;
    throw new AlreadyDecided(runId, decision.callId, { approved: false, at: posting.at, message });
  }
  const { approved, message } = first;
  throw new AlreadyDecided(runId, decision.callId, {
    approved,
    at: posting.at,
    ...(message !== undefined && { message }),
  });
}

function questionOf(found: Found, callId: string): Ask {
  const { state, log } = found;
  const { runId } = log.info;
  const asks = state.status === 'paused' && askedCalls(state).length > 0 ? asksOf(state, runId) : [];
  const ask = asks.find((each) => each.callId === callId);
  if (ask) return ask;
  const waiting = asks.map((each) => `${each.callId} (${each.tool})`).join(', ');
  throw new DurableError(
    'durable/not-waiting',
    runId,
    `Run ${runId} is ${state.status} and does not wait for a decision on call ${callId}. ` +
      (waiting === '' ? 'It waits for none.' : `It waits for: ${waiting}.`),
  );
}
