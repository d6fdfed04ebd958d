/**
 * Calls of tools as function spans.
 */
import { type Call, decisionOn, type Effect, type EventOf, type State } from '../kernel/index.ts';
import { type Details, end, hasContent, innermost, note, open, type Reading, used, usedByTask } from './reading.ts';
import type { Span } from './span.ts';
import { errorOf } from './span-error.ts';
import type { FunctionSpanData } from './types.ts';

type CallTool = Extract<Effect, { do: 'call_tool' }>;

export function callStarts(r: Reading, effect: CallTool, state: State): void {
  const call = state.calls[effect.i];
  // What does not exist, or was refused before a person was asked, did not run: the answer is ours.
  if (!call || call.kind === 'unknown' || (effect.refused && !decisionOn(state, call))) return;
  const input = hasContent(r) ? call.made.arguments : '';
  const data: FunctionSpanData = { type: 'function', name: call.tool, input, output: '' };
  const id = `${effect.id}#${effect.attempt ?? 1}`;
  r.open.set(effect.id, open(r, { data, id, parent: innermost(r), details: detailsOf(r, effect, call) }));
}

function detailsOf(r: Reading, effect: CallTool, call: Call): Details {
  const agent = r.agentSpan?.spanData.name;
  const asked = r.asked?.get(effect.id);
  const details: Details = { effectId: effect.id, callId: call.callId };
  details.toolKind = call.kind === 'agent' ? 'agent' : 'function';
  if (agent !== undefined) details.agent = agent;
  if (asked !== undefined) details.approvalWaitMs = r.now - asked;
  return details;
}

export function toolReturned(r: Reading, event: EventOf<'tool.returned'>): void {
  const span = closing(r, event.id);
  if (!span) return used(r, event.usage);
  const { outcome = 'ok' } = event;
  const { spanData: data } = span;
  if (hasContent(r)) data.output = event.text ?? JSON.stringify(event.output ?? '');
  if (outcome === 'error' && !isKeptOut(event)) {
    span.setError({ message: 'Error running tool (non-fatal)', data: { tool_name: data.name, error: WITHHELD } });
  }
  if (outcome === 'rejected') {
    const error = `A person rejected the call ${span.details?.callId ?? ''}.`;
    const message = hasContent(r) ? data.output : 'The call was rejected.';
    span.setError({ message, data: { tool_name: data.name, error } });
  }
  note(span, { toolOutcome: outcome });
  count(r, span, event);
  end(r, span);
}

/** Whether a guardrail answered in place of the tool: that is no error. */
const isKeptOut = ({ checks = [] }: EventOf<'tool.returned'>): boolean =>
  checks.some(({ point, output }) => point === 'tool_input' && JSON.stringify(output).includes('"rejectContent"'));

/** What a tool threw goes to the model as its error function words it; the log does not keep the rest. */
const WITHHELD = 'The tool failed. Why is not told here.';

export function toolFailed(r: Reading, event: EventOf<'tool.failed'>): void {
  const span = closing(r, event.id);
  if (!span) return;
  const error = errorOf(r, event.error, 'inner');
  span.setError({ message: 'Error running tool', data: { tool_name: span.spanData.name, error } });
  note(span, { toolOutcome: 'error' });
  count(r, span);
  end(r, span);
}

/** A sub-agent waits for a person: its call goes on as another span. */
export function callWaits(r: Reading, event: EventOf<'tool.waiting'>): void {
  const span = closing(r, event.id);
  if (!span) return;
  note(span, { outcome: 'paused' });
  count(r, span);
  end(r, span);
}

/** What a sub-agent used counts for its caller too: as its spans say it, else as its result does. */
function count(r: Reading, span: Span, event?: EventOf<'tool.returned'>): void {
  const task = r.tasks.get(span.spanId);
  if (task) usedByTask(r, task);
  else used(r, event?.usage);
  r.tasks.delete(span.spanId);
}

function closing(r: Reading, id: string): Span<FunctionSpanData> | undefined {
  const span = r.open.get(id);
  r.open.delete(id);
  return span && isFunction(span) ? span : undefined;
}

const isFunction = (span: Span): span is Span<FunctionSpanData> => span.spanData.type === 'function';
