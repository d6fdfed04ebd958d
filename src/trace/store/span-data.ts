/**
 * Span data in the text of a part: lists for the kinds that each run has many of, without what stands beside them.
 * A span of another make (one that user code filled in differently) is kept as an object.
 */
import type { SpanData, TaskUsageData, TurnUsageData } from '../types.ts';
import { generationUsage } from '../usage.ts';
import type { SpanFacts } from './batch.ts';

/** A list, an object as it is, or 0 for nothing that is not known. */
export type PackedData = readonly unknown[] | { readonly [key: string]: unknown } | 0;
type Data = { readonly [key: string]: unknown };

/** What the text has beside the data. */
export type Beside = {
  readonly name: string;
  readonly agent: string | undefined;
  readonly details: SpanFacts | undefined;
};

/** What a span is, without what was said in it. */
export function packed(span: SpanData, { name, agent, details }: Beside): PackedData {
  switch (span.type) {
    case 'task':
      return span.name === name ? [usageList(span.usage)] : factsOf(span);
    case 'turn':
      return span.agent_name === agent ? [span.turn, usageList(span.usage)] : factsOf(span);
    case 'agent':
      return span.name === name ? [span.handoffs ?? 0, span.tools ?? 0, span.output_type ?? 0] : factsOf(span);
    case 'function':
      return span.mcp_data === undefined ? 0 : { name: span.name, mcp_data: span.mcp_data };
    case 'generation':
      return [span.model ?? 0, span.model_config ?? 0, details?.usage && span.usage ? 1 : (span.usage ?? 0)];
    case 'response':
      return span.response_id === undefined ? 0 : { response_id: span.response_id };
    case 'custom':
      return 0;
    case 'handoff':
    case 'guardrail':
      return factsOf(span);
    case 'transcription':
    case 'speech':
    case 'speech_group': {
      const { type: _, input: __, ...data } = span;
      // Sound is not kept.
      return 'output' in data && typeof data.output !== 'string' ? { ...data, output: undefined } : data;
    }
    case 'mcp_tools':
      return span.server === undefined ? 0 : { server: span.server };
  }
}

function factsOf(span: SpanData): Data {
  const { type: _, ...data } = span;
  return data;
}

export function unpacked(type: string, data: PackedData, { name, agent, details }: Beside): Data {
  if (data === 0) return type === 'function' || type === 'custom' ? { name } : {};
  if (!isList(data)) return data;
  const [first, second, third] = data;
  switch (type) {
    case 'task':
      return { name, ...usageOf(first, TASK) };
    case 'turn':
      return { turn: first, agent_name: agent, ...usageOf(second, TURN) };
    case 'agent':
      return { name, ...set('handoffs', first), ...set('tools', second), ...set('output_type', third) };
    case 'generation':
      return { ...set('model', first), ...set('model_config', second), ...set('usage', callUsage(third, details)) };
    default:
      return {};
  }
}

const isList = (data: Data | readonly unknown[]): data is readonly unknown[] => Array.isArray(data);
const set = (key: string, value: unknown): Data => (value === 0 || value === undefined ? {} : { [key]: value });

/** 1: that of the details. */
const callUsage = (usage: unknown, details: SpanFacts | undefined): unknown =>
  usage === 1 ? details?.usage && generationUsage(details.usage) : usage;

const TURN = ['input_tokens', 'output_tokens', 'cached_input_tokens', 'cache_write_input_tokens'] as const;
const TASK = [...TURN, 'requests', 'total_tokens'] as const;

function usageList(usage: TurnUsageData | TaskUsageData | undefined): readonly number[] | 0 {
  if (!usage) return 0;
  const { input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens } = usage;
  const turn = [input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens];
  return 'requests' in usage ? [...turn, usage.requests, usage.total_tokens] : turn;
}

function usageOf(list: unknown, names: readonly string[]): Data {
  if (!Array.isArray(list)) return {};
  return { usage: Object.fromEntries(names.map((name, index) => [name, list[index]])) };
}
