/** Runs beside a real Sentry SDK: spans and errors arrive in envelopes, parents are right, secrets are absent. */
import * as conventions from '@sentry/conventions/attributes';
import * as operations from '@sentry/conventions/op';
import * as Sentry from '@sentry/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Agent } from '../../agent/index.ts';
import { run, Runner } from '../../run/index.ts';
import { assistantMessage, functionCall, modelError, modelResponder, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { GENAI } from '../export/genai-names.ts';
import { traceFromHeaders } from '../export/index.ts';
import { setTraceProcessors, setTracingDisabled, withCustomSpan, withTrace } from '../index.ts';
import { sentryProcessor, type SentryProcessorOptions } from './sentry.ts';
import { OP, SENTRY } from './sentry-dialect.ts';
import { type SentryServer, type SentrySpan, startSentryServer } from './sentry-server.fixture.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;

let server: SentryServer;
beforeAll(async () => {
  server = await startSentryServer();
  // No integrations: they watch the process, which is the test runner's here.
  Sentry.init({ dsn: server.dsn, tracesSampleRate: 1, defaultIntegrations: false, sendClientReports: false });
});
afterAll(async () => {
  await Sentry.close(1_000);
  await server.close();
});
beforeEach(() => {
  bridge();
  setTracingDisabled(false);
});
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
  server.clear();
});

const bridge = (options: Partial<SentryProcessorOptions> = {}): void =>
  setTraceProcessors([sentryProcessor({ sentry: Sentry, ...options })]);

const makeTool = (name: string, execute: () => unknown) =>
  tool({ name, description: '', parameters: NOTHING, strict: false, execute });
const calls = (name: string) => [functionCall(name, {}, { callId: 'c1' })];

/** What arrived once all is sent. */
async function arrived(): Promise<SentrySpan[]> {
  await Sentry.flush(5_000);
  return server.spans;
}
const opOf = (span: SentrySpan): unknown => span.attributes['sentry.op']?.value;
const valueOf = (span: SentrySpan | undefined, name: string): unknown => span?.attributes[name]?.value;
const named = (name: string): SentrySpan | undefined => server.spans.find((span) => span.name === name);
/** Names from a span up to its root. */
function path(name: string): string[] {
  const names: string[] = [];
  for (let at = named(name); at;) {
    names.push(at.name);
    const above = at.parent_span_id;
    at = server.spans.find((span) => span.span_id === above);
  }
  return names;
}

describe('spans', () => {
  test('arrive as the tree that the agent views read, under what is active, and with what nests in them', async () => {
    const inner = new Agent({ name: 'Inner', model: new ScriptedModel([[assistantMessage('in')]]) });
    const model = new ScriptedModel([
      modelResponder(async () => {
        Sentry.startSpan({ name: 'POST model' }, () => undefined);
        return calls('look_up');
      }),
      [functionCall('ask', { input: 'x' }, { callId: 'c2' })],
      [assistantMessage('done')],
    ]);
    const lookUp = makeTool('look_up', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return Sentry.startSpan({ name: 'SELECT' }, () => 'found');
    });
    const tools = [lookUp, inner.asTool({ toolName: 'ask', toolDescription: '' })];
    await Sentry.startSpan({ name: 'handler' }, async () => run(new Agent({ name: 'A', model, tools }), 'hi'));
    const spans = await arrived();
    const agent = ['invoke_agent A', 'invoke_workflow Agent workflow', 'handler'];
    expect(path('SELECT')).toEqual(['SELECT', 'execute_tool look_up', ...agent]);
    expect(path('POST model').slice(1)).toEqual(['chat', ...agent]);
    expect(path('invoke_agent Inner').slice(2)).toEqual(['execute_tool ask', ...agent]);
    expect(new Set(spans.map((span) => span.trace_id)).size).toBe(1);
    const ops = spans.map(opOf).filter((op) => String(op).startsWith('gen_ai'));
    expect(ops.map(String).toSorted()).toEqual(
      [OP.chat, OP.chat, OP.chat, OP.chat, OP.tool, OP.tool, OP.agent, OP.agent].toSorted(),
    );
  });
  test('have the attributes that are documented, and no content unless asked', async () => {
    const call = async (): Promise<void> => {
      const model = new ScriptedModel([calls('pay'), [assistantMessage('an answer')]]);
      const agent = new Agent({
        name: 'A',
        model,
        instructions: 'Be kind.',
        tools: [makeTool('pay', () => 'a result')],
      });
      await withTrace('Refunds', async () => run(agent, 'a question'));
    };
    await call();
    await arrived();
    expect(server.raw.join('')).not.toMatch(/a question|an answer|Be kind|a result/);
    for (const name of ['invoke_agent A', 'chat', 'execute_tool pay']) {
      expect([name, valueOf(named(name), SENTRY.pipeline)]).toEqual([name, 'Refunds']);
      expect(valueOf(named(name), GENAI.operation)).toBe(
        String(opOf(named(name) as SentrySpan)).slice('gen_ai.'.length),
      );
      expect(valueOf(named(name), GENAI.agentName)).toBe('A');
    }
    for (const name of [
      GENAI.provider,
      GENAI.requestModel,
      GENAI.responseModel,
      GENAI.inputTokens,
      SENTRY.totalTokens,
    ]) {
      expect(valueOf(named('chat'), name)).toBeDefined();
    }
    server.clear();
    bridge({ includeContent: true });
    await call();
    await arrived();
    expect(valueOf(named('execute_tool pay'), GENAI.toolResult)).toBe('a result');
    expect(valueOf(named('chat'), GENAI.inputMessages)).toContain('a question');
    expect(valueOf(named('chat'), GENAI.instructions)).toBe('Be kind.');
  });

  test('of a handoff are one', async () => {
    const second = new Agent({ name: 'B', model: new ScriptedModel([[assistantMessage('ok')]]) });
    const model = new ScriptedModel([[functionCall('transfer_to_B', {}, { callId: 'h' })]]);
    await run(Agent.create({ name: 'A', model, handoffs: [second] }), 'hi');
    await arrived();
    const span = named('handoff A -> B');
    expect(span && opOf(span)).toBe(OP.handoff);
    expect(path('handoff A -> B')[1]).toBe('invoke_agent A');
  });

  test('go on from the span that a request came with, where nothing is active', async () => {
    const traceparent = '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01';
    const agent = new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('x')]]) });
    await withTrace('w', async () => run(agent, 'hi'), traceFromHeaders({ traceparent }));
    await arrived();
    expect(named('invoke_workflow Agent workflow')).toMatchObject({
      trace_id: '0123456789abcdef0123456789abcdef',
      parent_span_id: '0123456789abcdef',
    });
  });

  test('use names and operations that Sentry knows and has not deprecated', () => {
    const known = new Set<unknown>(Object.values(conventions));
    for (const name of Object.values(SENTRY)) expect(known).toContain(name);
    for (const op of Object.values(OP)) expect(Object.values(operations)).toContain(op);
    const others = Object.values(GENAI).filter((name) => name.startsWith('gen_ai.') && !known.has(name));
    // These have no meaning to Sentry; they do no harm.
    expect(others).toEqual(['gen_ai.workflow.name', 'gen_ai.agent.id', 'gen_ai.tool.call.id']);
  });
});

