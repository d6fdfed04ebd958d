import * as official from '@opentelemetry/semantic-conventions/incubating';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../wire/index.ts';
import type { Span } from '../types.ts';
import { genai } from './genai.ts';
import { GENAI, OPERATION } from './genai-names.ts';
import { openinference } from './openinference.ts';
import type { OtlpSpan } from './otlp-span.ts';
import { makeSpan, type SpanInput } from './span.fixture.ts';
import { toOtlpSpan } from './to-otlp.ts';

const redact = createRedactor();
const trace = { name: 'Support', groupId: 'chat-1', metadata: { plan: 'pro', token: 'hunter2' } };

function otlp(input: SpanInput, options: { includeContent?: boolean; dialect?: typeof genai } = {}): OtlpSpan {
  const { includeContent = false, dialect = genai } = options;
  return toOtlpSpan(makeSpan(input), trace, { dialect, includeContent, redact, valueLength: 500 });
}

const items = [
  { role: 'user', content: 'Is it sunny?' },
  { type: 'function_call', callId: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' },
  { type: 'function_call', callId: 'c2', name: 'weather', arguments: '{"city":' },
  { type: 'function_call_result', callId: 'c1', name: 'weather', output: { type: 'text', text: 'sun' } },
];
const answer = [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes.' }] }];
const generation: SpanInput = {
  data: {
    type: 'generation',
    model: 'gpt-5.4-mini',
    input: items,
    output: answer,
    model_config: { temperature: 0.2, maxTokens: 100, stop: ['END'] },
  },
  details: {
    agent: 'Weather',
    origin: { provider: 'openai', api: 'openai-chat', model: 'gpt-5.4-mini' },
    usage: {
      inputTokens: 100,
      outputTokens: 20,
      totalTokens: 120,
      inputTokensDetails: { cached_tokens: 60, cacheRead: 60, cacheWrite5m: 3, cacheWrite1h: 4 },
      outputTokensDetails: { reasoning_tokens: 7 },
    },
    firstTokenMs: 250,
    nanoUsd: 1_500_000,
    instructions: 'Be brief.',
  },
};

describe('the table of GenAI names', () => {
  test('is what the conventions call them', () => {
    const known = new Set(Object.values(official));
    expect(Object.values(GENAI).filter((name) => !known.has(name))).toEqual([]);
    expect(Object.values(OPERATION).filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('a model call', () => {
  test('tells model, provider, settings and tokens, and no content', () => {
    const span = otlp(generation);
    expect(span).toMatchObject({ name: 'chat gpt-5.4-mini', kind: 3, status: { code: 0 } });
    expect(span.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5.4-mini',
      'openai.api.type': 'chat_completions',
      'gen_ai.agent.name': 'Weather',
      'gen_ai.request.max_tokens': 100,
      'gen_ai.request.temperature': 0.2,
      'gen_ai.request.stop_sequences': ['END'],
      'gen_ai.response.time_to_first_chunk': 0.25,
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'gen_ai.usage.cache_read.input_tokens': 60,
      'gen_ai.usage.cache_creation.input_tokens': 7,
      'gen_ai.usage.reasoning.output_tokens': 7,
      'gen_ai.conversation.id': 'chat-1',
      'baton.span.type': 'generation',
      'baton.cost.usd': 0.0015,
      'baton.trace.name': 'Support',
      'baton.trace.metadata.plan': 'pro',
      'baton.trace.metadata.token': '[redacted]',
    });
  });

  test('tells messages where content is asked for', () => {
    const { attributes } = otlp(generation, { includeContent: true });
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'user', parts: [{ type: 'text', content: 'Is it sunny?' }] },
      {
        role: 'assistant',
        parts: [
          { type: 'tool_call', id: 'c1', name: 'weather', arguments: { city: 'Oslo' } },
          { type: 'tool_call', id: 'c2', name: 'weather', arguments: '{"city":' },
        ],
      },
      { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', response: 'sun' }] },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: [{ type: 'text', content: 'Yes.' }], finish_reason: 'stop' },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.system_instructions']))).toEqual([
      { type: 'text', content: 'Be brief.' },
    ]);
  });

  test('of the Responses API tells the same', () => {
    const _response = {
      id: 'resp_1',
      model: 'gpt-5.4',
      output: answer,
      usage: { input_tokens: 5, output_tokens: 2, input_tokens_details: { cached_tokens: 1 } },
    };
    const { attributes } = otlp(
      { data: { type: 'response', response_id: 'resp_1', _input: 'Hi', _response } },
      { includeContent: true },
    );
    expect(attributes).toMatchObject({
      'gen_ai.provider.name': 'openai',
      'gen_ai.response.id': 'resp_1',
      'gen_ai.response.model': 'gpt-5.4',
      'openai.api.type': 'responses',
      'gen_ai.usage.input_tokens': 5,
      'gen_ai.usage.cache_read.input_tokens': 1,
      'gen_ai.input.messages': '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
    });
  });

  test('of Chat Completions messages tells tool calls and their results', () => {
    const input = [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'done' },
    ];
    const { attributes } = otlp({ data: { type: 'generation', input } }, { includeContent: true });
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'assistant', parts: [{ type: 'tool_call', id: 'c1', name: 'f', arguments: {} }] },
      { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', response: 'done' }] },
    ]);
  });

  test.each([
    [{ input_tokens: 9, output_tokens: 1, details: { cached_input_tokens: 4 } }, 4, undefined],
    [{ prompt_tokens: 9, completion_tokens: 1, details: { cache_write_tokens: 2 } }, undefined, 2],
    [{ inputTokens: 9, outputTokens: 1, inputTokensDetails: [{ cacheRead: 1 }, { cached_tokens: 2 }] }, 3, undefined],
  ])('counts tokens of the usage %o', (tokens, read, written) => {
    const { attributes } = otlp({ data: { type: 'generation', usage: tokens } });
    expect(attributes['gen_ai.usage.input_tokens']).toBe(9);
    expect(attributes['gen_ai.usage.cache_read.input_tokens']).toBe(read);
    expect(attributes['gen_ai.usage.cache_creation.input_tokens']).toBe(written);
  });

  test('in OpenInference has kind, tokens, cost and flat messages', () => {
    const { attributes } = otlp(generation, { includeContent: true, dialect: openinference });
    expect(attributes).toMatchObject({
      'openinference.span.kind': 'LLM',
      'session.id': 'chat-1',
      'llm.model_name': 'gpt-5.4-mini',
      'llm.token_count.prompt': 100,
      'llm.token_count.completion': 20,
      'llm.token_count.total': 120,
      'llm.cost.total': 0.0015,
      'llm.input_messages.0.message.role': 'system',
      'llm.input_messages.0.message.content': 'Be brief.',
      'llm.input_messages.1.message.content': 'Is it sunny?',
      'llm.input_messages.2.message.tool_calls.0.tool_call.function.name': 'weather',
      'llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments': '{"city":"Oslo"}',
      'llm.input_messages.3.message.tool_call_id': 'c1',
      'llm.output_messages.0.message.content': 'Yes.',
      'output.mime_type': 'application/json',
      metadata: '{"plan":"pro","token":"[redacted]"}',
    });
    const without = otlp(generation, { dialect: openinference }).attributes;
    expect(Object.keys(without).filter((key) => /messages|value/.test(key))).toEqual([]);
  });
});

