/**
 * What a streamed event costs its client: a raw `fetch` with the smallest reader of SSE and JSON.parse, our client, our
 * model, a route of our router, the official SDK and the AI SDK's provider, on three wires.
 *
 *   npm run bench:streams              all
 *   npm run bench:streams -- chat      one wire
 *   npm run bench:streams -- --own     without the others' packages
 *
 * Processor time of the main thread, so that neither the vendor (a process of its own) nor the collector's helpers nor
 * other work of the machine count; interleaved, so that what slows the processor hits all alike. Exit code 1: our model
 * takes more than 1.5 times what raw takes, or more than a peer.
 */
import { AnthropicModel, createRouter, OpenAIChatCompletionsModel, OpenAIResponsesModel } from '../../src/index.ts';
import { createAnthropicClient } from '../../src/providers/anthropic/client.ts';
import { createOpenAIClient } from '../../src/providers/openai/index.ts';
import type { Model, ModelRequest } from '../../src/protocol/model.ts';
import { loadPeers, type AiSdkModel, type Peers } from './peers.ts';
import { PATHS, startVendor, WIRES, type Wire } from './vendor.ts';

const EVENTS = 2000;
const ROUNDS = 41;
const WARM_UP = 10;
const MOST = 1.5;

const args = process.argv.slice(2);
const named = WIRES.filter((wire) => args.includes(wire));
const peers = args.includes('--own') ? undefined : await loadPeers();

type Variants = Record<string, () => Promise<number>>;

const request: ModelRequest = {
  input: 'x',
  modelSettings: { maxTokens: 10_000 },
  tools: [],
  handoffs: [],
  outputType: 'text',
  tracing: false,
};
const bodies: Record<Wire, object> = {
  responses: { model: 'm', input: 'x', stream: true },
  chat: { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true },
  messages: { model: 'm', max_tokens: 10_000, messages: [{ role: 'user', content: 'x' }], stream: true },
};

async function raw(url: string, body: string): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const decoder = new TextDecoder();
  let rest = '';
  let n = 0;
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const event = rest.slice(0, end);
      rest = rest.slice(end + 2);
      const data = event.slice(event.indexOf('data: ') + 6);
      if (data !== '[DONE]' && JSON.parse(data)) n++;
    }
  }
  return n;
}

async function count(stream: AsyncIterable<unknown>): Promise<number> {
  let n = 0;
  for await (const _event of stream) n++;
  return n;
}

const fromModel = (model: Model) => () => count(model.getStreamedResponse(request));
const fromAiSdk = (model: AiSdkModel) => async () => {
  const prompt = [{ role: 'user', content: [{ type: 'text', text: 'x' }] }];
  return count((await model.doStream({ prompt, maxOutputTokens: 10_000 })).stream);
};

function variantsOf(wire: Wire, baseURL: string): Variants {
  const model = modelOf(wire, baseURL);
  const body = bodies[wire];
  const own = ownClient(wire, baseURL);
  return {
    raw: () => raw(baseURL + PATHS[wire], JSON.stringify(body)),
    'our client': async () => count(await own(body)),
    'our model': fromModel(model),
    'our route': fromModel(createRouter({ models: { main: model } })('main')),
    ...(peers && peersOf(wire, baseURL, peers)),
  };
}

function modelOf(wire: Wire, baseURL: string): Model {
  if (wire === 'messages') return new AnthropicModel({ apiKey: 'k', baseURL: baseURL.replace('/v1', '') }, 'm');
  const client = createOpenAIClient({ apiKey: 'k', baseURL });
  return wire === 'chat' ? new OpenAIChatCompletionsModel(client, 'm') : new OpenAIResponsesModel(client, 'm');
}

function ownClient(wire: Wire, baseURL: string): (body: object) => Promise<AsyncIterable<unknown>> {
  if (wire === 'messages') {
    const client = createAnthropicClient({ apiKey: 'k', baseURL: baseURL.replace('/v1', '') });
    return (body) => client.messages.create(body as never) as never;
  }
  const client = createOpenAIClient({ apiKey: 'k', baseURL });
  const create = wire === 'chat' ? client.chat.completions : client.responses;
  return (body) => create.create(body as never) as never;
}

function peersOf(wire: Wire, baseURL: string, { openai, anthropic, aiOpenAI, aiAnthropic }: Peers): Variants {
  const client = { apiKey: 'k', baseURL, maxRetries: 0 };
  const body = bodies[wire];
  switch (wire) {
    case 'messages': {
      const official = anthropic({ ...client, baseURL: baseURL.replace('/v1', '') });
      return {
        'official SDK': async () => count(await official.messages.create(body)),
        'AI SDK provider': fromAiSdk(aiAnthropic(client)('m')),
      };
    }
    case 'chat': {
      const official = openai(client);
      return {
        'official SDK': async () => count(await official.chat.completions.create(body)),
        'AI SDK provider': fromAiSdk(aiOpenAI(client).chat('m')),
      };
    }
    case 'responses': {
      const official = openai(client);
      return {
        'official SDK': async () => count(await official.responses.create(body)),
        'AI SDK provider': fromAiSdk(aiOpenAI(client).responses('m')),
      };
    }
  }
}

/** What else the machine does only ever adds: the lower quartile has least of it. */
const quartile = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? NaN;

async function measure(wire: Wire, baseURL: string): Promise<boolean> {
  const variants = variantsOf(wire, baseURL);
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    for (const [name, work] of Object.entries(variants)) {
      const before = process.threadCpuUsage();
      const events = await work();
      const { user, system } = process.threadCpuUsage(before);
      if (events < EVENTS) throw new Error(`${wire}, ${name}: ${events} events, fewer than ${EVENTS}.`);
      if (round >= WARM_UP) times.set(name, [...(times.get(name) ?? []), (user + system) / EVENTS]);
    }
  }
  const of = (name: string): number => quartile(times.get(name) ?? []);
  for (const name of Object.keys(variants)) {
    const share = (of(name) / of('raw')).toFixed(2);
    console.log(`${wire.padEnd(10)} ${name.padEnd(16)} ${of(name).toFixed(2).padStart(6)} µs an event ${share} × raw`);
  }
  const ours = of('our model');
  const isAhead = ['official SDK', 'AI SDK provider'].every((name) => !(name in variants) || ours < of(name));
  return isAhead && ours <= MOST * of('raw');
}

const vendor = await startVendor({ tokens: EVENTS });
let good = true;
try {
  for (const wire of named.length > 0 ? named : WIRES) good = (await measure(wire, vendor.baseURL)) && good;
} finally {
  vendor.close();
}
console.log(
  `Lower quartiles of ${ROUNDS} streams of ${EVENTS} text deltas, processor time of the main thread. Not measured: real networks and ` +
    'TLS, tools and thoughts in streams, many streams at once, the run around the model.',
);
if (!good) {
  console.error(`Our model should take at most ${MOST} times raw, and less than the peers.`);
  process.exitCode = 1;
}
