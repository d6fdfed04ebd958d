/**
 * Spans in the words that Sentry's agent views read: OpenTelemetry's GenAI names, and what Sentry adds or leaves out.
 *
 * By https://develop.sentry.dev/sdk/telemetry/traces/modules/ai-agents/ and the constants of `@sentry/conventions`, with
 * which the test compares. An operation `gen_ai.*` is given to what the views know only: agents, model calls, tools and
 * handoffs. Anything else under such a name might be counted as a model call.
 */
import type { Described, Dialect, Facts } from '../export/describe.ts';
import { genai } from '../export/genai.ts';
import { GENAI, OPERATION } from '../export/genai-names.ts';
import { DEFAULT_NAME } from '../trace.ts';
import type { Span, SpanData } from '../types.ts';

export const SENTRY = {
  pipeline: 'gen_ai.pipeline.name',
  totalTokens: 'gen_ai.usage.total_tokens',
  /** US dollars. */
  cost: 'gen_ai.cost.total_tokens',
  streaming: 'gen_ai.response.streaming',
} as const;

export const OP = {
  agent: 'gen_ai.invoke_agent',
  chat: 'gen_ai.chat',
  tool: 'gen_ai.execute_tool',
  handoff: 'gen_ai.handoff',
} as const;

/** What kind of work a span is, in Sentry's sense. */
export function sentryOp(data: SpanData): string {
  switch (data.type) {
    case 'agent':
      return OP.agent;
    case 'generation':
    case 'response':
      return OP.chat;
    case 'function':
      return OP.tool;
    case 'handoff':
      return OP.handoff;
    case 'task':
      return 'baton.run';
    case 'turn':
    case 'guardrail':
    case 'custom':
    case 'mcp_tools':
    case 'transcription':
    case 'speech':
    case 'speech_group':
      return `baton.${data.type}`;
  }
}

export const sentryDialect: Dialect = (span, context) => {
  const told = genai(span, context);
  const workflow = context.trace?.name;
  const isNamed = workflow !== undefined && workflow !== DEFAULT_NAME;
  const facts: Facts = {
    ...told.facts,
    ...factsOf(span, told),
    ...(isNamed && sentryOp(span.spanData).startsWith('gen_ai.') && { [SENTRY.pipeline]: workflow }),
  };
  return { ...told, facts };
};

function factsOf(span: Span, { facts }: Described): Facts {
  const { spanData: data, details } = span;
  switch (data.type) {
    case 'generation':
    case 'response': {
      const [input, output] = [facts[GENAI.inputTokens], facts[GENAI.outputTokens]];
      return {
        [GENAI.provider]: facts[GENAI.provider] ?? 'custom',
        [GENAI.requestModel]: facts[GENAI.requestModel] ?? 'unknown',
        // Its views demand both.
        [GENAI.responseModel]: facts[GENAI.responseModel] ?? facts[GENAI.requestModel] ?? 'unknown',
        [SENTRY.totalTokens]: typeof input === 'number' && typeof output === 'number' ? input + output : undefined,
        [SENTRY.cost]: details?.nanoUsd === undefined ? undefined : details.nanoUsd / 1e9,
        [SENTRY.streaming]: details?.firstTokenMs === undefined ? undefined : true,
        ...(details?.instructions !== undefined &&
          facts[GENAI.instructions] !== undefined && { [GENAI.instructions]: details.instructions }),
      };
    }
    case 'function':
      return { [GENAI.toolType]: undefined };
    case 'handoff':
      return { [GENAI.operation]: 'handoff', [GENAI.agentName]: data.from_agent };
    case 'task':
      // Not one of the operations that the views know.
      return { [GENAI.operation]: undefined };
    case 'agent':
      return { [GENAI.operation]: OPERATION.agent };
    case 'turn':
    case 'guardrail':
    case 'custom':
    case 'mcp_tools':
    case 'transcription':
    case 'speech':
    case 'speech_group':
      return {};
  }
}
