/**
 * Carries out an agent tool: a run of its own, under the effect's id, within the caller's run.
 *
 * The sub-agent's run has its own log. When it waits for a person, the call has answered `waiting`; when decisions
 * came, the same call goes on with the same log.
 */
import { type AgentToolSpec, agentToolSpec, extractAllTextOutput, RunHooks } from '../../agent/index.ts';
import {
  type Approval,
  type Ask,
  type CostEntry,
  type Effect,
  type RunEvent,
  type State,
  type ToolOutcome,
} from '../../kernel/index.ts';
import { UserError } from '../../protocol/errors.ts';
import type { FunctionCallItem } from '../../protocol/items.ts';
import type { UsageData } from '../../protocol/model.ts';
import { type FunctionTool, type PreparedArguments, RunContext, TOOL_ERROR_TEXT } from '../../tools/index.ts';
import { agentBehind, asksOf, asksThrough } from '../asks.ts';
import { childInput } from '../child-input.ts';
import { childSink } from '../child-sink.ts';
import { costEntries } from '../cost.ts';
import { liveError } from '../end.ts';
import type { LiveRun } from '../live-run.ts';
import { countsCost } from '../nested-cost.ts';
import { observeChild } from '../observe.ts';
import { type IndividualRunOptions, type RunConfig, settle } from '../options.ts';
import { Journal, newRecord, type RunRecord, stateOf } from '../record.ts';
import { RunResult } from '../result.ts';
import { RunState } from '../run-state.ts';
import { usageData, usageOfJournal } from '../usage.ts';

type Call = {
  effect: Extract<Effect, { do: 'call_tool' }>;
  state: State;
  item: FunctionCallItem;
  tool: FunctionTool;
  prepared: PreparedArguments;
};

export type ChildAnswer =
  | { kind: 'waiting'; asks: Ask[] }
  | { kind: 'done'; output: unknown; outcome: ToolOutcome; usage?: UsageData; cost?: CostEntry[] };

export async function childRun(run: LiveRun, call: Call): Promise<ChildAnswer> {
  const spec = agentToolSpec(call.tool);
  if (!spec) throw new UserError(`Tool "${call.tool.name}" was an agent when the run was saved and is none now.`);
  const { prepared } = call;
  if (!prepared.ok) return { kind: 'done', output: TOOL_ERROR_TEXT, outcome: 'error' };
  const record = await openChild(run, spec, call);
  const { runId } = record.journal;
  const live = run.child(record, surroundingsOf(run, spec, { call, record }));
  record.inbox.unshift(...(await beginning(run, spec, { record, call, live })));
  live.observer = observeChild(run, { record, live, effectId: call.effect.id });
  const state = await live.go();

  if (state.status === 'paused') return { kind: 'waiting', asks: asksThrough(call.tool.name, asksOf(state, runId)) };
  run.record.children?.delete(runId);
  // Of one that was cancelled in another process, only the log knows why. What it spent is told by its log alone.
  if (state.status === 'cancelled') throw live.abortReason ?? liveError(record, state);
  run.record.journal.conclude(record.journal);
  const cost = costEntries(record.journal);
  // A sub-agent may have prices, or a router, of its own.
  const isCounted = countsCost(run) || cost.some(({ nanoUsd }) => nanoUsd !== undefined);
  const spent = { usage: usageData(usageOfJournal(record.journal)), ...(isCounted && { cost }) };
  if (state.status !== 'finished') return { kind: 'done', output: TOOL_ERROR_TEXT, outcome: 'error', ...spent };
  try {
    return { kind: 'done', output: await outputOf(spec, record), outcome: 'ok', ...spent };
  } catch {
    // As with any tool that throws: the model is told that it failed, and no more.
    return { kind: 'done', output: TOOL_ERROR_TEXT, outcome: 'error', ...spent };
  }
}

/** The sub-agent's run: the one that waited or was cut off by a crash, else a new one. */
async function openChild(run: LiveRun, spec: AgentToolSpec, { effect, item, prepared }: Call): Promise<RunRecord> {
  const runId = `${run.record.journal.runId}/${effect.id}`;
  const params = prepared.ok ? prepared.value : undefined;
  const known = run.record.children?.get(runId);
  const context = spec.parameters ? RunContext.fork(run.context, params) : run.context;
  const journal: Journal = known?.journal ?? run.record.journal.children.get(runId) ?? new Journal(runId);
  const invocation = { toolName: item.name, toolCallId: item.callId, toolArguments: item.arguments };
  const record = newRecord({
    journal,
    root: spec.agent,
    context,
    state: stateOf(journal),
    invocation,
  });
  if (known) record.live = known.live;
  (run.record.children ??= new Map()).set(runId, record);
  run.record.journal.children.set(runId, journal);
  return record;
}

