/**
 * Events to spans: one function that reads a run's events in order, live or from a stored log.
 *
 * The order of spans, their ids, times, data, errors and usage follow from the events alone. What only a live run
 * knows (which tools were offered, instructions, the request as it was sent) is added where it is there.
 */
import {
  callIndex,
  type Committed,
  type Effect,
  type EventOf,
  isWaiting,
  type RunEvent,
  type State,
} from '../kernel/index.ts';
import { callStarts, callWaits, toolReturned, toolFailed } from './read-call.ts';
import { modelFailed, modelReplied } from './read-model.ts';
import {
  closeAgent,
  closeTask,
  closeTurn,
  end,
  innermost,
  note,
  open,
  openTask,
  openTurn,
  type Reading,
  resetSegment,
  used,
} from './reading.ts';
import type { Span } from './span.ts';
import { errorOf, runError } from './span-error.ts';
import type { HandoffSpanData, SessionOperation, SpanOutcome } from './types.ts';

/** Reads one event. `state` is what follows from it. */
export function read(r: Reading, event: Committed, state: State): void {
  if (event.at !== undefined) {
    // What a crash cut off ended with the last that is known of it. Within a segment a clock that is set back stands
    // still until it has caught up: nothing ends before it starts, or before what it holds.
    if (event.type !== 'run.recovered') r.now = beginsSegment(event) ? event.at : Math.max(r.now, event.at);
  }
  handle(r, event, state);
  r.state = state;
}

// oxlint-disable-next-line eslint/max-lines-per-function -- one case an event: the table of what they mean
function handle(r: Reading, event: Committed, state: State): void {
  switch (event.type) {
    case 'run.started':
      r.runId = event.runId;
      resetSegment(r, event.segment);
      return openTask(r);
    case 'run.resumed':
      return resumed(r, event, state);
    case 'run.recovered':
      cutOff(r);
      r.now = event.at ?? r.now;
      resetSegment(r, event.segment);
      return openTask(r);
    case 'run.forked':
      cutOff(r);
      r.runId = event.runId;
      return;
    case 'run.paused':
      for (const call of state.calls) {
        const id = `m${state.k}/c${call.i}`;
        r.asked ??= new Map<string, number>();
        if (isWaiting(state, call) && !r.asked.has(id)) r.asked.set(id, r.now);
      }
      return closeTask(r, 'paused');
    case 'run.stopping':
      r.failure = event;
      // These come between turns.
      if (event.cause === 'maxTurns' || event.cause === 'session') closeTurn(r);
      if (event.cause !== 'maxTurns') return;
      return r.agentSpan?.setError({ message: 'Max turns exceeded', data: { max_turns: state.maxTurns } });
    case 'run.finished':
      return finish(r, 'finished');
    case 'run.failed':
      return finish(r, 'failed');
    case 'run.cancelled':
      return finish(r, 'cancelled');

    case 'effect.requested':
      return requested(r, event.effect, state);
    case 'effect.failed':
      return effectFailed(r, event);
    case 'session.loaded':
      return operated(r, event.id, event.queuedMs === undefined ? {} : { queuedMs: event.queuedMs });
    case 'session.saved':
      return operated(r, event.id);
    case 'session.compacted':
      used(r, event.usage);
      return operated(r, event.id);
    case 'input.admitted':
      return closeTurn(r);
    case 'check.returned':
      return checked(r, event);

    case 'model.replied':
      return modelReplied(r, event);
    case 'model.failed':
      return modelFailed(r, event);
    case 'tool.returned':
      return toolReturned(r, event);
    case 'tool.failed':
      return toolFailed(r, event);
    case 'tool.waiting':
      return callWaits(r, event);

    case 'handoff.returned':
      return handedOver(r, event.id, event.to);
    case 'agent.changed':
      return handedOver(r, `m${event.k}/c${event.i}`, event.to);
    case 'handoff.refused': {
      const span = taken(r, event.id);
      return span && end(r, span);
    }
    case 'error.handled':
      if (event.final === undefined) return;
      if (r.failure?.cause === 'invalidFinalOutput') {
        r.turn?.setError({ message: errorOf(r, r.failure.error, 'message'), data: {} });
      }
      r.failure = undefined;
      return;
    case 'plan.recorded':
    case 'effect.began':
    case 'effect.uncertain':
    case 'effect.settled_late':
    case 'input.staged':
    case 'input.cleared':
    case 'reply.accepted':
    case 'output.rejected':
    case 'call.decided':
    case 'approval.decided':
    case 'batch.closed':
    case 'output.chosen':
    case 'items.withheld':
      return;
  }
}

// Segments

function resumed(r: Reading, event: EventOf<'run.resumed'>, state: State): void {
  resetSegment(r, event.segment);
  openTask(r);
  // A pause is within a turn; a run that failed goes on with the next one.
  if (state.stage === 'tools') openTurn(r, state.turn, state.agent);
}

/** Ends what a lost process left open. */
export function cutOff(r: Reading): void {
  for (const span of r.open.values()) {
    note(span, { outcome: 'interrupted' });
    end(r, span);
  }
  r.open.clear();
  for (const span of [r.turn, r.agentSpan]) if (span) note(span, { outcome: 'interrupted' });
  if (r.task || r.agentSpan) closeTask(r, 'interrupted');
}

