/**
 * Decisions of people on calls: as events of the run that they are for, and as its context knows them.
 */
import type { RunToolApprovalItem } from '../agent/index.ts';
import { type Approval, type Ask, isOver, type RunEvent } from '../kernel/index.ts';
import { type Decision, RunContext } from '../tools/index.ts';
import { asksOf } from './asks.ts';
import type { RunRecord } from './record.ts';
import { interruptions, isOfItem } from './view.ts';

/** What a person said. */
export type Word = {
  readonly approved: boolean;
  readonly sticky: boolean;
  readonly message?: string;
  readonly result?: string;
  /** What the call was seen to ask for, where it is not known to be there. */
  readonly arguments?: string;
};
/** What it was said of: a question, or as much of one as is known. */
type About = Pick<Ask, 'run' | 'tool'> & Partial<Ask>;

export type Decided = { type: 'approval.decided' } & Approval;

/** A decision as the log of run `runId` holds it. */
export function decided(runId: string, about: About, word: Word): Decided {
  const { approved, sticky, message, result } = word;
  const { run, k, tool, callId, agent, uncertain } = about;
  return {
    type: 'approval.decided',
    ...(run !== runId && { run }),
    ...(k !== undefined && { k }),
    tool,
    ...(callId !== undefined && callId !== '' && { callId }),
    approved,
    // What became of one attempt says nothing of other calls.
    ...(sticky && uncertain === undefined && { sticky, ...(agent !== undefined && { agent }) }),
    ...(message !== undefined && { message }),
    ...(k === undefined && word.arguments !== undefined && { arguments: word.arguments }),
    ...(uncertain !== undefined && { uncertain }),
    ...(result !== undefined && { result }),
  };
}

/** A decision on an item that a run showed. */
export function itemDecided({ journal: { runId }, state }: RunRecord, item: RunToolApprovalItem, word: Word): Decided {
  const { name: tool, callId, runId: run = runId, uncertain, agent } = item;
  const isMeant = (ask: Ask): boolean =>
    ask.run === run && ask.callId === callId && ask.tool === tool && ask.uncertain === uncertain;
  const rest = { run, tool, agent: agent.name, ...(callId !== undefined && { callId }) };
  const about = asksOf(state, runId).find(isMeant) ?? { ...rest, ...(uncertain !== undefined && { uncertain }) };
  const { rawItem } = item;
  const seen = 'arguments' in rawItem ? rawItem.arguments : undefined;
  return decided(runId, about, { ...word, ...(typeof seen === 'string' && { arguments: seen }) });
}

/** A decision that was taken on a context, as the log of a run holds it; undefined where it is for another run. */
export function contextDecided(record: RunRecord, decision: Decision): Decided | undefined {
  const { state } = record;
  const { runId } = record.journal;
  const { toolName: tool, callId, agent, run = runId } = decision;
  const isOwn = run === runId;
  if (!isOwn && !run.startsWith(`${runId}/`)) return undefined;
  const isMeant = (ask: Ask): boolean =>
    ask.callId === callId && ask.tool === tool && (decision.run ?? ask.run) === ask.run && ask.uncertain === undefined;
  const ask = state.status === 'paused' ? asksOf(state, runId).find(isMeant) : undefined;
  if (ask && !isOfQuestion(record, ask, decision)) return undefined;
  // What is said of everybody's calls says no agent.
  if (ask && agent !== undefined) return decided(runId, ask, decision);
  const about = { run: ask?.run ?? run, tool, ...(callId !== undefined && { callId }), ...(ask && { k: ask.k }) };
  // The way to a sub-agent is not known here: its own run hears of it too.
  if (!isOwn) return decided(runId, about, { ...decision, sticky: false });
  return decided(runId, { ...about, ...(agent !== undefined && { agent }) }, decision);
}

/** Whether who decided saw what the call that waits asks for. */
const isOfQuestion = (record: RunRecord, ask: Ask, { arguments: seen }: Decision): boolean =>
  interruptions(record, record.state).every(
    (item) => item.runId !== ask.run || item.callId !== ask.callId || isOfItem(item, seen),
  );

/** A new run gets what its context says of all calls of a tool, and of calls that no run has heard of. */
export function decisionsForNew(record: RunRecord, context: RunContext): RunEvent[] {
  const unheard = takeUnheard(record, context);
  const lasting = RunContext.lasting(context)
    .filter((decision) => !unheard.includes(decision))
    .map((decision) => ({ ...decision, callId: '', run: record.journal.runId }));
  return [...lasting, ...unheard].flatMap((decision) => contextDecided(record, decision) ?? []);
}

/** Puts into the inbox what was decided on the context while nobody ran the run. */
export function hearContext(record: RunRecord): void {
  if (isOver(record.state.status)) return;
  const unheard = takeUnheard(record, record.context);
  record.inbox.push(...unheard.flatMap((decision) => contextDecided(record, decision) ?? []));
}

/** Those of another run are left for that one. */
const takeUnheard = (record: RunRecord, context: RunContext): Decision[] =>
  RunContext.takeUnheard(context, (decision) => contextDecided(record, decision) !== undefined);

/** Lets a context know what a log says. */
export function tellContext(context: RunContext, approval: Approval): void {
  const { tool, callId, approved, sticky, agent, message, uncertain } = approval;
  if (uncertain !== undefined) return;
  RunContext.restore(context, {
    toolName: tool,
    approved,
    sticky: sticky ?? false,
    ...(callId !== undefined && { callId }),
    ...(agent !== undefined && { agent }),
    ...(message !== undefined && { message }),
  });
}
