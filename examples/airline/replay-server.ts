/**
 * A Chat Completions service on loopback that answers from recorded conversations.
 *
 * It refuses what the real service refuses (request-check.ts), finds the place in the recording by the messages that
 * it got (recording.ts), and answers with the recorded assistant message, plain or as a stream (completion.ts).
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { completion, completionChunks } from './completion.ts';
import type { Conversation } from './data.ts';
import { parseJson } from './json.ts';
import { openRecording } from './recording.ts';
import type { AssistantMessage, Recording } from './recording.ts';
import { readChatRequest } from './request-check.ts';
import type { ChatRequest } from './request-check.ts';
import { RequestProblem } from './request-problem.ts';

/** What the assistant says where the recording has ended but the conversation has not. */
export const CLOSING = 'The recording of this conversation ends here.';

export type ReplayServer = {
  /** Base URL for a client that does not say which conversation it replays. */
  readonly baseURL: string;
  /**
   * Base URL for one conversation, by its index. It decides only where several conversations begin with the same
   * messages and go on differently.
   */
  baseURLOf(conversation: number): string;
  /** How many requests were answered with a message so far. */
  answered(): number;
  close(): Promise<void>;
};

const MAX_BODY_BYTES = 32 * 1024 * 1024;
// Pieces of this size end in the middle of lines and of characters, as on a real network.
const PIECE_BYTES = 1021;

/** Starts the server on a free port of 127.0.0.1. */
export async function startReplayServer(conversations: readonly Conversation[]): Promise<ReplayServer> {
  const recording = openRecording(conversations);
  let answered = 0;
  const server = createServer((request, response) => {
    serve(recording, request, response).then(
      () => (answered += 1),
      (error: unknown) => refuse(response, error),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The replay server got no port.');
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    baseURL: `${origin}/v1`,
    baseURLOf: (conversation) => `${origin}/conversations/${conversation}/v1`,
    answered: () => answered,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

async function serve(recording: Recording, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = /^(?:\/conversations\/(\d+))?\/v1\/chat\/completions$/.exec(request.url ?? '');
  if (route === null || request.method !== 'POST') {
    throw new RequestProblem(`Invalid URL (${request.method} ${request.url})`, null, null, 404);
  }
  if (!/^Bearer \S+$/.test(request.headers.authorization ?? '')) {
    throw new RequestProblem("You didn't provide an API key.", null, 'invalid_api_key', 401);
  }
  const chat = readChatRequest(parseBody(await readBody(request)));
  const hint = route[1] === undefined ? undefined : Number(route[1]);
  const { message, place } = find(recording, chat, hint);
  const facts = { request: chat, message, place, created: Math.floor(Date.now() / 1000) };
  response.setHeader('x-request-id', `req_${Buffer.from(place).toString('hex')}`);
  if (!chat.stream) {
    sendJson(response, 200, completion(facts));
    return;
  }
  const events = completionChunks(facts).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  sendStream(response, Buffer.from(`${events.join('')}data: [DONE]\n\n`));
}

function find(recording: Recording, chat: ChatRequest, hint: number | undefined) {
  const finding = recording.find(chat.steps, hint);
  switch (finding.kind) {
    case 'found': {
      const { conversation, position, next } = finding.place;
      const message: AssistantMessage = next ?? { role: 'assistant', text: CLOSING, calls: [] };
      return { message, place: `${conversation}/${position}` };
    }
    case 'ambiguous': {
      const which = finding.places.map((place) => place.conversation).join(', ');
      throw new RequestProblem(
        `Conversations ${which} begin with these messages and go on differently. Say which: /conversations/N/v1.`,
        'messages',
        'replay_ambiguous',
      );
    }
    case 'unknown': {
      const like = finding.like === undefined ? 'no recorded one' : `conversation ${finding.like}`;
      throw new RequestProblem(
        `No recorded conversation goes like this: the first ${finding.matched} of ${chat.steps.length} ` +
          `messages and calls are those of ${like}.`,
        'messages',
        'replay_unknown',
      );
    }
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) throw new Error('The request came as text, not as bytes.');
    parts.push(part);
    size += part.length;
    if (size > MAX_BODY_BYTES) throw new RequestProblem('The request is too large.', null, null, 413);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseBody(text: string) {
  try {
    return parseJson(text);
  } catch {
    throw new RequestProblem('We could not parse the JSON body of your request.');
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendStream(response: ServerResponse, bytes: Buffer): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) response.write(bytes.subarray(at, at + PIECE_BYTES));
  response.end();
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const problem =
    error instanceof RequestProblem
      ? error
      : new RequestProblem('The server had an error while processing your request.', null, null, 500);
  sendJson(response, problem.status, problem.body());
}
