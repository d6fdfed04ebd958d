/**
 * A run as text and back: its log, the logs of sub-agents that wait, a copy of the user's context.
 *
 * C1: linear in the size of the log. C2: live objects and keys are never in it. C3: what an output guardrail
 * withheld is replaced. C4: each event type has a version of its own; an event from a newer version is refused.
 */
import type { AnyAgent } from '../agent/index.ts';
import type { Committed, CostEntry, RunEvent } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { Json } from '../protocol/json.ts';
import type { UsageData } from '../protocol/model.ts';
import { Usage } from '../protocol/usage.ts';
import { RunContext } from '../tools/context.ts';
import { tellContext } from './decision.ts';
import { jsonOf } from './errors.ts';
import { Journal, newRecord, type RunRecord, stateOf } from './record.ts';
import { decodeState, encodeState } from './state-codec.ts';
import { usageData } from './usage.ts';

export const FORMAT = 'baton/run-state';

export type SaveOptions = {
  /** Whether a JSON copy of the user's context is included. @default true */
  includeContext?: boolean;
  /** Known from the published API. Keys are never included. @default false */
  includeTracingApiKey?: boolean;
};

type Log = {
  runId: string;
  events: Committed[];
  children?: Log[];
  base?: { at: number; state: Json; usage: UsageData; cost?: readonly CostEntry[] };
};
export type Envelope = {
  format: typeof FORMAT;
  agent: string;
  run: Log;
  /** Decisions and input that came after the newest event. */
  inbox?: RunEvent[];
  usage: Json;
  context?: Json;
};

export type ContextStrategy = 'merge' | 'replace' | 'preferSerialized';

export function encode(record: RunRecord, { includeContext = true }: SaveOptions): Envelope {
  const { journal, inbox, context, graph } = record;
  return {
    format: FORMAT,
    agent: graph.root.name,
    run: logOf(journal),
    ...(inbox.length > 0 && { inbox }),
    usage: jsonOf({ requests: context.usage.requests, ...usageData(context.usage) }),
    ...(includeContext && { context: jsonOf(context.context) }),
  };
}

function logOf(journal: Journal): Log {
  const { runId, events, base } = journal;
  const nested = journal.hasChildren ? [...journal.children.values()].map(logOf) : [];
  return {
    runId,
    events: withTombstones(events),
    ...(nested.length > 0 && { children: nested }),
    ...(base && { base: { ...base, state: encodeState(base.state) } }),
  };
}

/** The events, with a placeholder in place of what an output guardrail withheld. */
export function withTombstones(events: Committed[]): Committed[] {
  const hidden = new Map<string, string>();
  for (const event of events) {
    if (event.type !== 'items.withheld' || event.calls.length === 0) continue;
    hidden.set(`m${event.k}`, event.text);
    for (const i of event.calls) hidden.set(`m${event.k}/c${i}`, event.text);
  }
  if (hidden.size === 0) return events;
  return events.map((event) => {
    if (event.type === 'output.chosen') {
      const text = hidden.get(`m${event.k}`);
      return text === undefined || event.final === undefined ? event : { ...event, final: text };
    }
    if (event.type !== 'tool.returned') return event;
    const text = hidden.get(event.id);
    const { text: _, output: __, ...rest } = event;
    return text === undefined ? event : { ...rest, output: text };
  });
}

/** @throws UserError that says what the text is instead of a state of these agents. */
export function decode(agent: AnyAgent, text: string): RunRecord {
  const envelope = parse(text);
  const { run, inbox, usage, context } = envelope;
  const first = run.events[0];
  if (!run.base && first?.type !== 'run.started') throw damaged('its log does not begin with the start of a run');
  if (envelope.agent !== agent.name) {
    throw new UserError(
      `The run state belongs to agent "${envelope.agent}", but was read with agent "${agent.name}". ` +
        'Pass the agent that the run was started with.',
    );
  }
  const runContext = new RunContext<unknown>(context);
  runContext.usage = new Usage(usage as object);
  const journal = journalOf(run);
  const record = newRecord({ journal, root: agent, context: runContext, state: stateOf(journal) });
  record.inbox = inbox ?? [];
  checkAgents(record);
  restoreDecisions(record, runContext);
  return record;
}

