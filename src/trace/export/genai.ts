/** Spans in the words of OpenTelemetry's GenAI conventions. */
import type { GenerationSpanData, ResponseSpanData, Span } from '../types.ts';
import { ownFacts, type DescribeContext, type Described, type Dialect, type Facts } from './describe.ts';
import { GENAI, OPERATION } from './genai-names.ts';
import { readModelCall } from './model-call.ts';

export const genai: Dialect = (span, context) => {
  const { name, client, facts } = describe(span, context);
  return {
    name,
    client,
    facts: {
      ...facts,
      [GENAI.conversation]: context.trace?.groupId ?? undefined,
      [GENAI.errorType]: span.error === null ? undefined : errorType(span),
      ...ownFacts(span, context),
    },
  };
};

/** A name of few possible values: a code, a class, or that there is none. */
export function errorType(span: Span): string {
  const data = span.error?.data;
  // Spans of runs tell an error as `ClassName: message`, or as the class alone.
  const told = data?.['error'];
  const [, type] = /^([A-Z]\w{1,63})(?::|$)/.exec(typeof told === 'string' ? told : '') ?? [];
  if (type !== undefined) return type;
  for (const key of ['code', 'type', 'name']) {
    const value = data?.[key];
    if (typeof value === 'string' && /^[\w./-]{1,64}$/.test(value)) return value;
  }
  return '_OTHER';
}

const inside = (name: string, facts: Facts): Described => ({ name, client: false, facts });
const named = (...words: (string | undefined)[]): string =>
  words.filter((word) => word !== undefined && word !== '').join(' ');

// oxlint-disable-next-line eslint/max-lines-per-function -- one case a kind of span, as the union has them
function describe(span: Span, context: DescribeContext): Described {
  const data = span.spanData;
  const content = <T>(value: T): T | undefined => (context.includeContent ? value : undefined);
  switch (data.type) {
    case 'task':
      return inside(named(OPERATION.workflow, data.name), {
        [GENAI.operation]: OPERATION.workflow,
        [GENAI.workflow]: data.name,
      });
    case 'agent':
      return inside(named(OPERATION.agent, data.name), {
        [GENAI.operation]: OPERATION.agent,
        [GENAI.agentName]: data.name,
      });
    case 'turn':
      return inside(`turn ${data.turn}`, { [GENAI.agentName]: data.agent_name, 'baton.turn': data.turn });
    case 'generation':
    case 'response':
      // The discriminant narrows the data, not the span that holds it.
      return modelCall(span as Span<GenerationSpanData | ResponseSpanData>, context);
    case 'function':
      return inside(named(OPERATION.tool, data.name), {
        [GENAI.operation]: OPERATION.tool,
        [GENAI.toolName]: data.name,
        [GENAI.toolCallId]: span.details?.callId,
        [GENAI.toolType]: 'function',
        [GENAI.agentName]: span.details?.agent,
        [GENAI.toolArguments]: content(data.input),
        [GENAI.toolResult]: content(data.output),
      });
    case 'handoff':
      return inside(`handoff ${data.from_agent ?? '?'} -> ${data.to_agent ?? '?'}`, {
        'baton.handoff.from': data.from_agent,
        'baton.handoff.to': data.to_agent,
      });
    case 'guardrail':
      return inside(named('guardrail', data.name), {
        'baton.guardrail.name': data.name,
        'baton.guardrail.triggered': data.triggered,
        'baton.guardrail.point': span.details?.point,
      });
    case 'custom':
      return inside(named(data.name) || 'custom', { 'baton.custom.data': content(data.data) });
    case 'mcp_tools':
      return {
        name: 'tools/list',
        client: true,
        facts: { [GENAI.mcpMethod]: 'tools/list', 'baton.mcp.server': data.server, 'baton.mcp.tools': data.result },
      };
    case 'transcription':
      return inside(named('transcription', data.model), {
        [GENAI.requestModel]: data.model,
        'baton.output': content(data.output),
      });
    case 'speech':
      return inside(named('speech', data.model), {
        [GENAI.requestModel]: data.model,
        'baton.input': content(data.input),
      });
    case 'speech_group':
      return inside('speech_group', { 'baton.input': content(data.input) });
  }
}

function modelCall(span: Span<GenerationSpanData | ResponseSpanData>, { includeContent }: DescribeContext): Described {
  const call = readModelCall(span as Span<GenerationSpanData>, includeContent);
  const { settings, tokens, content } = call;
  const number = (...names: string[]): number | undefined =>
    names.map((name) => settings[name]).find((value) => typeof value === 'number');
  const stop = settings['stop'] ?? settings['stop_sequences'];
  return {
    name: named(OPERATION.chat, call.requestModel),
    client: true,
    facts: {
      [GENAI.operation]: OPERATION.chat,
      [GENAI.provider]: call.provider,
      [GENAI.requestModel]: call.requestModel,
      [GENAI.responseModel]: call.responseModel,
      [GENAI.responseId]: call.responseId,
      [GENAI.openaiApi]: call.openaiApi,
      [GENAI.agentName]: span.details?.agent,
      [GENAI.maxTokens]: number('max_tokens', 'maxTokens', 'max_output_tokens'),
      [GENAI.temperature]: number('temperature'),
      [GENAI.topP]: number('top_p', 'topP'),
      [GENAI.topK]: number('top_k', 'topK'),
      [GENAI.frequencyPenalty]: number('frequency_penalty', 'frequencyPenalty'),
      [GENAI.presencePenalty]: number('presence_penalty', 'presencePenalty'),
      [GENAI.seed]: number('seed'),
      [GENAI.stopSequences]: Array.isArray(stop) ? stop.filter((item) => typeof item === 'string') : undefined,
      [GENAI.timeToFirstChunk]: call.firstTokenSeconds,
      [GENAI.inputTokens]: tokens.input,
      [GENAI.outputTokens]: tokens.output,
      [GENAI.cacheReadTokens]: tokens.cacheRead,
      [GENAI.cacheWriteTokens]: tokens.cacheWrite,
      [GENAI.reasoningTokens]: tokens.reasoning,
      [GENAI.finishReasons]: content?.output.flatMap(({ finish_reason }) => finish_reason ?? []).slice(-1),
      [GENAI.instructions]:
        content?.instructions === undefined ? undefined : [{ type: 'text', content: content.instructions }],
      [GENAI.inputMessages]: content?.input,
      [GENAI.outputMessages]: content?.output,
      [GENAI.toolDefinitions]: content?.tools,
    },
  };
}
