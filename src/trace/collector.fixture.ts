/** A processor that keeps what it is told, for tests. */
import type { Span, SpanData, Trace, TracingProcessor } from './types.ts';

export class Collector implements TracingProcessor {
  /** Calls in the order in which they came. */
  readonly told: string[] = [];
  readonly traces: Trace[] = [];
  /** Spans by the order of their starts; a span that is told again stands here again. */
  readonly spans: Span[] = [];

  async onTraceStart(trace: Trace): Promise<void> {
    this.told.push(`trace starts ${trace.name}`);
    this.traces.push(trace);
  }
  async onTraceEnd(trace: Trace): Promise<void> {
    this.told.push(`trace ends ${trace.name}`);
  }
  async onSpanStart(span: Span): Promise<void> {
    this.told.push(`starts ${nameOf(span.spanData)}`);
    this.spans.push(span);
  }
  async onSpanEnd(span: Span): Promise<void> {
    this.told.push(`ends ${nameOf(span.spanData)}`);
  }
  async shutdown(): Promise<void> {
    this.told.push('shutdown');
  }
  async forceFlush(): Promise<void> {
    this.told.push('flush');
  }

  named(name: string): Span[] {
    return this.spans.filter((span) => nameOf(span.spanData) === name);
  }

  /** `name` of the span above each span with this name. */
  parentsOf(name: string): (string | null)[] {
    return this.named(name).map(({ parentId }) => {
      const parent = this.spans.find(({ spanId }) => spanId === parentId);
      return parent ? nameOf(parent.spanData) : parentId;
    });
  }
}

/** `task`, `agent A`, `turn 1`, `function pay`. */
export function nameOf(data: SpanData): string {
  if (data.type === 'turn') return `turn ${data.turn}`;
  if (data.type === 'task' || !('name' in data)) return data.type;
  return `${data.type} ${data.name}`;
}