function finish(r: Reading, outcome: SpanOutcome): void {
  const error = r.failure && runError(r, r.failure.error);
  for (const span of r.open.values()) end(r, span);
  r.open.clear();
  closeTask(r, outcome, outcome === 'finished' ? undefined : error);
}

// Effects

function requested(r: Reading, effect: Effect, state: State): void {
  switch (effect.do) {
    case 'check':
      return checkStarts(r, effect, state);
    case 'call_model':
      openTurn(r, state.turn, state.agent);
      return begin(r, effect);
    case 'call_tool':
      openTurn(r, state.turn, state.agent);
      return callStarts(r, effect, state);
    case 'hand_off':
      openTurn(r, state.turn, state.agent);
      r.open.set(effect.id, openHandoff(r, effect.id, effect.attempt));
      return;
    case 'load_session':
    case 'save_session':
    case 'compact_session':
      return begin(r, effect);
    case 'decide_call':
    case 'choose_output':
    case 'handle_error':
      return;
  }
}

function begin(r: Reading, { id, attempt = 1 }: Effect): void {
  r.begun.set(id, { at: r.now, attempt });
}

function checkStarts(r: Reading, effect: Extract<Effect, { do: 'check' }>, state: State): void {
  // Input is checked within the turn that it begins.
  if (effect.point === 'input' && !r.turn) openTurn(r, state.turn + 1, state.agent);
  const span = open(r, {
    data: { type: 'guardrail', name: r.check?.(effect, state) ?? '', triggered: false },
    id: `${effect.id}#${effect.attempt ?? 1}`,
    parent: r.agentSpan ?? r.task,
    details: { effectId: effect.id, point: effect.point, ...named(r) },
  });
  r.open.set(effect.id, span);
}

function checked(r: Reading, event: EventOf<'check.returned'>): void {
  const span = taken(r, event.id);
  if (span?.spanData.type !== 'guardrail') return;
  span.spanData.name = event.name;
  span.spanData.triggered = event.verdict === 'tripped';
  if (event.verdict === 'errored' && event.error) span.setError({ message: errorOf(r, event.error, 'inner message') });
  end(r, span);
}

function effectFailed(r: Reading, event: EventOf<'effect.failed'>): void {
  const span = taken(r, event.id);
  if (span) {
    if (span.spanData.type === 'handoff') span.setError({ message: errorOf(r, event.error, 'message') });
    if (span.spanData.type === 'function') {
      const data = { tool_name: span.spanData.name, error: errorOf(r, event.error, 'text') };
      span.setError({ message: 'Error running tool', data });
      note(span, { toolOutcome: 'aborted' });
    }
    end(r, span);
  }
  operated(r, event.id, { error: errorOf(r, event.error, 'text') });
}

const OPERATIONS: readonly (readonly [prefix: string, operation: SessionOperation['operation']])[] = [
  ['load', 'load'],
  ['compact', 'compact'],
  ['save', 'save'],
];

function operated(r: Reading, id: string, more: Pick<SessionOperation, 'queuedMs' | 'error'> = {}): void {
  const begun = r.begun.get(id);
  const found = OPERATIONS.find(([prefix]) => id.startsWith(prefix));
  r.begun.delete(id);
  if (!begun || !found) return;
  const ms = r.now - begun.at;
  r.operations.push({ operation: found[1], at: begun.at, ms, ...more });
}

// Handoffs

function openHandoff(r: Reading, id: string, attempt = 1): Span<HandoffSpanData> {
  const from = r.agentSpan?.spanData.name;
  return open(r, {
    data: { type: 'handoff', ...(from !== undefined && { from_agent: from }) },
    id: `${id}#${attempt}`,
    parent: innermost(r),
    details: { effectId: id, ...named(r) },
  });
}

function handedOver(r: Reading, id: string, to: string): void {
  const known = taken(r, id);
  const span = known && isHandoff(known) ? known : openHandoff(r, id);
  span.spanData.to_agent = r.agent?.(to)?.name ?? to;
  const asked = (r.state?.calls ?? []).filter(({ kind }) => kind === 'handoff');
  if (asked.length > 1) {
    const names = asked.map((call) => r.agent?.(call.to)?.name ?? call.to);
    span.setError({ message: 'Multiple handoffs requested', data: { requested_agents: names } });
  }
  const made = r.state?.calls[callIndex(id)]?.callId;
  if (made !== undefined) note(span, { callId: made });
  end(r, span);
  closeAgent(r);
}

const isHandoff = (span: Span): span is Span<HandoffSpanData> => span.spanData.type === 'handoff';

const named = (r: Reading): { agent?: string } => {
  const agent = r.agentSpan?.spanData.name;
  return agent === undefined ? {} : { agent };
};

/** The span of an effect, which is under way no more. */
function taken(r: Reading, id: string): Span | undefined {
  const span = r.open.get(id);
  r.open.delete(id);
  return span;
}

/** Whether an event begins a segment. */
export const beginsSegment = (event: RunEvent): boolean =>
  event.type === 'run.started' || event.type === 'run.resumed' || event.type === 'run.recovered';
