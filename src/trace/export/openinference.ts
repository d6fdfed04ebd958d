/** Spans in the words of OpenInference, which Arize Phoenix reads: kinds, flat messages, inputs and outputs. */
import type { Span, SpanData } from '../types.ts';
import { ownFacts, type DescribeContext, type Dialect, type Facts } from './describe.ts';
import { genai } from './genai.ts';
import type { Message, MessagePart } from './messages.ts';
import { readModelCall } from './model-call.ts';

type Kind = 'LLM' | 'AGENT' | 'TOOL' | 'CHAIN' | 'GUARDRAIL';

const KINDS: Readonly<Record<SpanData['type'], Kind>> = {
  task: 'CHAIN',
  agent: 'AGENT',
  turn: 'CHAIN',
  generation: 'LLM',
  response: 'LLM',
  function: 'TOOL',
  handoff: 'TOOL',
  guardrail: 'GUARDRAIL',
  custom: 'CHAIN',
  mcp_tools: 'CHAIN',
  transcription: 'CHAIN',
  speech: 'CHAIN',
  speech_group: 'CHAIN',
};
/** Messages that are written flat, each of several attributes; the newest. */
const MAX_MESSAGES = 128;

export const openinference: Dialect = (span, context) => {
  // Names and what is a client are the same; the words are not.
  const { name, client } = genai(span, { ...context, includeContent: false });
  const metadata = context.trace?.metadata ?? span.traceMetadata ?? {};
  return {
    name,
    client,
    facts: {
      'openinference.span.kind': KINDS[span.spanData.type],
      'session.id': context.trace?.groupId ?? undefined,
      metadata: span.parentId === null && Object.keys(metadata).length > 0 ? metadata : undefined,
      ...factsOf(span, context),
      ...ownFacts(span, context),
    },
  };
};

function factsOf(span: Span, context: DescribeContext): Facts {
  const data = span.spanData;
  const { includeContent } = context;
  switch (data.type) {
    case 'generation':
    case 'response':
      return modelFacts(span, includeContent);
    case 'agent':
      return { 'agent.name': data.name };
    case 'turn':
      return { 'agent.name': data.agent_name, 'baton.turn': data.turn };
    case 'function':
      return {
        'tool.name': data.name,
        'tool_call.id': span.details?.callId,
        ...(includeContent && { ...inputOf(data.input), ...outputOf(data.output) }),
      };
    case 'handoff':
      return {
        'tool.name': `handoff to ${data.to_agent ?? '?'}`,
        'baton.handoff.from': data.from_agent,
        'baton.handoff.to': data.to_agent,
      };
    case 'guardrail':
      return { 'baton.guardrail.triggered': data.triggered, 'baton.guardrail.point': span.details?.point };
    case 'custom':
      return includeContent ? inputOf(data.data) : {};
    case 'mcp_tools':
      return { 'baton.mcp.server': data.server, 'baton.mcp.tools': data.result };
    case 'transcription':
      return { 'llm.model_name': data.model, ...(includeContent && outputOf(data.output)) };
    case 'speech':
      return { 'llm.model_name': data.model, ...(includeContent && inputOf(data.input)) };
    case 'speech_group':
      return includeContent ? inputOf(data.input) : {};
    case 'task':
      return {};
  }
}

function modelFacts(span: Span, includeContent: boolean): Facts {
  const call = readModelCall(span as Parameters<typeof readModelCall>[0], includeContent);
  const { tokens, content, provider } = call;
  const { input, output } = tokens;
  return {
    'llm.model_name': call.responseModel ?? call.requestModel,
    'llm.provider': provider,
    'llm.system': provider,
    'llm.token_count.prompt': input,
    'llm.token_count.completion': output,
    'llm.token_count.total': input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0),
    'llm.token_count.prompt_details.cache_read': tokens.cacheRead,
    'llm.token_count.prompt_details.cache_write': tokens.cacheWrite,
    'llm.token_count.completion_details.reasoning': tokens.reasoning,
    'llm.cost.total': call.cost,
    'llm.invocation_parameters': span.spanData.type === 'generation' ? span.spanData.model_config : undefined,
    ...(content !== undefined && {
      ...inputOf(content.input),
      ...outputOf(content.output),
      ...flat('llm.input_messages', withInstructions(content.instructions, content.input)),
      ...flat('llm.output_messages', content.output),
    }),
  };
}

function withInstructions(instructions: string | undefined, messages: Message[]): Message[] {
  if (instructions === undefined) return messages;
  return [{ role: 'system', parts: [{ type: 'text', content: instructions }] }, ...messages];
}

const inputOf = (value: unknown): Facts => ({ 'input.value': value, 'input.mime_type': mimeType(value) });
const outputOf = (value: unknown): Facts => ({ 'output.value': value, 'output.mime_type': mimeType(value) });

function mimeType(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return 'application/json';
  try {
    JSON.parse(value);
    return 'application/json';
  } catch {
    return 'text/plain';
  }
}

/** `prefix.0.message.role` and so on. */
function flat(prefix: string, messages: readonly Message[]): Facts {
  const facts: Facts = {};
  const shown = messages.slice(-MAX_MESSAGES);
  for (const [index, { role, parts }] of shown.entries()) {
    const at = `${prefix}.${index}.message`;
    facts[`${at}.role`] = role;
    let calls = 0;
    const texts: string[] = [];
    for (const part of parts) {
      if (isPart(part, 'tool_call')) {
        const call = `${at}.tool_calls.${calls++}.tool_call`;
        facts[`${call}.id`] = part.id;
        facts[`${call}.function.name`] = part.name;
        facts[`${call}.function.arguments`] = text(part.arguments);
      } else if (isPart(part, 'tool_call_response')) {
        facts[`${at}.tool_call_id`] = part.id;
        texts.push(text(part.response));
      } else if (isPart(part, 'text')) texts.push(part.content);
    }
    if (texts.length > 0) facts[`${at}.content`] = texts.join('\n');
  }
  return facts;
}

function isPart<T extends MessagePart['type']>(
  part: { type?: unknown },
  type: T,
): part is Extract<MessagePart, { type: T }> {
  return part.type === type;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
