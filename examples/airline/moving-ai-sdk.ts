/** Models of the AI SDK's shape, specification V3 (as Google's) and V4 (as Mistral's), that answer from a recording. */
import { mark } from './moving-steps.ts';
import { wireProblem } from './testing.ts';
import type { AiSdkLanguageModel } from './sdk.ts';

/** What the recorded model says next. */
export type Reply = {
  readonly n: number;
  readonly text: string | null;
  readonly calls: { id: string; name: string; arguments: string }[];
};

type Json = Record<string, unknown>;
type Provider = 'ai-sdk-v3' | 'ai-sdk-v4';

const USAGE = { inputTokens: { total: 10 }, outputTokens: { total: 5 } };

/** `refused` gets what the strictest provider behind the AI SDK would refuse. */
export function aiSdkModel(
  provider: Provider,
  answer: (body: object) => Reply | { problem: string },
  refused: string[],
): AiSdkLanguageModel {
  const google = provider === 'ai-sdk-v3';
  function ask({ prompt }: Json): Reply {
    const problem = wireProblem('ai-sdk', { prompt }) ?? (google ? unsigned(prompt) : undefined);
    if (problem !== undefined) {
      refused.push(`${provider}: ${problem}`);
      throw new Error(problem);
    }
    const reply = answer({ prompt });
    if ('problem' in reply) throw new Error(reply.problem);
    return reply;
  }
  return {
    specificationVersion: google ? 'v3' : 'v4',
    provider: google ? 'google.generative-ai' : 'mistral.chat',
    modelId: google ? 'gemini-3-pro' : 'mistral-large',
    doGenerate: async (options: Json) => {
      const reply = ask(options);
      return { content: contentOf(reply, provider), finishReason: finishOf(reply), usage: USAGE, warnings: [] };
    },
    doStream: async (options: Json) => {
      const reply = ask(options);
      return { stream: streamOf(reply, provider) };
    },
  };
}

/** Google wants a signature on the first call of each step since the user last spoke. */
function unsigned(prompt: unknown): string | undefined {
  const messages: Json[] = Array.isArray(prompt) ? prompt : [];
  const turn = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1);
  for (const { role, content } of turn) {
    const parts: Json[] = Array.isArray(content) ? content : [];
    const call = parts.find(({ type }) => type === 'tool-call');
    const options = call?.['providerOptions'];
    if (role !== 'assistant' || !call || JSON.stringify(options ?? {}).includes('thoughtSignature')) continue;
    return `Function call ${String(call['toolCallId'])} is missing a thought_signature.`;
  }
  return undefined;
}

const finishOf = ({ calls }: Reply): Json => ({ unified: calls.length > 0 ? 'tool-calls' : 'stop', raw: 'end' });

function contentOf({ n, text, calls }: Reply, provider: Provider): Json[] {
  const secret = `${mark(provider)} ${n}`;
  const providerMetadata =
    provider === 'ai-sdk-v3' ? { google: { thoughtSignature: secret } } : { mistral: { signature: secret } };
  return [
    { type: 'reasoning', text: secret, providerMetadata },
    ...(text === null ? [] : [{ type: 'text', text }]),
    ...calls.map(({ id, name, arguments: input }) => ({
      type: 'tool-call',
      toolCallId: id,
      toolName: name,
      input,
      providerMetadata,
    })),
  ];
}

function streamOf(reply: Reply, provider: Provider): ReadableStream<Json> {
  const parts = contentOf(reply, provider).flatMap((part, at): Json[] => {
    const { type, text, providerMetadata } = part;
    if (type === 'tool-call') return [part];
    const half = Math.ceil(String(text).length / 2);
    return [
      { type: `${String(type)}-start`, id: `${at}` },
      { type: `${String(type)}-delta`, id: `${at}`, delta: String(text).slice(0, half) },
      { type: `${String(type)}-delta`, id: `${at}`, delta: String(text).slice(half) },
      { type: `${String(type)}-end`, id: `${at}`, providerMetadata },
    ];
  });
  return new ReadableStream({
    start: (controller) => {
      controller.enqueue({ type: 'stream-start', warnings: [] });
      for (const part of parts) controller.enqueue(part);
      controller.enqueue({ type: 'finish', finishReason: finishOf(reply), usage: USAGE });
      controller.close();
    },
  });
}
