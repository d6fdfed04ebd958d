/**
 * Model calls as generation or response spans.
 *
 * A call's span opens when it is sent, or, in a stored log, when its answer is read; it begins with the request of the
 * effect in both. Its kind is that of the wire: `response` for OpenAI's Responses API, else `generation`.
 */
import type { Attempt, EventOf } from '../kernel/index.ts';
import { toArray } from '../kernel/index.ts';
import type { ModelSettings, Origin } from '../protocol/model.ts';
import { type Details, end, hasContent, innermost, note, open, type Reading, used } from './reading.ts';
import type { SentFacts } from './run-tracer.ts';
import type { Span } from './span.ts';
import { errorOf } from './span-error.ts';
import type { GenerationSpanData, ResponseSpanData, SpanDetails } from './types.ts';
import { costOf, generationUsage, queuedMsOf } from './usage.ts';

type ModelSpanData = GenerationSpanData | ResponseSpanData;

/** The call is on its way: what is sent, and to whom. */
export function modelSent(r: Reading, id: string, facts: SentFacts): void {
  if (!r.begun.has(id)) return;
  if (r.agentSpan) {
    r.agentSpan.spanData.tools = facts.tools;
    r.agentSpan.spanData.handoffs = facts.handoffs;
  }
  openCall(r, id, { facts, origin: facts.origin });
}

export function modelReplied(r: Reading, event: EventOf<'model.replied'>): void {
  const { reply, attempts, firstTokenMs } = event;
  used(r, reply.usage);
  const nanoUsd = costOf(attempts);
  if (nanoUsd !== undefined) r.nanoUsd = (r.nanoUsd ?? 0) + nanoUsd;
  const origin = originOf(event);
  const span = closing(r, event.id, origin);
  if (!span) return;
  const { spanData: data } = span;
  if (data.type === 'generation') {
    data.usage = generationUsage(reply.usage);
    if (hasContent(r)) data.output = reply.output;
    if (origin) data.model = origin.model;
  } else {
    if (reply.responseId !== undefined) data.response_id = reply.responseId;
    if (hasContent(r)) data._response = { id: reply.responseId, output: reply.output, usage: reply.usage };
  }
  const details: Details = { usage: reply.usage };
  if (reply.responseId !== undefined) details.responseId = reply.responseId;
  if (reply.requestId !== undefined) details.requestId = reply.requestId;
  if (origin) details.origin = origin;
  if (attempts) Object.assign(details, tried(attempts));
  if (firstTokenMs !== undefined) details.firstTokenMs = firstTokenMs;
  note(span, details);
  end(r, span);
}

export function modelFailed(r: Reading, event: EventOf<'model.failed'>): void {
  used(r, event.usage);
  const nanoUsd = costOf(event.attempts);
  if (nanoUsd !== undefined) r.nanoUsd = (r.nanoUsd ?? 0) + nanoUsd;
  const span = closing(r, event.id, event.origin);
  if (!span) return;
  span.setError({ message: 'Error in model call', data: { error: errorOf(r, event.error, 'text') } });
  note(span, { ...(event.usage && { usage: event.usage }), ...tried(event.attempts) });
  end(r, span);
}

function tried(attempts: readonly Attempt[] | undefined): SpanDetails {
  const nanoUsd = costOf(attempts);
  const queuedMs = queuedMsOf(attempts);
  return {
    ...(attempts && { attempts }),
    ...(nanoUsd !== undefined && { nanoUsd }),
    ...(queuedMs > 0 && { queuedMs }),
  };
}

/** Who answered: as the log says it, else as what was said is marked. */
function originOf({ reply }: EventOf<'model.replied'>): Origin | undefined {
  if (reply.origin) return reply.origin;
  for (const item of reply.output) if (item.origin) return item.origin;
  return undefined;
}

type Known = { facts?: SentFacts; origin: Origin | undefined };

function openCall(r: Reading, id: string, { facts, origin }: Known): Span<ModelSpanData> | undefined {
  const begun = r.begun.get(id);
  if (!begun) return undefined;
  r.begun.delete(id);
  const data = dataOf(r, facts, origin);
  const agent = r.agentSpan?.spanData.name;
  const instructions = hasContent(r) ? facts?.request.systemInstructions : undefined;
  const details: Details = { effectId: id };
  if (agent !== undefined) details.agent = agent;
  if (origin) details.origin = origin;
  if (instructions !== undefined) details.instructions = instructions;
  const span = open<ModelSpanData>(r, {
    data,
    id: `${id}#${begun.attempt}`,
    // Not the type: a log may not know it.
    kind: 'model',
    parent: innermost(r),
    at: begun.at,
    details,
  });
  r.open.set(id, span);
  return span;
}

function dataOf(r: Reading, facts: SentFacts | undefined, origin: Origin | undefined): ModelSpanData {
  const content = hasContent(r);
  const input = facts?.request.input;
  const asked = r.state?.request;
  if (origin?.api === 'openai-responses') {
    const sent = input ?? (asked ? toArray(asked) : []);
    return { type: 'response', ...(content && { _input: sent }) };
  }
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : (input ?? (asked && toArray(asked)));
  const model = facts?.model ?? origin?.model;
  const data: GenerationSpanData = { type: 'generation' };
  if (content && items) data.input = items;
  if (model !== undefined) data.model = model;
  if (facts) data.model_config = configOf(facts.request.modelSettings);
  return data;
}

const WITHHELD = ['providerData', 'retry', 'preserveRawUsage'] as const satisfies readonly (keyof ModelSettings)[];

/** Settings that say how was sampled. What goes to a vendor as it is may hold secrets and stays out. */
export function configOf(settings: ModelSettings): Record<string, unknown> {
  const config: Record<string, unknown> = { ...settings };
  for (const key of WITHHELD) if (key in config) delete config[key];
  return config;
}

function closing(r: Reading, id: string, origin: Origin | undefined): Span<ModelSpanData> | undefined {
  const span = r.open.get(id) ?? openCall(r, id, { origin });
  r.open.delete(id);
  return span && isModelCall(span) ? span : undefined;
}

const isModelCall = (span: Span): span is Span<ModelSpanData> =>
  span.spanData.type === 'generation' || span.spanData.type === 'response';
