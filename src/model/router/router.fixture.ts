/** Models that do as they are told, and a clock that jumps. */
import type {
  Model,
  ModelCallAttempt,
  ModelRequest,
  ModelResponse,
  Origin,
  StreamEvent,
} from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { ModelError, type ModelErrorKind, type ModelErrorFacts } from '../../wire/index.ts';
import type { RouterEvent, RouterOptions } from './types.ts';
import { createRouter, type Router } from './create.ts';

/** What a fake model does at one call. */
export type Step = {
  text?: string;
  refusal?: string;
  error?: Error;
  events?: StreamEvent[];
  hang?: true;
  wait?: Promise<void>;
};

const USED = { inputTokens: 10, outputTokens: 10, totalTokens: 20 };

export class FakeModel implements Model {
  readonly origin: Origin;
  readonly requests: ModelRequest[] = [];
  readonly steps: Step[];
  constructor(model: string, ...steps: Step[]) {
    this.origin = { provider: 'acme', api: 'test', model };
    this.steps = steps;
  }

  get asked(): number {
    return this.requests.length;
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    const step = this.#take(request);
    await step.wait;
    if (step.hang) await new Promise(() => undefined);
    if (step.error !== undefined) throw step.error;
    return { output: this.#output(step), usage: new Usage(USED), responseId: 'r' };
  }

  async *getStreamedResponse(request: ModelRequest): AsyncGenerator<StreamEvent> {
    const step = this.#take(request);
    const { text = `${this.origin.model} says`, events } = step;
    yield* (
      events ?? [
        { type: 'response_started' },
        ...text.split(/(?<= )/).map((delta) => ({ type: 'output_text_delta', delta }) as const),
      ]
    );
    if (step.hang) await new Promise(() => undefined);
    if (step.error !== undefined) throw step.error;
    yield { type: 'response_done', response: { id: 'r', usage: USED, output: this.#output(step) } };
  }

  #take(request: ModelRequest): Step {
    this.requests.push(request);
    return this.steps.shift() ?? {};
  }

  #output({ text = `${this.origin.model} says`, refusal }: Step): ModelResponse['output'] {
    const content =
      refusal === undefined ? { type: 'output_text' as const, text } : { type: 'refusal' as const, refusal };
    return [{ type: 'message', role: 'assistant', status: 'completed', content: [content], origin: this.origin }];
  }
}

export const failure = (kind: ModelErrorKind, facts: Partial<ModelErrorFacts> = {}): Step => ({
  error: new ModelError(`it was ${kind}`, {
    kind,
    retryable: ['rate_limit', 'overloaded', 'server', 'network', 'timeout', 'truncated_stream'].includes(kind),
    ...facts,
  }),
});

export const requestOf = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  input: 'hi',
  modelSettings: {},
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
  ...more,
});

export const requestWith = (attempts: ModelCallAttempt[], more: Partial<ModelRequest> = {}): ModelRequest =>
  requestOf({
    call: { id: 'r/m1', runId: 'r', agent: 'A', recoveries: 0, onAttempt: (attempt) => void attempts.push(attempt) },
    ...more,
  });

export type Bench = {
  router: Router<string>;
  events: RouterEvent[];
  /** How long was waited, each time. */
  waits: number[];
  tick: (ms: number) => void;
};

/** A router on a clock that jumps over every wait. */
export function bench(models: RouterOptions['models'], more: Partial<RouterOptions> = {}): Bench {
  let time = 1000;
  const waits: number[] = [];
  const events: RouterEvent[] = [];
  const router = createRouter({
    models,
    clock: {
      now: () => time,
      wall: () => Date.parse('2026-11-25T00:00:00Z') + time,
      random: () => 0.5,
      sleep: async (ms) => {
        if (ms > 0) waits.push(ms);
        time += ms;
      },
    },
    onEvent: (event) => void events.push(event),
    ...more,
  });
  return { router, events, waits, tick: (ms) => void (time += ms) };
}

export async function textOf(model: Model, request = requestOf()): Promise<string> {
  const { output } = await model.getResponse(request);
  const [message] = output;
  const part = message?.type === 'message' && message.role === 'assistant' ? message.content[0] : undefined;
  return part?.type === 'output_text' ? part.text : part?.type === 'refusal' ? `refused: ${part.refusal}` : '';
}

/** The text that a reader of the stream sees, and whether it came to a good end. A reset is shown as `|`. */
export async function streamedText(model: Model, request = requestOf()): Promise<string> {
  let text = '';
  for await (const event of model.getStreamedResponse(request)) {
    if (event.type === 'output_text_delta') text += event.delta;
    if (event.type === 'model' && (event.event as { type?: string }).type === 'stream.reset') text += '|';
    if (event.type === 'response_done') text += '.';
  }
  return text;
}
