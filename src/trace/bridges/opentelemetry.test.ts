/** Runs beside a real OpenTelemetry SDK: parents, nesting, links, errors, secrets. */
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Agent, type AnyAgent } from '../../agent/index.ts';
import { run } from '../../run/index.ts';
import { assistantMessage, functionCall, modelError, modelResponder, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { traceFromHeaders } from '../export/index.ts';
import { setTraceProcessors, setTracingDisabled, withCustomSpan, withTrace } from '../index.ts';
import { openTelemetryProcessor, type OpenTelemetryProcessorOptions } from './opentelemetry.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const tracer = provider.getTracer('the application');

beforeAll(() => {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  api.trace.disable();
  api.context.disable();
});
beforeEach(() => {
  bridge();
  setTracingDisabled(false);
  api.trace.setGlobalTracerProvider(provider);
});
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
  exporter.reset();
});

const bridge = (options: OpenTelemetryProcessorOptions = {}): void =>
  setTraceProcessors([openTelemetryProcessor(options)]);

/** What an instrumented HTTP client or driver does: a span under what is active, over some time. */
async function request(name: string): Promise<string> {
  const span = tracer.startSpan(name);
  await new Promise((resolve) => setImmediate(resolve));
  span.end();
  return 'fetched';
}

const makeTool = (name: string, execute: () => unknown, more: object = {}) =>
  tool({ name, description: '', parameters: NOTHING, strict: false, execute, ...more });

const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
const named = (name: string): ReadableSpan => {
  const [span, ...others] = spans().filter((each) => each.name === name);
  if (!span || others.length > 0) throw new Error(`${others.length + (span ? 1 : 0)} spans are called "${name}"`);
  return span;
};
/** Names from a span up to its root. */
function path(name: string): string[] {
  const names: string[] = [];
  for (let at: ReadableSpan | undefined = named(name); at; at = parent(at)) names.push(at.name);
  return names;
}
const parent = (span: ReadableSpan): ReadableSpan | undefined =>
  spans().find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId);

const RUN = ['turn 1', 'invoke_agent A', 'invoke_workflow Agent workflow'];

