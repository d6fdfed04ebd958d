/**
 * The recorded model, behind five providers at once: each answer comes from the next one, so that the conversation
 * moves at every turn. The providers refuse what the vendors refuse and decorate what they say: thoughts, signatures,
 * a second call in parallel, ids of odd forms. Whatever only one of them can read has its mark on it, which must not
 * come to another.
 */
import type { Conversation } from './data.ts';
import { CLOSING } from './replay-server.ts';
import type { AssistantMessage } from './recording.ts';
import { mark, saidIn, stepsBefore } from './moving-steps.ts';
import { aiSdkModel } from './moving-ai-sdk.ts';
import type { Reply } from './moving-ai-sdk.ts';
import { AnthropicModel, chatModel, fromAiSdk, responsesModel } from './sdk.ts';
import type { Model } from './sdk.ts';
import { chatReply, createFakeServer, errorBody, messagesReply, responsesReply } from './testing.ts';
import type { FakeAnswer, FakeRequest, FakeToolCall, RenderedReply } from './testing.ts';

/** The tool of the second call. It is not part of the recording: its calls are left out of every comparison. */
export const NOTE = 'take_note';

const PROVIDERS = ['chat', 'responses', 'anthropic', 'ai-sdk-v3', 'ai-sdk-v4'] as const;
export type MovingProvider = (typeof PROVIDERS)[number];

export type Moving = AsyncDisposable & {
  readonly model: Model;
  /** Requests that were answered, and why others were refused. */
  readonly answered: () => number;
  readonly refused: readonly string[];
};

/** The five providers for one conversation. `first` says which of them begins. */
export async function openMoving(conversation: Conversation, first: number): Promise<Moving> {
  const recorded = conversation.messages.filter((message): message is AssistantMessage => message.role === 'assistant');
  const refused: string[] = [];
  let answered = 0;

  /** The next recorded answer, if the request holds what was said until here and no secret of another provider. */
  function answer(provider: MovingProvider, body: object): Reply | { problem: string } {
    const problem = problemOf(provider, body, stepsBefore(conversation, answered));
    if (problem !== undefined) {
      refused.push(problem);
      return { problem };
    }
    const message = recorded[answered] ?? { role: 'assistant', text: CLOSING, calls: [] };
    answered += 1;
    const calls = message.calls.map((call, at) => ({ ...call, id: oddId(provider, answered, at) }));
    const note = { id: oddId(provider, answered, calls.length), name: NOTE, arguments: '{"text":"in parallel"}' };
    return { n: answered, text: message.text, calls: calls.length > 0 ? [...calls, note] : [] };
  }

  const server = await createFakeServer();
  server.fallback((request) => fakeAnswer(request, answer));
  const key = { baseURL: server.baseURL, apiKey: 'replay' };
  const inProcess = (provider: 'ai-sdk-v3' | 'ai-sdk-v4'): Model =>
    fromAiSdk(aiSdkModel(provider, (body) => answer(provider, body), refused));
  const models: Record<MovingProvider, Model> = {
    chat: chatModel(server.baseURL),
    responses: responsesModel(server.baseURL),
    anthropic: new AnthropicModel(key, 'claude-opus-4-7'),
    'ai-sdk-v3': inProcess('ai-sdk-v3'),
    'ai-sdk-v4': inProcess('ai-sdk-v4'),
  };
  let turn = first;
  const next = (): Model => models[PROVIDERS[turn++ % PROVIDERS.length] ?? 'chat'];
  return {
    model: {
      getResponse: (request) => next().getResponse(request),
      getStreamedResponse: (request) => next().getStreamedResponse(request),
    },
    answered: () => answered,
    get refused() {
      return [...refused, ...server.requests.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))];
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function problemOf(provider: MovingProvider, body: object, expected: readonly string[]): string | undefined {
  const text = JSON.stringify(body);
  const stray = PROVIDERS.find((other) => other !== provider && text.includes(mark(other)));
  if (stray !== undefined) return `${provider} was sent what only ${stray} can read.`;
  const said = saidIn(body, NOTE);
  const at = Math.max(expected.length, said.length) === 0 ? -1 : firstDifference(expected, said);
  if (at < 0) return undefined;
  return `${provider}: step ${at} is ${said[at] ?? 'missing'}, recorded ${expected[at] ?? 'nothing'}`;
}

function firstDifference(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) if (a[at] !== b[at]) return at;
  return -1;
}

/** Ids as they come in the wild: missing, numbered anew in each reply, too long, with odd characters. */
function oddId(provider: MovingProvider, n: number, at: number): string {
  switch (provider) {
    case 'chat':
      return n % 2 === 0 ? '' : `call|${n}.${at}`;
    case 'responses':
      return `call_${n}_${at}`;
    case 'anthropic':
      return `toolu_${n}_${at}`;
    case 'ai-sdk-v3':
      return `call_${at}`;
    case 'ai-sdk-v4':
      return `${'long|'.repeat(18)}${n}.${at}`;
  }
}

const WIRES: Record<string, MovingProvider> = {
  '/v1/chat/completions': 'chat',
  '/v1/responses': 'responses',
  '/v1/messages': 'anthropic',
};

type Answer = (provider: MovingProvider, body: object) => Reply | { problem: string };

function fakeAnswer({ path, body }: FakeRequest, answer: Answer): FakeAnswer {
  const provider = WIRES[path] ?? 'chat';
  const reply = answer(provider, body);
  if ('problem' in reply) return { status: 400, body: errorBody(reply.problem) };
  return { reply: rendered(provider, reply) };
}

function rendered(provider: MovingProvider, { n, text, calls }: Reply): RenderedReply {
  const secret = `${mark(provider)} ${n}`;
  const toolCalls: FakeToolCall[] = calls;
  const said = { ...(text !== null && { text }), ...(toolCalls.length > 0 && { toolCalls }) };
  switch (provider) {
    case 'chat':
      return chatReply({ ...said, reasoning: secret });
    case 'responses': {
      const thought = { type: 'reasoning', id: `rs_x${n}`, summary: [], encrypted_content: secret };
      return responsesReply({ ...said, items: [thought] });
    }
    default:
      return messagesReply({ ...said, reasoning: secret, items: [{ type: 'redacted_thinking', data: secret }] });
  }
}
