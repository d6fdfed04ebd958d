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

export type Decision = {
  approved: boolean;
  sticky: boolean;
  message?: string | undefined;
  result?: string;
  /** The run that asks: two sub-agents may wait under one call id. */
  run?: string | undefined;
};

type Decided = Extract<RunEvent, { type: 'approval.decided' }>;

/** @throws AlreadyDecided, DurableError `durable/not-waiting` */
export async function decide(log: EventLog, found: Found, decision: Decision & { callId: string }): Promise<void> {
  const { runId } = found.log.info;
  const ask = questionOf(found, decision) ?? (await throwSettled(log, found, decision));
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
  throw decidedBefore(runId, first, { callId: decision.callId, at: posting.at });
}

const decidedBefore = (
  runId: string,
  { approved, message, result }: Decided,
  { callId, at }: { callId: string; at: number },
): AlreadyDecided =>
  new AlreadyDecided(runId, callId, {
    approved,
    at,
    ...(message !== undefined && { message }),
    ...(result !== undefined && { result }),
  });

const openAsks = ({ state, log }: Found): readonly Ask[] =>
  state.status === 'paused' && askedCalls(state).length > 0 ? asksOf(state, log.info.runId) : [];

type Which = { callId: string; run?: string | undefined };

/** @throws DurableError `durable/ambiguous-call`: a guess could approve what nobody meant */
function questionOf(found: Found, { callId, run }: Which): Ask | undefined {
  const asks = openAsks(found).filter((each) => each.callId === callId && (run === undefined || each.run === run));
  const [ask] = asks;
  const runs = [...new Set(asks.map((each) => each.run))];
  if (runs.length < 2) return ask;
  const { runId } = found.log.info;
  throw new DurableError(
    'durable/ambiguous-call',
    runId,
    `Run ${runId} waits for decisions on several calls ${callId}, in the runs of sub-agents ${runs.join(', ')}. ` +
      'Say which is meant: { run }, as `waiting` of list() has it.',
  );
}

/** Nothing waits for this decision: because somebody was faster, or because there is no such question. */
async function throwSettled(log: EventLog, found: Found, { callId, run }: Which): Promise<never> {
  const { state } = found;
  const { runId } = found.log.info;
  const whole = await log.read(runId);
  const before = whole?.events.findLast((each): each is typeof each & { event: Decided } => {
    const event = each.event as RunEvent;
    return (
      event.type === 'approval.decided' &&
      event.callId === callId &&
      (run === undefined || (event.run ?? runId) === run)
    );
  });
  if (before) throw decidedBefore(runId, before.event, { callId, at: before.at });
  const waiting = openAsks(found)
    .map((each) => `${each.callId} (${each.tool})`)
    .join(', ');
  throw new DurableError(
    'durable/not-waiting',
    runId,
    `Run ${runId} is ${state.status} and does not wait for a decision on call ${callId}${run === undefined ? '' : ` of run ${run}`}. ` +
      (waiting === '' ? 'It waits for none.' : `It waits for: ${waiting}.`),
  );
}