describe('spans of a run', () => {
  test('are under the active span of the application, and spans of tools and models are under theirs', async () => {
    const model = new ScriptedModel([
      modelResponder(async () => {
        await request('POST model');
        return ['one', 'two'].map((name) => functionCall(name, {}, { callId: name }));
      }),
      [assistantMessage('done')],
    ]);
    const tools = ['one', 'two'].map((name) => makeTool(name, () => request(`GET ${name}`)));
    await tracer.startActiveSpan('handler', async (span) => {
      await run(new Agent({ name: 'A', model, tools }), 'hi');
      await request('after');
      span.end();
    });
    expect(path('POST model')).toEqual(['POST model', 'chat', ...RUN, 'handler']);
    for (const name of ['one', 'two']) {
      expect(path(`GET ${name}`)).toEqual([`GET ${name}`, `execute_tool ${name}`, ...RUN, 'handler']);
    }
    expect(path('after')).toEqual(['after', 'handler']);
    expect(new Set(spans().map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(spans().every(({ ended }) => ended)).toBe(true);
  });
  test('are live: user spans, sub-agents and streamed models nest too', async () => {
    const inner = new Agent({
      name: 'Inner',
      model: new ScriptedModel([[functionCall('deep', {}, { callId: 'd1' })], [assistantMessage('deep done')]]),
      tools: [makeTool('deep', () => withCustomSpan(() => request('SELECT'), { data: { name: 'look up' } }))],
    });
    const model = new ScriptedModel([
      [functionCall('ask', { input: 'x' }, { callId: 'a1' })],
      [assistantMessage('ok')],
    ]);
    const agent = new Agent({ name: 'A', model, tools: [inner.asTool({ toolName: 'ask', toolDescription: '' })] });
    const result = await run(agent, 'hi', { stream: true });
    await result.completed;
    expect(path('SELECT')).toEqual(
      [
        'SELECT',
        'look up',
        'execute_tool deep',
        'turn 1',
        'invoke_agent Inner',
        'invoke_workflow Agent workflow',
        'execute_tool ask',
        ...RUN,
      ].map(() => expect.any(String)),
    );
    expect(path('SELECT').slice(1, 3)).toEqual(['look up', 'execute_tool deep']);
    expect(path('SELECT').slice(-4)).toEqual(['execute_tool ask', ...RUN]);
  });

  test('end after what nests in them', async () => {
    const model = new ScriptedModel([[functionCall('one', {}, { callId: 'c' })], [assistantMessage('done')]]);
    await run(new Agent({ name: 'A', model, tools: [makeTool('one', () => request('GET'))] }), 'hi');
    // In the order in which they ended. Times themselves are those of several clocks, fractions of a millisecond apart.
    const ended = spans();
    for (const [n, span] of ended.entries()) {
      const above = parent(span);
      if (above) expect(ended.indexOf(above)).toBeGreaterThan(n);
      expect(span.duration.every((part) => part >= 0)).toBe(true);
    }
  });

  test('hold GenAI attributes, no content unless asked, and the ids that they have here', async () => {
    const call = async (): Promise<void> => {
      const model = new ScriptedModel([[assistantMessage('an answer')]]);
      await run(new Agent({ name: 'A', model, instructions: 'Be kind.' }), 'a question');
    };
    await call();
    expect(named('invoke_agent A').attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'A',
      'baton.span.id': expect.stringMatching(/^span_/),
      'baton.trace.id': expect.stringMatching(/^trace_/),
    });
    expect(JSON.stringify(spans().map(({ attributes }) => attributes))).not.toMatch(/question|answer|kind/);
    exporter.reset();
    bridge({ includeContent: true });
    await call();
    expect(JSON.stringify(named('chat').attributes)).toMatch(/a question.*an answer/);
  });

  test('of a failed run say so, without a planted secret', async () => {
    bridge({ includeContent: true, redact: { literals: ['PLANTED literal'] } });
    const error = new TypeError('sk-proj-PLANTED0123456789 and PLANTED literal');
    const model = new ScriptedModel([modelError(error)]);
    const agent = new Agent({ name: 'PLANTED literal', model });
    await expect(run(agent, 'my password: "PLANTED" and sk-proj-PLANTED0123456789')).rejects.toThrow('PLANTED');
    const told = spans().map(({ name, attributes, status, events }) => ({ name, attributes, status, events }));
    expect(told.find(({ name }) => name === 'chat')).toMatchObject({
      status: { code: api.SpanStatusCode.ERROR },
      attributes: { 'error.type': 'TypeError' },
      events: [{ name: 'exception', attributes: { 'exception.type': 'TypeError' } }],
    });
    expect(JSON.stringify(told)).not.toContain('PLANTED');
  });

  test('go on from the span that a request came with, where nothing is active', async () => {
    const traceparent = '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01';
    await withTrace(
      'w',
      async () => run(new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('x')]]) }), 'hi'),
      {
        ...traceFromHeaders({ traceparent }),
      },
    );
    const task = named('invoke_workflow Agent workflow');
    expect(task.parentSpanContext).toMatchObject({ spanId: '0123456789abcdef', isRemote: true });
    expect(task.spanContext().traceId).toBe('0123456789abcdef0123456789abcdef');
  });

  test('of a resume are linked to those before the pause', async () => {
    const model = new ScriptedModel([[functionCall('pay', {}, { callId: 'c' })], [assistantMessage('paid')]]);
    const agent: AnyAgent = new Agent({
      name: 'A',
      model,
      tools: [makeTool('pay', () => 'paid', { needsApproval: true })],
    });
    const first = await run(agent, 'hi');
    const before = named('invoke_workflow Agent workflow');
    for (const ask of first.interruptions) first.state.approve(ask);
    await run(agent, first.state);
    const after = spans().filter(({ name }) => name === before.name)[1];
    expect(after?.links.map(({ context }) => context.spanId)).toEqual([before.spanContext().spanId]);
  });
});

describe('the bridge', () => {
  test('costs nothing of the run where the application samples nothing or has no provider', async () => {
    const off = new TracerProvider({ sampler: new AlwaysOffSampler() });
    const providers = [off, undefined];
    for (const tracerProvider of providers) {
      if (!tracerProvider) api.trace.disable();
      bridge(tracerProvider && { tracerProvider });
      const model = new ScriptedModel([[functionCall('one', {}, { callId: 'c' })], [assistantMessage('done')]]);
      const result = await run(new Agent({ name: 'A', model, tools: [makeTool('one', () => 'x')] }), 'hi');
      expect(result.finalOutput).toBe('done');
    }
    expect(spans()).toEqual([]);
  });

  test('that fails around a tool does not stop it, nor run it twice', async () => {
    const settled = async (): Promise<void> => undefined;
    const silent = {
      onTraceStart: settled,
      onTraceEnd: settled,
      onSpanStart: settled,
      onSpanEnd: settled,
      forceFlush: settled,
      shutdown: settled,
    };
    let calls = 0;
    const faults: ((work: () => unknown) => void)[] = [
      () => {
        throw new Error('before');
      },
      (work) => {
        work();
        throw new Error('after');
      },
      () => undefined,
    ];
    for (const fault of faults) {
      const inSpan = <T>(_span: unknown, work: () => T): T => {
        fault(work);
        // What a processor in JavaScript may forget to return.
        return undefined as T;
      };
      setTraceProcessors([{ ...silent, inSpan }]);
      const model = new ScriptedModel([[functionCall('one', {}, { callId: 'c' })], [assistantMessage('done')]]);
      const execute = (): string => `call ${++calls}`;
      await run(new Agent({ name: 'A', model, tools: [makeTool('one', execute)] }), 'hi');
    }
    expect(calls).toBe(faults.length);
  });

  test('refuses a dialect that it does not know', () => {
    // What is checked at run time, for those who write JavaScript.
    expect(() => openTelemetryProcessor({ dialect: 'xml' as 'genai' })).toThrow('"genai" or "openinference"');
  });
});