describe('errors', () => {
  const failing = (): Agent =>
    new Agent({ name: 'A', model: new ScriptedModel([modelError(new TypeError('no such thing'))]) });

  test('of a run are one event, at the span of the run', async () => {
    await expect(run(failing(), 'hi')).rejects.toThrow();
    await arrived();
    const [event, ...more] = server.events;
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      level: 'error',
      exception: { values: [{ type: 'TypeError', value: 'Error in agent run' }] },
      tags: { 'baton.agent': 'A' },
    });
    const task = named('invoke_workflow Agent workflow');
    expect(event?.contexts.trace).toMatchObject({ trace_id: task?.trace_id, span_id: task?.span_id });
    expect(task?.status).toBe('error');
    expect(JSON.stringify(server.raw)).not.toContain('no such thing');
  });

  test('have their message where it is asked for', async () => {
    bridge({ includeErrorMessages: true });
    await expect(run(failing(), 'hi')).rejects.toThrow();
    await arrived();
    expect(server.events[0]?.exception?.values).toMatchObject([{ type: 'TypeError', value: 'no such thing' }]);
  });

  test('are told of where runs have no tasks too', async () => {
    await expect(run(failing(), 'hi', { tracing: { includeTaskAndTurnSpans: false } })).rejects.toThrow();
    await arrived();
    expect(server.events).toHaveLength(1);
  });

  test('that the run went on from are events only where all are asked for', async () => {
    const once = async (): Promise<void> => {
      const boom = makeTool('boom', async () => {
        await withCustomSpan(async () => Promise.reject(new RangeError('inner')), { data: { name: 'step' } });
      });
      await run(
        new Agent({ name: 'A', model: new ScriptedModel([calls('boom'), [assistantMessage('ok')]]), tools: [boom] }),
        'hi',
      );
      await arrived();
    };
    await once();
    expect(server.events).toEqual([]);
    bridge({ errors: 'all' });
    await once();
    expect(server.events.map((event) => String(event.tags?.['baton.span.type'])).toSorted()).toEqual([
      'custom',
      'function',
    ]);
    server.clear();
    bridge({ errors: 'none' });
    await expect(run(failing(), 'hi')).rejects.toThrow();
    await arrived();
    expect(server.events).toEqual([]);
  });
});

test('planted secrets are absent from all that is sent', async () => {
  const secret = 'sk-proj-PLANTED0123456789 PLANTED-literal';
  const send = async (redact: SentryProcessorOptions['redact']): Promise<string> => {
    server.clear();
    bridge({ includeContent: true, errors: 'all', ...(redact !== undefined && { redact }) });
    const model = new ScriptedModel([
      [functionCall('boom', { password: 'PLANTED-field', note: secret }, { callId: secret })],
      modelError(new Error(secret)),
    ]);
    const boom = makeTool('boom', () => {
      throw new Error(secret);
    });
    const agent = new Agent({ name: secret, model, instructions: secret, tools: [boom] });
    const runner = new Runner({ workflowName: secret, traceMetadata: { note: secret } });
    await expect(runner.run(agent, secret)).rejects.toThrow();
    await arrived();
    expect(server.events.length).toBeGreaterThan(0);
    return server.raw.join('\n');
  };
  expect(await send({ literals: ['PLANTED-literal'] })).not.toContain('PLANTED');
  expect(await send(false)).toContain('PLANTED');
});

test('says what is missing of what it was given', () => {
  // What is checked at run time, for those who write JavaScript.
  expect(() => sentryProcessor({ sentry: {} as typeof Sentry })).toThrow('has no startInactiveSpan');
});
