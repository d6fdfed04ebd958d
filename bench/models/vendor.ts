/**
 * A vendor on loopback, in a process of its own: the same answer to every request, on three wires, plain and streamed.
 * What it does costs its clients nothing but the reading.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chatReply, messagesReply, responsesReply, type RenderedReply } from '../../src/testing/fake-server/index.ts';

export const WIRES = ['responses', 'chat', 'messages'] as const;
export type Wire = (typeof WIRES)[number];
export const PATHS: Record<Wire, string> = {
  responses: '/responses',
  chat: '/chat/completions',
  messages: '/messages',
};

export type Vendor = { baseURL: string; close: () => void };

/** @param tokens how many deltas a stream has, with a text of 8 characters each */
export async function startVendor({ tokens, port = 0 }: { tokens: number; port?: number }): Promise<Vendor> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [self, 'serve', String(tokens), String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { baseURL: `http://127.0.0.1:${String(line).trim()}/v1`, close: () => void child.kill() };
}

function serve(tokens: number, port: number): void {
  const content = { text: 'token of'.repeat(tokens), usage: { input: 100, output: tokens } };
  const replies: Record<Wire, RenderedReply> = {
    responses: responsesReply(content),
    chat: chatReply(content),
    messages: messagesReply(content),
  };
  const plain = Object.fromEntries(WIRES.map((wire) => [wire, JSON.stringify(replies[wire].json(1))]));
  const streams = Object.fromEntries(WIRES.map((wire) => [wire, chunked(replies[wire])]));
  const server = createServer((request, response) => {
    const wire = WIRES.find((each) => request.url?.split('?')[0]?.endsWith(PATHS[each])) ?? 'chat';
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      if (!/"stream":\s*true/.test(body)) {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(plain[wire]);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of streams[wire] ?? []) response.write(chunk);
      response.end();
    });
  });
  server.listen(port, '127.0.0.1', () => {
    const address = server.address();
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
  });
}

/** About one TCP packet at a time. */
function chunked(reply: RenderedReply): string[] {
  const body = reply
    .events(1)
    .map(({ event, data }) => {
      const text = typeof data === 'string' ? data : JSON.stringify(data);
      return `${event ? `event: ${event}\n` : ''}data: ${text}\n\n`;
    })
    .join('');
  const chunks: string[] = [];
  for (let at = 0; at < body.length; at += 1400) chunks.push(body.slice(at, at + 1400));
  return chunks;
}

if (process.argv[2] === 'serve') serve(Number(process.argv[3]), Number(process.argv[4]));
