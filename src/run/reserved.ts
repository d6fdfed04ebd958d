/**
 * Gives back what model calls had reserved that nobody asks again.
 *
 * V1 Whoever leaves a run or ends a call gives back in all budgets that the call drew from: those of the run that this
 * process has, and those that a sub-agent on the way was given alone (`runOptions.budgets` of its tool), which only the
 * tool knows. V2 It never rejects: what stays reserved counts, and is no reason to lose what was done.
 */
import { agentToolSpec, type AgentToolSpec } from '../agent/index.ts';
import type { Call } from '../kernel/index.ts';
import type { Budgets, RunBudget } from '../model/index.ts';
import { budgetsOf, hasBudget } from './budget.ts';
import { knownTool } from './calls.ts';
import type { LiveRun } from './live-run.ts';
import { pricesOf } from './nested-cost.ts';
import { newRecord, type RunRecord, stateOf } from './record.ts';

/** A model call of a run or of one within it: `<run>/<effect>`, and how often it was asked. */
export type AskedCall = { readonly effect: string; readonly epoch: number };

/** Calls of one run: this one, or that of a sub-agent below it. */
export type Reserved = {
  readonly runId: string;
  readonly calls: readonly AskedCall[];
  /** Whether the run goes no further: then what it set aside for a last call goes, too. The run itself sees to its own. */
  readonly isLeft: boolean;
};

/** A later attempt, by whoever has the run then, keeps what it has. */
export async function giveBackReserved(run: LiveRun, { runId, calls, isLeft }: Reserved): Promise<void> {
  const budgets = hasBudget(run) ? await budgetsOf(run).catch((): readonly RunBudget[] => []) : [];
  for (const budget of budgets) await budget.giveBack(calls);
  const known: Pick<RunBudget, 'ledger' | 'tenant'>[] = [...budgets];
  for (const { of, given } of givenAlone(run, runId)) {
    const isKnown = known.some(({ ledger, tenant }) => ledger === given.ledger && tenant === given.tenant);
    // As where a run begins: from one ledger a call draws once.
    if (isKnown) continue;
    known.push(given);
    const own = await given.open({ runId: of, prices: pricesOf(run) }).catch(() => undefined);
    await own?.giveBack(calls);
    if (isLeft && of === runId) await own?.close();
  }
}

type Given = { readonly of: string; readonly given: Budgets };

/** Budgets that sub-agents were given by their tools, from this run down to the one of the id. */
function givenAlone(run: LiveRun, runId: string): Given[] {
  const found: Given[] = [];
  let record: RunRecord | undefined = run.record;
  while (record && record.journal.runId !== runId) {
    const step = towards(record, runId);
    if (!step) break;
    const { runOptions, runConfig } = step.spec.options;
    const given = runOptions?.budgets ?? runConfig?.budgets;
    if (given) found.push({ of: step.of, given });
    record = step.record;
  }
  return found;
}

type Step = { readonly of: string; readonly spec: AgentToolSpec; readonly record: RunRecord | undefined };

/** The call whose sub-agent's run is the one of the id, or leads to it; that run, where it is known. */
function towards(record: RunRecord, runId: string): Step | undefined {
  const { journal, state, children, context } = record;
  const idOf = ({ i }: Call): string => `${journal.runId}/m${state.k}/c${i}`;
  const call = state.calls.find((each) => runId === idOf(each) || runId.startsWith(`${idOf(each)}/`));
  const spec = call && specOf(record, call);
  if (!spec) return undefined;
  const of = idOf(call);
  const below = journal.children.get(of);
  const revived = below && newRecord({ journal: below, root: spec.agent, context, state: stateOf(below) });
  return { of, spec, record: children?.get(of) ?? revived };
}

function specOf(record: RunRecord, call: Call): AgentToolSpec | undefined {
  try {
    const tool = knownTool(record, record.state, call);
    return tool && agentToolSpec(tool);
  } catch {
    // An agent that is none of ours any more: its run is left, and what it was given is not known.
    return undefined;
  }
}
