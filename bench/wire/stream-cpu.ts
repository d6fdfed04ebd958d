/**
 * CPU per streamed event, in this process: a raw `fetch` with the smallest parser, our client, our model, and the
 * official client. The server runs in a process of its own, so that its work is not counted.
 *
 *   node bench/wire/stream-cpu.ts
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import OpenAI from 'openai';
import {
  createOpenAIClient,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
} from '../../src/providers/openai/index.ts';
import { chatReply, responsesReply, type FakeEvent } from '../../src/testing/fake-server/index.ts';

const EVENTS = 2000;
const ROUNDS = 15;
const TEXT = 'token of 8'.slice(0, 8).repeat(EVENTS);

const sse = (events: FakeEvent[]): string =>
  events
    .map(
      ({ event, data }) =>
        `${event ? `event: ${event}\n` : ''}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`,
    )
    .join('');

if (process.argv[2] === 'serve') {
  const bodies = { chat: sse(chatReply(TEXT).events(1)), responses: sse(responsesReply(TEXT).events(1)) };
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const body = bodies[request.url?.includes('chat') ? 'chat' : 'responses'];
    // About one TCP packet at a time.
    for (let at = 0; at < body.length; at += 1400) response.write(body.slice(at, at + 1400));
    response.end();
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
  });
} else await measure();

async function measure(): Promise<void> {
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<string>((resolve) =>
      child.stdout.once('data', (line) => resolve(String(line).trim())),
    );
    const baseURL = `http://127.0.0.1:${port}/v1`;
    const own = createOpenAIClient({ apiKey: 'k', baseURL });
    const official = new OpenAI({ apiKey: 'k', baseURL });
    for (const wire of ['chat', 'responses'] as const) {
      const body =
        wire === 'chat' ? { model: 'm', messages: [], stream: true } : { model: 'm', input: 'x', stream: true };
      const path = wire === 'chat' ? '/chat/completions' : '/responses';
      const create = (client: OpenAI | typeof own): Promise<AsyncIterable<unknown>> =>
        (wire === 'chat' ? client.chat.completions : client.responses).create(body as never) as never;
      const model = wire === 'chat' ? new OpenAIChatCompletionsModel(own, 'm') : new OpenAIResponsesModel(own, 'm');
      const request = {
        input: 'x',
        modelSettings: {},
        tools: [],
        handoffs: [],
        outputType: 'text',
        tracing: false,
      } as const;
      const variants: Record<string, () => Promise<number>> = {
        raw: () => raw(baseURL + path, JSON.stringify(body)),
        'our client': async () => count(await create(own)),
        'our model': async () => count(model.getStreamedResponse(request as never)),
        'official client': async () => count(await create(official)),
      };
      const times: Record<string, number[]> = {};
      // Interleaved, so that what else the machine does hits all alike.
      for (let round = 0; round < ROUNDS + 3; round++) {
        for (const [name, run] of Object.entries(variants)) {
          const before = process.cpuUsage();
          await run();
          const { user, system } = process.cpuUsage(before);
          if (round >= 3) (times[name] ??= []).push((user + system) / EVENTS);
        }
      }
      const median = (name: string): number => times[name]?.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
      for (const name of Object.keys(variants)) {
        const us = median(name);
        console.log(
          `${wire.padEnd(10)} ${name.padEnd(16)} ${us.toFixed(2)} us/event  ${(us / median('raw')).toFixed(2)}x raw`,
        );
      }
    }
  } finally {
    child.kill();
  }
}

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
