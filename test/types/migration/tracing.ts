/** Traces, spans, processors and exporters, as code for the published package uses them. */
import {
  addTraceProcessor,
  Agent,
  BatchTraceProcessor,
  ConsoleSpanExporter,
  createCustomSpan,
  createFunctionSpan,
  generateTraceId,
  getCurrentSpan,
  getCurrentTrace,
  getGlobalTraceProvider,
  getOrCreateTrace,
  resetCurrentSpan,
  run,
  Runner,
  setCurrentSpan,
  setTraceProcessors,
  setTracingDisabled,
  setTracingIdGenerator,
  type Span,
  startTraceExportLoop,
  type Trace,
  type TracingExporter,
  type TracingProcessor,
  withCustomSpan,
  withGenerationSpan,
  withTrace,
} from '@openai/agents';

class Printer implements TracingProcessor {
  async onTraceStart(trace: Trace): Promise<void> {
    console.log(trace.traceId, trace.name, trace.groupId, trace.toJSON());
  }
  async onTraceEnd(_trace: Trace): Promise<void> {}
  async onSpanStart(_span: Span<any>): Promise<void> {}
  async onSpanEnd(span: Span<any>): Promise<void> {
    const { spanId, parentId, traceId, startedAt, endedAt, error } = span;
    console.log(spanId, parentId, traceId, startedAt, endedAt, error?.message);
    if (span.spanData.type === 'function') console.log(span.spanData.name, span.spanData.output);
  }
  async shutdown(timeout?: number): Promise<void> {
    console.log(timeout);
  }
  async forceFlush(): Promise<void> {}
}

class Sender implements TracingExporter {
  async export(items: (Trace | Span<any>)[], signal?: AbortSignal): Promise<void> {
    for (const item of items) console.log(item.toJSON(), signal?.aborted);
  }
}

setTraceProcessors([new Printer(), new BatchTraceProcessor(new Sender(), { maxBatchSize: 10 })]);
addTraceProcessor(new BatchTraceProcessor(new ConsoleSpanExporter()));
setTracingDisabled(false);
setTracingIdGenerator({ generateTraceId: () => generateTraceId() });
startTraceExportLoop();

const agent = new Agent({ name: 'A' });
const runner = new Runner({
  workflowName: 'Mine',
  traceId: generateTraceId(),
  groupId: 'g1',
  traceMetadata: { user: 'u1' },
  traceIncludeSensitiveData: false,
  tracingDisabled: false,
  tracing: { includeTaskAndTurnSpans: false },
});

export const main = async (): Promise<void> => {
  const answer = await withTrace(
    'Two steps',
    async (trace) => {
      await run(agent, trace.name, { tracing: { apiKey: 'k' } });
      return withCustomSpan(async (span) => `${span.spanId} ${span.spanData.name}`, {
        data: { name: 'step', data: { n: 1 } },
      });
    },
    { groupId: 'g1', metadata: { a: 1 } },
  );
  await withGenerationSpan(
    async (span) => {
      span.spanData.model = 'gpt';
      span.spanData.usage = { input_tokens: 1, output_tokens: 2 };
      span.setError({ message: 'bad', data: { answer } });
    },
    { data: { input: [{ role: 'user', content: 'hi' }] } },
  );
  const span = createFunctionSpan({ data: { name: 'f', input: '', output: '' } });
  span.start();
  setCurrentSpan(span);
  createCustomSpan({ data: { name: 'x', data: {} } }, span).end();
  resetCurrentSpan();
  span.end();
  console.log(getCurrentTrace()?.traceId, getCurrentSpan()?.spanId);
  await getOrCreateTrace(async () => runner.run(agent, 'hi'), { name: 'New' });
  await getGlobalTraceProvider().forceFlush();
  await getGlobalTraceProvider().shutdown(1000);
};