describe('each kind of span', () => {
  const kinds: [SpanInput['data'] & object, string, string][] = [
    [{ type: 'task', name: 'Support' }, 'invoke_workflow Support', 'CHAIN'],
    [{ type: 'agent', name: 'Triage' }, 'invoke_agent Triage', 'AGENT'],
    [{ type: 'turn', turn: 2, agent_name: 'Triage' }, 'turn 2', 'CHAIN'],
    [{ type: 'function', name: 'lookup', input: '{}', output: 'x' }, 'execute_tool lookup', 'TOOL'],
    [{ type: 'handoff', from_agent: 'Triage', to_agent: 'Refund' }, 'handoff Triage -> Refund', 'TOOL'],
    [{ type: 'guardrail', name: 'pii', triggered: true }, 'guardrail pii', 'GUARDRAIL'],
    [{ type: 'custom', name: 'load', data: { rows: 3 } }, 'load', 'CHAIN'],
    [{ type: 'mcp_tools', server: 'files', result: ['read'] }, 'tools/list', 'CHAIN'],
    [{ type: 'transcription', input: { data: '', format: 'pcm' }, model: 'm' }, 'transcription m', 'CHAIN'],
    [{ type: 'speech', output: { data: '', format: 'pcm' }, model: 'm' }, 'speech m', 'CHAIN'],
    [{ type: 'speech_group', input: 'hello' }, 'speech_group', 'CHAIN'],
    [{ type: 'generation' }, 'chat', 'LLM'],
    [{ type: 'response' }, 'chat', 'LLM'],
  ];
  test.each(kinds)('%o has a name and a kind', (data, name, kind) => {
    expect(otlp({ data }).name).toBe(name);
    expect(otlp({ data }, { dialect: openinference })).toMatchObject({
      name,
      attributes: { 'openinference.span.kind': kind },
    });
  });

  test('tells what a tool got and gave only where content is asked for', () => {
    const data = { type: 'function', name: 'f', input: '{"a":1}', output: 'plain' } as const;
    const details = { callId: 'c1', toolOutcome: 'error' } as const;
    expect(otlp({ data, details }).attributes).toMatchObject({
      'gen_ai.tool.name': 'f',
      'gen_ai.tool.call.id': 'c1',
      'baton.tool.outcome': 'error',
    });
    for (const dialect of [genai, openinference]) {
      expect(JSON.stringify(otlp({ data, details }, { dialect }).attributes)).not.toContain('plain');
      expect(JSON.stringify(otlp({ data, details }, { dialect, includeContent: true }).attributes)).toContain('plain');
    }
  });
});