function checkAgents(record: RunRecord): void {
  for (const event of record.journal.events) {
    if (event.type === 'agent.changed' || event.type === 'handoff.returned') record.graph.agent(event.to);
  }
  record.graph.agent(record.state.agent);
}

export function restoreDecisions({ state, inbox }: RunRecord, context: RunContext): void {
  const later = inbox.flatMap((event) => (event.type === 'approval.decided' ? [event] : []));
  for (const approval of [...state.approvals, ...later]) tellContext(context, approval);
}

/** Puts a context given at run time in the place of the stored one. */
export function restoreContext<T>(record: RunRecord, given: RunContext<T>, strategy: ContextStrategy): void {
  const stored = record.context.context;
  if (strategy === 'preferSerialized' && stored !== undefined) given.context = stored as T;
  record.context = given as RunContext;
  restoreDecisions(record, record.context);
}

const isObject = (value: unknown): value is { [key: string]: unknown } => typeof value === 'object' && value !== null;

function journalOf({ runId, events, children = [], base }: Log): Journal {
  return new Journal(runId, events, children.map(journalOf), base && { ...base, state: decodeState(base.state) });
}

function parse(text: string): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `This is no run state, since it is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!isObject(value)) throw damaged('it is not a JSON object');
  if ('$schemaVersion' in value) {
    throw new UserError(
      `This is a run state of @openai/agents (schema ${JSON.stringify(value.$schemaVersion)}), which this SDK cannot resume. ` +
        'Finish the run with the SDK that it was started with.',
    );
  }
  if (value.format !== FORMAT) throw damaged(`its "format" is ${JSON.stringify(value.format)} in place of "${FORMAT}"`);
  checkLog(value.run);
  if (typeof value.agent !== 'string') throw damaged('it names no agent');
  if (value.inbox !== undefined && !isEvents(value.inbox)) throw damaged('its inbox is not a list of events');
  return value as unknown as Envelope;
}

function checkLog(log: unknown): void {
  if (!isObject(log) || typeof log.runId !== 'string') throw damaged('it has no log');
  if (!isEvents(log.events)) throw damaged('its log is not a list of events');
  checkEvents(log.events, (problem) => new UserError(problem));
  if (log.children === undefined) return;
  if (!Array.isArray(log.children)) throw damaged('its sub-agents are not a list');
  log.children.forEach(checkLog);
}

/** @throws what `errorOf` makes of an event that this version cannot read */
export function checkEvents(
  events: readonly { type: string; v?: unknown }[],
  errorOf: (problem: string) => Error,
): void {
  for (const { type, v } of events) {
    if (!KNOWN.has(type)) {
      throw errorOf(
        `The run state has an event "${type}", which this version does not know. Read it with the version that wrote it, or a newer one.`,
      );
    }
    if (v !== undefined && v !== 1) {
      throw errorOf(
        `The run state has an event "${type}" of version ${JSON.stringify(v)}; this version reads version 1.`,
      );
    }
  }
}

const isEvents = (value: unknown): value is { type: string; v?: unknown }[] =>
  Array.isArray(value) && value.every((event) => isObject(event) && typeof event.type === 'string');

const damaged = (why: string): UserError => new UserError(`This is not a run state, or it is damaged: ${why}.`);

const KNOWN: ReadonlySet<string> = new Set<RunEvent['type']>([
  'run.started',
  'run.resumed',
  'run.recovered',
  'run.forked',
  'plan.recorded',
  'run.paused',
  'run.stopping',
  'run.finished',
  'run.failed',
  'run.cancelled',
  'effect.requested',
  'effect.failed',
  'effect.began',
  'effect.uncertain',
  'effect.settled_late',
  'session.loaded',
  'session.saved',
  'session.compacted',
  'input.staged',
  'input.cleared',
  'input.admitted',
  'check.returned',
  'model.replied',
  'model.failed',
  'reply.accepted',
  'output.rejected',
  'call.decided',
  'approval.decided',
  'tool.returned',
  'tool.failed',
  'tool.waiting',
  'batch.closed',
  'handoff.returned',
  'handoff.refused',
  'agent.changed',
  'output.chosen',
  'error.handled',
  'items.withheld',
]);
