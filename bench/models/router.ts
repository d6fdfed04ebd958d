/**
 * What a router costs a call: the same adapter, asked bare and through a route, in this process and without a network;
 * then, over loopback, beside LiteLLM's proxy, the official SDK and the AI SDK (loopback.ts).
 *
 *   npm run bench:models             all
 *   npm run bench:models -- --own    in this process alone
 *
 * The client answers from memory, so that what is measured is the adapter and the router. Rounds are interleaved, and
 * processor time is counted, so that what else the machine does hits all alike. The difference of the medians is told;
 * more than 10 µs a call is a failure, plain or streamed.
 */
import {
  balance,
  createPrices,
  createResponseCache,
  createRouter,
  OpenAIChatCompletionsModel,
  type Model,
} from '../../src/index.ts';
import type { ModelRequest } from '../../src/protocol/model.ts';
import { chatReply } from '../../src/testing/fake-server/index.ts';
import { measureLoopback } from './loopback.ts';

const CALLS = 2000;
const ROUNDS = 25;
const MOST_US = 10;

const reply = chatReply({ text: 'A short answer.', usage: { input: 100, output: 10 } });
const whole = reply.json(1);
const chunks = reply.events(1).flatMap(({ data }) => (typeof data === 'object' ? [data] : []));

const create = async ({ stream }: { stream?: boolean }): Promise<unknown> => (stream ? streamed() : whole);
function streamed(): AsyncIterable<unknown> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
}
const client = { chat: { completions: { create } } } as never;
const bare = (name: string): Model =>
  Object.assign(new OpenAIChatCompletionsModel(client, name), {
    origin: { provider: 'openai', api: 'openai-chat', model: name },
  });

const request: ModelRequest = {
  systemInstructions: 'Be brief.',
  input: [{ type: 'message', role: 'user', content: 'Hello' }],
  modelSettings: { temperature: 0 },
  tools: [],
  outputType: 'text',
  handoffs: [],
  tracing: false,
};

const prices = createPrices();
await prices.load();
const signal = new AbortController().signal;
const call = { id: 'r/m1', runId: 'r', agent: 'A', recoveries: 0, onAttempt: () => undefined };
const targets = ['gpt-5.4-mini', 'gpt-5.4', 'gpt-5.5'].map(bare);
const routes = createRouter({
  models: {
    one: bare('gpt-5.4-mini'),
    chain: targets,
    pool: balance(
      targets.map((model) => ({ model, rpm: 1e9 })),
      'leastLoaded',
    ),
  },
  prices,
});
const hedged = createRouter({ models: { main: { targets, hedge: { after: 60_000 } } }, prices });
const cached = createRouter({ models: { main: targets }, prices, cache: createResponseCache() });
const plain = (model: Model, asked: ModelRequest) => () => model.getResponse(asked);
const stream = (model: Model, asked: ModelRequest) => async () => {
  for await (const event of model.getStreamedResponse(asked)) if (event.type === 'response_done') return;
};
const own = { ...request, call, signal };

const measures: { [name: string]: () => Promise<unknown> } = {
  'bare, plain': plain(bare('gpt-5.4-mini'), { ...request, signal }),
  'route of one, plain': plain(routes('one'), own),
  'chain of three, plain': plain(routes('chain'), own),
  'pool of three with limits, plain': plain(routes('pool'), own),
  'chain of three with a hedge, plain': plain(hedged('main'), own),
  'hit of the response cache, plain': plain(cached('main'), own),
  'bare, streamed': stream(bare('gpt-5.4-mini'), { ...request, signal }),
  'route of one, streamed': stream(routes('one'), own),
};

async function us(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let n = 0; n < CALLS; n++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const times = new Map<string, number[]>();
for (let round = 0; round < ROUNDS + 3; round++) {
  for (const [name, work] of Object.entries(measures)) {
    const time = await us(work);
    if (round >= 3) times.set(name, [...(times.get(name) ?? []), time]);
  }
}
const of = (name: string): number => median(times.get(name) ?? []);
let failed = false;
for (const name of Object.keys(measures)) {
  const base = name.endsWith('plain') ? 'bare, plain' : 'bare, streamed';
  const more = of(name) - of(base);
  console.log(
    `${name.padEnd(35)} ${of(name).toFixed(2).padStart(7)} µs a call${name === base ? '' : `, ${more.toFixed(2)} more than bare`}`,
  );
  if (name !== 'hit of the response cache, plain' && more > MOST_US) failed = true;
}
console.log(`${chunks.length} chunks a stream; medians of ${ROUNDS} rounds of ${CALLS} calls, processor time`);
if (failed) {
  console.error(`A router may cost ${MOST_US} µs a call.`);
  process.exitCode = 1;
}
if (!process.argv.includes('--own')) await measureLoopback();
