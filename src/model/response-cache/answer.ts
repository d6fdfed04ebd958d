/**
 * An answer as it is kept, and as it is given again.
 *
 * R1: what is given again has ids of the call that asks, so that no two calls of a conversation have the same one; it
 * has no response id, nothing of the vendor's envelope, and used nothing. R2: reasoning that only the server knows by
 * its id is left out, and with it the ids that the server would look for.
 */
import type { AgentOutputItem } from '../../protocol/items.ts';
import type { ModelResponse, Origin, StreamEvent } from '../../protocol/model.ts';
import { Usage } from '../../protocol/usage.ts';
import { node } from '../../protocol/node.ts';
import { withoutIds } from './key.ts';

/** What an answer was: whose, and which items. */
export type KeptAnswer = { target: string; origin?: Origin; output: AgentOutputItem[] };

/** @returns the text to keep; `undefined` where the answer is none that should be given again */
export function textOf({ target, origin, output }: KeptAnswer): string | undefined {
  const whole = output.length > 0 && output.every(isWhole);
  return whole ? JSON.stringify({ target, ...(origin && { origin }), output: portable(output) }) : undefined;
}

/** What was kept. @throws SyntaxError for a text that holds no answer */
export function readText(text: string): KeptAnswer {
  const kept: unknown = JSON.parse(text);
  if (typeof kept === 'object' && kept !== null && 'target' in kept && 'output' in kept && Array.isArray(kept.output))
    return kept as KeptAnswer;
  throw new SyntaxError('The text is no answer of a response cache.');
}

function isWhole(item: AgentOutputItem): boolean {
  if ('status' in item && item.status === 'incomplete') return false;
  if (item.type === 'message' && item.role === 'assistant')
    return item.content.every((part) => part.type !== 'refusal' && part.type !== 'audio');
  return item.type === 'function_call' || item.type === 'reasoning';
}

function portable(output: AgentOutputItem[]): AgentOutputItem[] {
  const known = output.filter(isReasoningById);
  const rest = output.filter((item) => !known.includes(item));
  return rest.map((item) => {
    const { id, providerData, ...members } = item;
    const data = providerData && withoutIds(providerData);
    return {
      ...members,
      ...(id !== undefined && known.length === 0 && { id: prefixOf(id) }),
      ...(data && Object.keys(data).length > 0 && { providerData: data }),
    } as AgentOutputItem;
  });
}

const isReasoningById = ({ type, id, origin }: AgentOutputItem): boolean =>
  type === 'reasoning' && (origin?.api === 'openai-responses' || id?.startsWith('rs_') === true);

const prefixOf = (id: string): string => /^[a-z]{2,8}_/.exec(id)?.[0] ?? 'item_';

/** @param seed whose ids it gets: the id of the call that asks */
export function freshOutput({ output }: KeptAnswer, seed: string): AgentOutputItem[] {
  const base = node.crypto.createHash('sha256').update(seed).digest('hex').slice(0, 24);
  return output.map((item, at) => ({
    ...item,
    ...(item.id !== undefined && { id: `${item.id}${base}${at}` }),
    ...(item.type === 'function_call' && { callId: `call_${base}${at}` }),
  }));
}

/** No tokens: nobody was asked. */
export const freshResponse = (kept: KeptAnswer, seed: string): ModelResponse => ({
  usage: new Usage({ requests: 0 }),
  output: freshOutput(kept, seed),
});

/** The same as a stream: each text in one piece. */
export function* freshEvents(kept: KeptAnswer, seed: string): Generator<StreamEvent> {
  const output = freshOutput(kept, seed);
  yield { type: 'response_started' };
  for (const item of output) {
    if (item.type !== 'message' || item.role !== 'assistant') continue;
    for (const part of item.content) {
      if (part.type !== 'output_text' || part.text === '') continue;
      yield { type: 'output_text_delta', delta: part.text, ...(item.id !== undefined && { itemId: item.id }) };
    }
  }
  const usage = { requests: 0, inputTokens: 0, outputTokens: 0, totalTokens: 0 };
  yield { type: 'response_done', response: { id: '', usage, output } };
}