type Begin = { record: RunRecord; call: Call; live: LiveRun };

/** What the sub-agent's log goes on with: its start, the decisions that it waited for, or its recovery. */
async function beginning(run: LiveRun, spec: AgentToolSpec, { record, call, live }: Begin): Promise<RunEvent[]> {
  const { status } = record.state;
  const decisions = call.state.approvals.filter(({ run: of, sticky }) => of !== undefined || sticky);
  const told = decisions.flatMap((approval) => tell(approval, record, call.tool.name));
  const maxTurns = live.settings.maxTurns;
  const stream = live.settings.stream;
  const session = live.settings.session !== undefined;
  if (status === 'paused') {
    return [...told, { type: 'run.resumed', maxTurns, ...(session && { session }), ...(stream && { stream }) }];
  }
  if (status === 'running' || status === 'stopping') return [{ type: 'run.recovered' }, ...told];
  if (status !== 'new') return [];
  const input = await childInput(spec, call.prepared.ok ? call.prepared.value : undefined);
  const { conversationId, previousResponseId } = live.settings;
  return [
    {
      type: 'run.started',
      runId: record.journal.runId,
      agent: record.graph.keyOf(spec.agent),
      input,
      maxTurns,
      parent: run.record.journal.runId,
      ...(session && { session }),
      ...(stream && { stream }),
      ...(conversationId !== undefined && { conversationId }),
      ...(previousResponseId !== undefined && { previousResponseId }),
    },
    ...told,
  ];
}

/**
 * A decision of the caller's log, as the sub-agent's log holds it: once, and without the run's own id. One on all calls
 * of a tool goes where the agent is whose calls it covers; one on a single call goes to the run that made the call.
 */
function tell(approval: Approval, { journal, state }: RunRecord, through: string): RunEvent[] {
  const { run, agent, ...rest } = approval;
  const behind = agent === undefined ? undefined : agentBehind(through, agent);
  if (agent !== undefined && behind === undefined) return [];
  const isOwn = run === journal.runId;
  const isOfSubAgent = run?.startsWith(`${journal.runId}/`) ?? false;
  if (!approval.sticky && !isOwn && !isOfSubAgent) return [];
  const { k: _, callId: __, ...everyCall } = rest;
  const own: Approval = {
    ...(isOwn || isOfSubAgent ? rest : everyCall),
    ...(isOfSubAgent && run !== undefined && { run }),
    ...(behind !== undefined && { agent: behind }),
  };
  const known = state.approvals.some((each) => JSON.stringify(each) === JSON.stringify(own));
  return known ? [] : [{ type: 'approval.decided', ...own }];
}

type Where = { call: Call; record: RunRecord };

function surroundingsOf(run: LiveRun, spec: AgentToolSpec, { call, record }: Where): LiveRun['surroundings'] {
  const { runConfig = {}, runOptions = {} } = spec.options;
  const { prices } = run.settings;
  const config: RunConfig = { ...run.surroundings.config, ...(prices && { prices }), ...runConfig };
  const sink = childSink(run, spec, { item: call.item, invocation: record.invocation });
  const options = { ...runOptions, stream: sink !== undefined } as IndividualRunOptions;
  const { committer, durable, amnesia } = run.surroundings;
  return {
    settings: settle(config, options),
    config,
    runner: new RunHooks(),
    parent: run,
    ...(sink && { sink }),
    ...(committer && { committer }),
    ...(durable && { durable }),
    ...(amnesia && { amnesia }),
  };
}

/** The tool's output: what the extractor says, else the last text, else the final output. */
async function outputOf(spec: AgentToolSpec, record: RunRecord): Promise<unknown> {
  const result = new RunResult(new RunState(record));
  const { customOutputExtractor } = spec.options;
  if (customOutputExtractor) return customOutputExtractor(result as never);
  const { state } = record;
  if (state.output?.source !== 'reply' || state.outputChecking.asked > 0) return state.output?.text ?? '';
  return extractAllTextOutput(result.newItems.slice(-1)) || state.output.text;
}
