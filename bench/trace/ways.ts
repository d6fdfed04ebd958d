/** The ways to trace that are measured. Each begins with the same run: 3 turns, 2 calls of a tool, one text. */
import type * as Published from '@openai/agents';
import type * as Own from '../../src/index.ts';
import { ANSWER, ARGUMENTS, FOUND, INSTRUCTIONS, QUESTION } from './content.ts';
import { tenSpans } from './opentelemetry.ts';

export const TURNS = 3;

export type Ready = {
  /** One run. */
  once(): Promise<unknown>;
  flush(): Promise<unknown>;
  end(): Promise<unknown>;
  /** How many spans were made, where that is counted. */
  spans?(): number;
};
type Definition = {
  readonly title: string;
  /** The way without tracing; a way without a base is one. */
  readonly base?: 'plain' | 'published-off';
  /** @param path a file for a store */
  start(path: string): Promise<Ready>;
  /** Switches on or off what this way switched. */
  set?(isOff: boolean): Promise<void>;
};
export type Way = 'plain' | 'off' | 'memory' | 'listener' | 'store' | 'opentelemetry' | 'published-off' | 'published';

const own = (): Promise<typeof Own> => import(new URL('../../dist/index.js', import.meta.url).href);
const published = (): Promise<typeof Published> => import('@openai/agents');
const nothing = async (): Promise<void> => undefined;
const quiet = { onTraceStart: nothing, onTraceEnd: nothing, onSpanStart: nothing, onSpanEnd: nothing };
const SILENT = { ...quiet, shutdown: nothing, forceFlush: nothing };
const counted = { spans: 0 };
const COUNTING = { ...SILENT, onSpanStart: async () => void (counted.spans += 1) };
/** Spans that a processor in memory keeps: the newest. */
const KEPT = 10_000;

/** What both packages have, with the same lines to drive it. */
type Output = Own.ModelResponse['output'][number];
type Api = Pick<typeof Own, 'Agent' | 'run' | 'tool' | 'Usage'>;

function runOf({ Agent, run, tool, Usage }: Api): Ready['once'] {
  const call = (callId: string): Output => {
    return { type: 'function_call', callId, name: 'look', arguments: ARGUMENTS, status: 'completed' };
  };
  const says: Output = {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: ANSWER }],
  };
  const look = tool({
    name: 'look',
    description: 'Looks.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
    strict: false,
    execute: () => FOUND,
  });
  return () => {
    const outputs: Output[][] = [[call('c1')], [call('c2')], [says]];
    let turn = 0;
    const usage = (): Own.Usage => new Usage({ requests: 1, inputTokens: 900, outputTokens: 40, totalTokens: 940 });
    const model: Own.Model = {
      getResponse: async () => ({ usage: usage(), output: outputs[turn++] ?? [] }),
      getStreamedResponse: () => {
        throw new Error('Nothing is streamed here.');
      },
    };
    return run(new Agent({ name: 'Bench', instructions: INSTRUCTIONS, model, tools: [look] }), QUESTION);
  };
}

async function ownWith(processors: (sdk: typeof Own) => Own.TracingProcessor[] | undefined): Promise<Ready> {
  const sdk = await own();
  const set = processors(sdk);
  if (set) sdk.setTraceProcessors(set);
  const [processor] = set ?? [];
  return {
    once: runOf(sdk),
    flush: async () => processor?.forceFlush(),
    end: async () => processor?.shutdown(),
  };
}

async function publishedWith(isOff: boolean): Promise<Ready> {
  const sdk = await published();
  const processor = new sdk.BatchTraceProcessor({ export: nothing });
  sdk.setTraceProcessors([processor]);
  sdk.setTracingDisabled(isOff);
  // The published classes have the same members as ours, as the differential tests show.
  return { once: runOf(sdk as unknown as Api), flush: () => processor.forceFlush(), end: () => processor.shutdown() };
}

export const WAYS: Record<Way, Definition> = {
  plain: { title: 'without tracing', start: () => ownWith(() => undefined) },
  off: {
    title: 'switched off, a processor set',
    base: 'plain',
    async start() {
      const ready = await ownWith(() => [COUNTING]);
      (await own()).setTracingDisabled(true);
      return { ...ready, spans: () => counted.spans };
    },
    async set(isOff) {
      const sdk = await own();
      sdk.setTracingDisabled(true);
      // Without a processor, nobody has asked for tracing.
      sdk.setTraceProcessors(isOff ? [COUNTING] : []);
      sdk.setTracingDisabled(isOff);
    },
  },
  memory: {
    title: 'to memory',
    base: 'plain',
    start: () => ownWith((sdk) => [new sdk.MemoryTraceProcessor()]),
  },
  listener: {
    title: 'to a processor of your own, which keeps spans',
    base: 'plain',
    start: () => {
      let kept: unknown[] = [];
      const keep = async (span: unknown): Promise<void> => {
        if (kept.length >= KEPT) kept = [];
        kept.push(span);
      };
      return ownWith(() => [{ ...SILENT, onSpanEnd: keep }]);
    },
  },
  store: {
    title: 'to the store',
    base: 'plain',
    start: (path) => ownWith((sdk) => [new sdk.TraceStoreProcessor({ path })]),
  },
  opentelemetry: {
    title: 'OpenTelemetry SDK, ten spans by hand',
    base: 'plain',
    async start() {
      const ready = await ownWith(() => undefined);
      const { spans, flush } = await tenSpans();
      return { ...ready, flush, once: async () => [await ready.once(), spans()] };
    },
  },
  'published-off': { title: '@openai/agents, off', start: () => publishedWith(true) },
  published: { title: '@openai/agents, its batch processor', base: 'published-off', start: () => publishedWith(false) },
};
