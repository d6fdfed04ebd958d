/**
 * What people said of calls: whose word counts for which call.
 *
 * P1: a word on one call counts for that call alone. Models number their calls anew in each reply, so that a call is
 * known by its model call too. P2: a word on all calls of a tool counts for the agent whose call it was said of.
 */
import type { Ask, EventOf } from './events.ts';
import { collect } from './list.ts';
import type { Approval, Call, State } from './state.ts';

/** What is asked: of this run's calls without `run`. */
type Question = Omit<Ask, 'run' | 'i'> & { readonly run?: string };

type Named = { readonly callId: string; readonly tool: string };

const own = (s: State, { callId, tool }: Named): Question => ({ k: s.k, callId, tool, agent: s.agent });

const isOn = (approval: Approval, { run, k, callId, tool }: Question): boolean =>
  approval.callId === callId && approval.k === k && approval.run === run && approval.tool === tool;

const coversAll = (approval: Approval, { tool, agent }: Question): boolean =>
  approval.sticky === true && approval.tool === tool && (approval.agent === undefined || approval.agent === agent);

/** An exact decision beats a sticky one, a later one an earlier one. */
function decisionAt({ approvals }: State, question: Question): Approval | undefined {
  const decisions = approvals.filter(({ uncertain }) => uncertain === undefined);
  return (
    decisions.findLast((approval) => isOn(approval, question)) ??
    decisions.findLast((approval) => coversAll(approval, question))
  );
}

/** What a person said of an attempt that may have happened. */
const verdictAt = ({ approvals }: State, question: Question): Approval | undefined =>
  approvals.findLast((each) => each.uncertain === question.uncertain && isOn(each, question));

/** The decision on a call of the newest reply, if there is one. */
export const decisionOn = (s: State, call: Named): Approval | undefined =>
  s.approvals.length === 0 ? undefined : decisionAt(s, own(s, call));

/** The newest word of a person on attempts of a call that were cut off. */
export const lastVerdictOn = (s: State, call: Named): Approval | undefined =>
  s.approvals.findLast((each) => each.uncertain !== undefined && isOn(each, own(s, call)));

/** What a person said of a call: that it may run, that it may run again, or what became of it. */
export const answerOn = (s: State, call: Call): Approval | undefined =>
  call.status === 'unsure' ? verdictAt(s, { ...own(s, call), uncertain: call.attempt }) : decisionOn(s, call);

/** What a person said of a question of a sub-agent. */
export const answerTo = (s: State, ask: Ask): Approval | undefined =>
  ask.uncertain === undefined ? decisionAt(s, ask) : verdictAt(s, ask);

/** A decision as a state holds it, without what a commit adds to its event. */
export function approvalOf(s: State, e: EventOf<'approval.decided'>): Approval {
  const { run, tool, callId, approved, sticky, agent, message, uncertain, result } = e;
  const { arguments: said } = e;
  const k = e.k ?? askedAt(s, e);
  return {
    ...(run !== undefined && { run }),
    ...(k !== undefined && { k }),
    tool,
    ...(callId !== undefined && { callId }),
    approved,
    ...(sticky && { sticky }),
    ...(agent !== undefined && { agent }),
    ...(message !== undefined && { message }),
    ...(said !== undefined && { arguments: said }),
    ...(uncertain !== undefined && { uncertain }),
    ...(result !== undefined && { result }),
  };
}

/** The model call whose call a word is on, where the word does not say it. */
function askedAt(s: State, word: Approval): number | undefined {
  const { run, callId, tool } = word;
  const isMeant = (call: Named): boolean => call.callId === callId && call.tool === tool;
  if (run === undefined) return s.calls.some((call) => isMeant(call) && isOfCall(word, call)) ? s.k : undefined;
  return s.calls.flatMap(({ asks = [] }) => asks).find((ask) => ask.run === run && isMeant(ask))?.k;
}

/** An approval of one payment is none of another that came under its id. */
const isOfCall = ({ arguments: said }: Pick<Approval, 'arguments'>, { made }: Call): boolean =>
  said === undefined || isSameJson(said, made.arguments);

/** Whether two texts are the same JSON, however they are spaced and whatever the order of keys; else the same text. */
export function isSameJson(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return canonical(JSON.parse(one)) === canonical(JSON.parse(other));
  } catch {
    return false;
  }
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : each,
  );

/** Words that were said before there was a call of that id are on the first one that comes. */
export function bound({ approvals, k }: State, calls: readonly Call[]): readonly Approval[] {
  if (approvals.length === 0) return approvals;
  const isEarly = ({ callId, run, ...word }: Approval): boolean =>
    word.k === undefined &&
    run === undefined &&
    calls.some((call) => call.callId === callId && call.tool === word.tool && isOfCall(word, call));
  return collect(approvals, (approval) => (isEarly(approval) ? { ...approval, k } : approval));
}

/** Whether a call, or one of its sub-agent, began and was cut off, so that a person must say what becomes of it. */
const isDoubtful = ({ status, asks }: Call): boolean =>
  status === 'unsure' || (asks?.some(({ uncertain }) => uncertain !== undefined) ?? false);

/**
 * The calls that a person is asked about. What a crash left in doubt is asked first, alone: when it is settled, the
 * run goes on as if there had been no crash.
 */
export function askedCalls(s: State): readonly Call[] {
  const waiting = s.calls.filter((call) => isWaiting(s, call));
  return waiting.some(isDoubtful) ? waiting.filter(isDoubtful) : waiting;
}

/** Whether the run pauses only for what a crash left in doubt. */
export const isInDoubt = (s: State): boolean => s.calls.some((call) => isWaiting(s, call) && isDoubtful(call));

/** Whether a call waits for a person: for its own approval, or for those that its sub-agent asks for. */
export const isWaiting = (s: State, call: Call): boolean =>
  call.status === 'waiting' ||
  (call.status === 'unsure' && !answerOn(s, call)) ||
  (call.status === 'new' && call.approval === 'always' && !decisionOn(s, call));
