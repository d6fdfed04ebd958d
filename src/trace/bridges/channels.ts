/**
 * What runs do, on Node's diagnostics channels: for tools that watch a process without being imported by it.
 *
 * C1: a message is made only where its channel has a subscriber.
 * C2: a subscriber gets two messages a piece of work, at its start and at its end, at once and in the same process.
 * C3: no content unless asked: ids, names, times, counts and classes of errors.
 */
import { channel } from 'node:diagnostics_channel';
import type { RedactionOptions, Redactor } from '../../wire/redaction.ts';
import { errorType } from '../export/genai.ts';
import { readModelCall, type TokenCounts } from '../export/model-call.ts';
import type { GenerationSpanData, Span, TracingProcessor } from '../types.ts';
import { redactorOf } from './redactor-of.ts';

/** The channels; their names are what one subscribes to. */
const CHANNELS = {
  run: 'baton:run',
  agent: 'baton:agent',
  model: 'baton:model',
  tool: 'baton:tool',
  handoff: 'baton:handoff',
  guardrail: 'baton:guardrail',
  custom: 'baton:custom',
} as const;

type Kind = keyof typeof CHANNELS;

/** What is published. Members that are not known are absent. */
export type ChannelMessage = {
  readonly kind: Kind;
  readonly phase: 'start' | 'end';
  /** Of the workflow, agent, model, tool, guardrail or span; of a handoff `A -> B`. */
  readonly name: string;
  /** `trace_…`, `span_…`. Both messages of a piece of work have the same. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly runId?: string;
  readonly effectId?: string;
  readonly agent?: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;

  // At the end
  readonly durationMs?: number;
  /** Class of the error, or `_OTHER`; the message where content is on. */
  readonly error?: { readonly type: string; readonly message?: string };
  /** Of runs: `finished`, `failed`, `cancelled`, `paused`, `interrupted`. Of tools: `ok`, `error`, `rejected`, … */
  readonly outcome?: string;
  /** Of model calls. */
  readonly provider?: string;
  readonly tokens?: TokenCounts;
  readonly firstTokenMs?: number;
  readonly attempts?: number;
  /** Of model calls and runs, where prices are known: 10^-9 US dollars. */
  readonly nanoUsd?: number;
  /** Of tools and handoffs: the id that the model gave to the call. */
  readonly callId?: string;
  /** Of guardrails. */
  readonly triggered?: boolean;
  /** Where content is on: what went in and out, in the words of the span's data. */
  readonly content?: unknown;
};

export type ChannelProcessorOptions = {
  /** Inputs, outputs, messages of errors. @default false */
  includeContent?: boolean;
  /** What is taken out of messages. `false`: nothing. @default shapes of keys, secret names */
  redact?: RedactionOptions | Redactor | false;
};

/**
 * Makes a processor that publishes what runs do on `node:diagnostics_channel`.
 *
 * @example
 * addTraceProcessor(channelProcessor());
 * subscribe('baton:tool', (message) => console.log(message));
 */
export function channelProcessor(options: ChannelProcessorOptions = {}): TracingProcessor {
  const { includeContent = false } = options;
  const redact = redactorOf(options.redact ?? {});
  const channels = Object.fromEntries(Object.entries(CHANNELS).map(([kind, name]) => [kind, channel(name)]));
  const publish = (span: Span, phase: ChannelMessage['phase']): void => {
    const kind = kindOf(span);
    const target = kind && channels[kind];
    if (!kind || !target?.hasSubscribers) return;
    target.publish(redact(messageOf(span, { kind, phase, includeContent })));
  };
  const settled = async (): Promise<void> => undefined;
  return {
    onTraceStart: settled,
    onTraceEnd: settled,
    onSpanStart: async (span) => publish(span, 'start'),
    onSpanEnd: async (span) => publish(span, 'end'),
    forceFlush: settled,
    shutdown: settled,
  };
}

function kindOf({ spanData: { type } }: Span): Kind | undefined {
  switch (type) {
    case 'task':
      return 'run';
    case 'generation':
    case 'response':
      return 'model';
    case 'function':
      return 'tool';
    case 'agent':
    case 'handoff':
    case 'guardrail':
    case 'custom':
      return type;
    case 'turn':
    case 'mcp_tools':
    case 'transcription':
    case 'speech':
    case 'speech_group':
      return undefined;
  }
}

type Telling = { kind: Kind; phase: ChannelMessage['phase']; includeContent: boolean };

function messageOf(span: Span, { kind, phase, includeContent }: Telling): ChannelMessage {
  const { traceId, spanId, parentId, details } = span;
  const startedAt = Date.parse(span.startedAt ?? '');
  return {
    kind,
    phase,
    name: nameOf(span),
    traceId,
    spanId,
    parentId,
    ...given('runId', details?.runId),
    ...given('effectId', details?.effectId),
    ...given('agent', details?.agent),
    ...given('callId', details?.callId),
    startedAt,
    ...(phase === 'end' && endOf(span, { startedAt, includeContent })),
  };
}

function endOf(
  span: Span,
  { startedAt, includeContent }: { startedAt: number; includeContent: boolean },
): Partial<ChannelMessage> {
  const { details, error, spanData: data } = span;
  return {
    // A clock that was set back makes no negative duration.
    durationMs: Math.max(0, Date.parse(span.endedAt ?? '') - startedAt),
    ...(error && { error: { type: errorType(span), ...(includeContent && { message: error.message }) } }),
    ...given('outcome', details?.outcome ?? details?.toolOutcome),
    ...given('firstTokenMs', details?.firstTokenMs),
    ...given('attempts', details?.attempts?.length),
    ...given('nanoUsd', details?.nanoUsd),
    ...(data.type === 'guardrail' && { triggered: data.triggered }),
    ...modelFacts(span),
    ...(includeContent && { content: { ...data, ...(error && { error }) } }),
  };
}

function modelFacts(span: Span): Partial<ChannelMessage> {
  if (span.spanData.type !== 'generation' && span.spanData.type !== 'response') return {};
  // The discriminant narrows the data, not the span that holds it.
  const { provider, tokens } = readModelCall(span as Span<GenerationSpanData>, false);
  return { tokens, ...given('provider', provider) };
}

function nameOf({ spanData: data, details }: Span): string {
  if (data.type === 'handoff') return `${data.from_agent ?? '?'} -> ${data.to_agent ?? '?'}`;
  if (data.type === 'generation') return data.model ?? details?.origin?.model ?? '';
  if (data.type === 'response') return details?.origin?.model ?? '';
  return 'name' in data ? data.name : '';
}

function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: T });
}
