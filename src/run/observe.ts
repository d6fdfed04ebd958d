/**
 * Between runs and traces. Where nobody listens, each of these costs one branch.
 */
import { type AnyAgent, Handoff } from '../agent/index.ts';
import type { RunEvent, State } from '../kernel/index.ts';
import type { Model, ModelRequest } from '../protocol/model.ts';
import { runMeter, runTracer, startingStore } from '../trace/listening.ts';
import type { AgentFacts, CheckEffect, RunObserver, TracedRun } from '../trace/run-tracer.ts';
import type { LiveRun } from './live-run.ts';
import type { Settings } from './options.ts';
import type { Offer } from './perform/offer.ts';
import { inputChecksOf, outputChecksOf } from './plan.ts';
import type { RunRecord } from './record.ts';

export type { RunObserver } from '../trace/run-tracer.ts';

/** What the first run of a process has to wait for before it may begin; undefined where there is nothing. */
export const traceStarting = ({ tracingDisabled }: Settings): Promise<void> | undefined =>
  tracingDisabled === true ? undefined : startingStore();

type Caller = { run: LiveRun; effectId: string };

/**
 * Who watches this segment of a run, if anybody does. The segment is recorded in the event that begins it, which must
 * be among `beginning`.
 */
export function observe(
  record: RunRecord,
  { settings, beginning, caller }: { settings: Settings; beginning: readonly RunEvent[]; caller?: Caller },
): RunObserver | undefined {
  const tracer = runTracer();
  const isHidden = settings.tracingDisabled === true;
  const meter = runMeter();
  if (tracer === undefined && meter === undefined) return undefined;
  const first = beginning.find(beginsSegment);
  if (!first) return undefined;
  const run = tracedRun(record, settings, caller);
  const observer = isHidden ? tracer?.hide() : tracer?.observe(tracedBy(run));
  if (observer && !isHidden) first.segment = observer.segment;
  return meter ? meter.observe(run, observer) : observer;
}

/** The run as the tracer knows it: its caller is who traces the caller. */
const tracedBy = ({ parent, ...run }: TracedRun): TracedRun =>
  parent ? { ...run, parent: { ...parent, observer: parent.observer.traced ?? parent.observer } } : run;

/** Who watches the run of a sub-agent: nobody where nobody watches its caller. */
export function observeChild(
  run: LiveRun,
  { record, live, effectId }: { record: RunRecord; live: LiveRun; effectId: string },
): RunObserver | undefined {
  if (!run.observer) return undefined;
  return observe(record, { settings: live.settings, beginning: record.inbox, caller: { run, effectId } });
}

type Beginning = Extract<RunEvent, { type: 'run.started' | 'run.resumed' | 'run.recovered' }>;
const beginsSegment = (event: RunEvent): event is Beginning =>
  event.type === 'run.started' || event.type === 'run.resumed' || event.type === 'run.recovered';

function tracedRun(record: RunRecord, settings: Settings, caller: Caller | undefined): TracedRun {
  const { workflowName, traceId, groupId, traceMetadata, tracing, traceIncludeSensitiveData } = settings;
  // A sub-agent inherits its caller's settings, but not the name of its workflow.
  const isInherited = caller !== undefined && workflowName === caller.run.settings.workflowName;
  const observer = caller?.run.observer;
  const { base } = record.journal;
  const { session } = settings;
  return {
    runId: record.journal.runId,
    earlier: record.journal.events,
    state: record.state,
    ...(base && { base: base.state, before: base }),
    ...(session && { session: () => session.getSessionId() }),
    settings: {
      ...(workflowName !== undefined && !isInherited && { workflowName }),
      ...(traceId !== undefined && { traceId }),
      ...(groupId !== undefined && { groupId }),
      ...(traceMetadata && { traceMetadata }),
      ...(tracing && { tracing }),
      content: traceIncludeSensitiveData !== false,
    },
    ...(caller && observer && { parent: { observer, effectId: caller.effectId } }),
    agent: (key) => agentFacts(record, key),
    check: (effect, state) => checkName(record, settings, { effect, state }),
  };
}

function agentFacts(record: RunRecord, key: string): AgentFacts {
  const agent = record.graph.agent(key);
  return {
    name: agent.name,
    handoffs: agent.handoffs.map((target) => (target instanceof Handoff ? target.agentName : target.name)),
    tools: agent.tools.map((tool) => tool.name),
    outputType: agent.outputSchemaName,
  };
}

type Check = { effect: CheckEffect; state: State };

function checkName(record: RunRecord, settings: Settings, { effect, state }: Check): string | undefined {
  const agent = record.graph.agent(state.agent);
  const checksOf = effect.point === 'input' ? inputChecksOf : outputChecksOf;
  return checksOf(agent, settings)[effect.index]?.name;
}

/** What a model call sends, and to whom. */
type Sent = { request: ModelRequest; offer: Offer; model: Model; run: LiveRun; agent: AnyAgent };

export function tellSent(observer: RunObserver, id: string, sent: Sent): void {
  const { request, offer, model, run, agent } = sent;
  const named = agent.model === '' ? run.settings.model : agent.model;
  observer.sent(id, {
    request,
    model: model.origin?.model ?? (typeof named === 'string' ? named : undefined),
    origin: model.origin,
    tools: offer.tools.map(({ name }) => name),
    handoffs: offer.handoffs.map(({ agentName }) => agentName),
  });
}
