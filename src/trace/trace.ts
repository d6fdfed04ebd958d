/**
 * Traces as objects.
 */
import { generateTraceId, NOOP_ID } from './ids.ts';
import type { Trace as TraceShape, TraceOptions, TracingProcessor } from './types.ts';

/** The two calls of a processor that a trace makes. */
export type TraceListener = Pick<TracingProcessor, 'onTraceStart' | 'onTraceEnd'>;

const SILENT: TraceListener = {
  onTraceStart: async () => undefined,
  onTraceEnd: async () => undefined,
};

/** What belongs together: a workflow with its runs. Made by `withTrace` and by runs. */
export class Trace implements TraceShape {
  readonly type = 'trace';
  traceId: string;
  name: string;
  groupId: string | null;
  metadata?: Record<string, unknown>;
  tracingApiKey?: string;
  readonly #listener: TraceListener;
  #started: boolean;
  #ended = false;

  constructor(options: TraceOptions, processor: TraceListener = SILENT) {
    const {
      traceId = generateTraceId(),
      name = DEFAULT_NAME,
      groupId = null,
      metadata = {},
      started = false,
    } = options;
    this.traceId = traceId;
    this.name = name;
    this.groupId = groupId;
    this.metadata = metadata;
    if (options.tracingApiKey !== undefined) this.tracingApiKey = options.tracingApiKey;
    this.#listener = processor;
    this.#started = started;
  }

  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.#listener.onTraceStart(this);
  }

  async end(): Promise<void> {
    if (!this.#started || this.#ended) return;
    this.#ended = true;
    await this.#listener.onTraceEnd(this);
  }

  /** Another object with the same content. */
  clone(): Trace {
    const { traceId, name, groupId, metadata, tracingApiKey } = this;
    const options = { traceId, name, started: this.#started, ...(metadata && { metadata }) };
    const key = tracingApiKey === undefined ? {} : { tracingApiKey };
    return new Trace({ ...options, ...(groupId !== null && { groupId }), ...key }, this.#listener);
  }

  /** `includeTracingApiKey` puts a secret into the object: for a hand-over between processes of your own only. */
  toJSON({ includeTracingApiKey = false }: { includeTracingApiKey?: boolean } = {}): object | null {
    const { traceId, name, groupId, metadata, tracingApiKey } = this;
    const key = includeTracingApiKey && tracingApiKey !== undefined ? { tracing_api_key: tracingApiKey } : {};
    return { object: 'trace', id: traceId, workflow_name: name, group_id: groupId, metadata, ...key };
  }
}

/** The name of a workflow that was given none. */
export const DEFAULT_NAME = 'Agent workflow';

/** A trace where tracing is off. */
export class NoopTrace extends Trace {
  constructor() {
    super({ traceId: NOOP_ID });
  }
  override async start(): Promise<void> {}
  override async end(): Promise<void> {}
  override clone(): NoopTrace {
    return new NoopTrace();
  }
  override toJSON(): null {
    return null;
  }
}
