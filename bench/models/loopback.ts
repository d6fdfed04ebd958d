/**
 * What asking through a gateway, a library or our router costs, all against the same vendor on loopback: a raw `fetch`,
 * our adapter, a route of our router, the official SDK, AI SDK's `generateText`, and our adapter through a LiteLLM proxy.
 *
 * One request at a time, interleaved. Both clocks: what the caller waits, and the processor time of its main thread. What
 * a proxy computes stands in its own process: it is seen in the waiting only.
 */
import { createRouter, LiteLLMModel, OpenAIChatCompletionsModel } from '../../src/index.ts';
import { createOpenAIClient } from '../../src/providers/openai/index.ts';
import type { Model, ModelRequest } from '../../src/protocol/model.ts';
import { loadPeers } from './peers.ts';
import { startVendor } from './vendor.ts';

const { BATON_LITELLM_URL: proxy, BATON_LITELLM_KEY: key = '', BATON_LITELLM_UPSTREAM_PORT: upstream } = process.env;
const ROUNDS = 150;
const WARM_UP = 20;

const messages = [{ role: 'user', content: 'Hello' }];
const request: ModelRequest = {
  input: 'Hello',
  modelSettings: { temperature: 0 },
  tools: [],
  handoffs: [],
  outputType: 'text',
  tracing: false,
};
const plain = (model: Model) => () => model.getResponse(request);

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Prints the table. LiteLLM is left out where its proxy is not running. */
export async function measureLoopback(): Promise<void> {
  const { openai, aiOpenAI, generateText } = await loadPeers();
  const vendor = await startVendor({ tokens: 50, port: Number(upstream ?? 0) });
  try {
    const { baseURL } = vendor;
    const client = { apiKey: 'k', baseURL, maxRetries: 0 };
    const official = openai(client);
    const ai = aiOpenAI(client).chat('m');
    const model = new OpenAIChatCompletionsModel(createOpenAIClient({ apiKey: 'k', baseURL }), 'm');
    const route = createRouter({ models: { main: model } })('main');
    const body = JSON.stringify({ model: 'm', messages, temperature: 0 });
    const headers = { 'content-type': 'application/json' };
    const variants: Record<string, () => Promise<unknown>> = {
      'raw fetch': async () => (await fetch(`${baseURL}/chat/completions`, { method: 'POST', headers, body })).json(),
      'our adapter': plain(model),
      'our router': plain(route),
      'official SDK': () => official.chat.completions.create({ model: 'm', messages, temperature: 0 }),
      'AI SDK generateText': () => generateText({ model: ai, prompt: 'Hello', temperature: 0, maxRetries: 0 }),
      ...(proxy !== undefined && {
        'LiteLLM proxy': plain(
          new LiteLLMModel({ model: 'good', temperature: 0, proxyRetries: 0, baseURL: proxy, apiKey: key }),
        ),
      }),
    };
    const waits = new Map<string, number[]>();
    const cpu = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS + WARM_UP; round++) {
      // Each follows each other one as often: what ran before leaves the caches as it likes them.
      const all = Object.entries(variants);
      const first = round % all.length;
      for (const [name, work] of [...all.slice(first), ...all.slice(0, first)]) {
        const before = process.threadCpuUsage();
        const began = performance.now();
        await work();
        const ms = performance.now() - began;
        const { user, system } = process.threadCpuUsage(before);
        if (round < WARM_UP) continue;
        waits.set(name, [...(waits.get(name) ?? []), ms]);
        cpu.set(name, [...(cpu.get(name) ?? []), user + system]);
      }
    }
    console.log('\nOver loopback, one request at a time:');
    const base = percentile(waits.get('our adapter') ?? [], 0.5);
    for (const name of Object.keys(variants)) {
      const times = waits.get(name) ?? [];
      const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
      const used = percentile(cpu.get(name) ?? [], 0.5);
      console.log(
        `${name.padEnd(22)} ${p50.toFixed(2).padStart(7)} ms median ${p95.toFixed(2).padStart(7)} ms p95 ` +
          `${used.toFixed(0).padStart(6)} µs processor; ${(p50 - base).toFixed(2)} ms over our adapter`,
      );
    }
    if (proxy === undefined) console.log('LiteLLM is not measured: its proxy could not be started.');
    console.log(
      `${ROUNDS} requests each. Not measured: real networks and TLS, load (many requests at once), several workers or ` +
        'machines of a proxy, its database, its memory, streams (see bench:streams), failures.',
    );
  } finally {
    vendor.close();
  }
}