describe('an error', () => {
  const input: SpanInput = {
    data: { type: 'agent', name: 'A' },
    error: { message: 'Error in agent run', data: { error: 'MaxTurnsExceededError: said "my pin is 1234"' } },
  };
  test('is a status, a class and an event; what it quotes is content', () => {
    const span = otlp(input);
    expect(span.status).toEqual({ code: 2, message: 'Error in agent run' });
    expect(span.attributes['error.type']).toBe('MaxTurnsExceededError');
    expect(span.events).toEqual([
      {
        timeNs: BigInt(Date.parse('2026-11-25T10:00:01.456Z')) * 1_000_000n,
        name: 'exception',
        attributes: { 'exception.type': 'MaxTurnsExceededError', 'exception.message': 'Error in agent run' },
      },
    ]);
    expect(JSON.stringify(otlp(input, { includeContent: true }).events[0]?.attributes)).toContain('my pin');
  });
});

describe('limits', () => {
  test('cut texts and leave JSON valid', () => {
    const long = 'x'.repeat(10_000);
    const input = Array.from({ length: 50 }, (_, index) => ({ role: 'user', content: `${index} ${long}` }));
    const { attributes } = otlp({ data: { type: 'generation', input } }, { includeContent: true });
    const messages = String(attributes['gen_ai.input.messages']);
    expect(messages.length).toBeLessThanOrEqual(500);
    expect(messages).toContain('49 x');
    expect(() => JSON.parse(messages) as unknown).not.toThrow();
    const tool = otlp(
      { data: { type: 'function', name: 'f', input: JSON.stringify({ a: long }), output: long } },
      { includeContent: true },
    );
    expect(() => JSON.parse(String(tool.attributes['gen_ai.tool.call.arguments'])) as unknown).not.toThrow();
    expect(String(tool.attributes['gen_ai.tool.call.result'])).toHaveLength(500);
  });
});

describe('a span that links to an earlier segment', () => {
  test('has the link, and ids of another form get stable ones', () => {
    const links = [{ traceId: 'trace_abc', spanId: 'span_1234567890abcdef12345678' }];
    const [first, second] = [0, 1].map((): Span => makeSpan({ traceId: 'trace_abc', details: { links } }));
    const make = (span: Span | undefined): OtlpSpan | undefined =>
      span && toOtlpSpan(span, undefined, { dialect: genai, includeContent: false, redact, valueLength: 99 });
    expect(make(first)).toEqual(make(second));
    expect(make(first)?.links).toEqual([
      { traceId: make(first)?.traceId, spanId: '1234567890abcdef', attributes: {}, flags: 0x101 },
    ]);
    expect(make(first)?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });
});

test('a span of less than a millisecond, or by a clock that was set back, ends after it starts', () => {
  const startedAt = '2026-11-25T10:00:00.123Z';
  for (const endedAt of [startedAt, '2026-11-25T09:00:00.000Z', null]) {
    const span = toOtlpSpan({ ...makeSpan(), startedAt, endedAt }, trace, {
      dialect: genai,
      includeContent: false,
      redact,
      valueLength: 500,
    });
    expect(span.startNs).toBe(BigInt(Date.parse(startedAt)) * 1_000_000n);
    expect(span.endNs - span.startNs).toBe(1n);
  }
});
