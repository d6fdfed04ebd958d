/**
 * A model for machines without one. It knows the agents of this demo and answers by simple rules on what it is sent,
 * a little slowly, as models do. It does not know which question it is in: without the session it would not know the
 * order's number, and when the refund is refused it says so.
 */
import {
  type AgentOutputItem,
  type Model,
  type ModelRequest,
  type ModelResponse,
  type StreamEvent,
  Usage,
} from '@baton/agents';
import { setTimeout as wait } from 'node:timers/promises';

const THINKS_MS = 300;
const WORD_MS = 22;

export function offlineModel(): Model {
  let replies = 0;
  const reply = async (request: ModelRequest): Promise<ModelResponse> => {
    await wait(THINKS_MS, undefined, { signal: request.signal });
    replies += 1;
    const output = answer(request).map((part, n) => itemOf(part, `${replies}_${n}`));
    return { output, usage: new Usage(count(request, output)), responseId: `offline_${replies}` };
  };
  return { getResponse: reply, getStreamedResponse: (request) => stream(reply, request) };
}

async function* stream(
  reply: (request: ModelRequest) => Promise<ModelResponse>,
  request: ModelRequest,
): AsyncGenerator<StreamEvent> {
  yield { type: 'response_started' };
  const { output, usage, responseId = '' } = await reply(request);
  for (const word of textIn(output).match(/\S+\s*/g) ?? []) {
    await wait(WORD_MS, undefined, { signal: request.signal });
    yield { type: 'output_text_delta', delta: word };
  }
  const { inputTokens, outputTokens, totalTokens } = usage;
  yield {
    type: 'response_done',
    response: { id: responseId, output, usage: { inputTokens, outputTokens, totalTokens } },
  };
}

type Part = string | { call: string; args: object };

function itemOf(part: Part, id: string): AgentOutputItem {
  if (typeof part === 'string') {
    const content = [{ type: 'output_text' as const, text: part }];
    return { type: 'message', id: `msg_${id}`, role: 'assistant', status: 'completed', content };
  }
  const { call: name, args } = part;
  const shared = {
    type: 'function_call' as const,
    name,
    arguments: JSON.stringify(args),
    status: 'completed' as const,
  };
  return { ...shared, id: `fc_${id}`, callId: `call_${id}` };
}

// What it says

/** What a rule can look at. */
type Seen = {
  /** Newest message of the customer. */
  readonly asked: string;
  /** All messages of the customer, oldest first. */
  readonly said: string;
  /** Results of tools since that message, by tool. */
  readonly results: ReadonlyMap<string, string>;
};

function answer(request: ModelRequest): Part[] {
  const seen = look(request);
  const offers = new Set([
    ...request.tools.map(({ name }) => name),
    ...request.handoffs.map(({ toolName }) => toolName),
  ]);
  if (request.outputType !== 'text') return [check(seen)];
  if (offers.has('transfer_to_Refund'))
    return [{ call: /refund|money back/i.test(seen.asked) ? 'transfer_to_Refund' : 'transfer_to_Billing', args: {} }];
  if (offers.has('refund_order')) return [refund(seen)];
  if (offers.has('find_payment')) return [pay(seen)];
  if (offers.has('get_quote')) return analyse(seen);
  return ['ACME climbs while Globex slips'];
}

function check({ asked }: Seen): string {
  const onTopic = /order|refund|money|arrive|paid|deliver/i.test(asked);
  return JSON.stringify({ onTopic, reason: onTopic ? 'about an order' : 'not about the shop' });
}

const orderIn = (text: string): string => text.match(/\b\d{4}\b/g)?.at(-1) ?? 'unknown';

function refund({ said, results }: Seen): Part {
  const order = orderIn(said);
  const found = results.get('find_order');
  const refunded = results.get('refund_order');
  if (found === undefined) return { call: 'find_order', args: { order } };
  const paid = numberIn(found, 'paid');
  if (paid === undefined) return `I am sorry, I cannot find order ${order}.`;
  if (refunded === undefined) return { call: 'refund_order', args: { order, amount: paid } };
  if (!refunded.startsWith('Refunded'))
    return 'I am sorry, a colleague did not approve the refund. Please write to us by e-mail.';
  return `I am sorry about the headphones. I have refunded ${paid} EUR; the money will be with you within three days.`;
}

function pay({ said, results }: Seen): Part {
  const payment = results.get('find_payment');
  if (payment === undefined) return { call: 'find_payment', args: { order: orderIn(said) } };
  const refunded = numberIn(payment, 'refund');
  if (refunded === undefined) return 'You paid 129 EUR for the headphones, and nothing has been paid back so far.';
  return `It was ${refunded} EUR for order ${orderIn(said)}. It will be on your account in three days at the latest.`;
}

function analyse({ asked, results }: Seen): Part[] {
  if (!results.has('get_quote')) {
    return (asked.match(/\b[A-Z]{4,}\b/g) ?? []).map((symbol) => ({ call: 'get_quote', args: { symbol } }));
  }
  const headline = results.get('write_headline');
  if (headline === undefined)
    return [{ call: 'write_headline', args: { input: 'ACME is up 2.3 %, GLOBEX is down 1.1 %.' } }];
  return [`“${headline}”. ACME stands at 182.40 USD, up 2.3 % since yesterday; Globex at 41.05 USD, down 1.1 %.`];
}

// What it sees

function look({ input }: ModelRequest): Seen {
  const items =
    typeof input === 'string' ? [{ type: 'message' as const, role: 'user' as const, content: input }] : input;
  const said: string[] = [];
  let results = new Map<string, string>();
  for (const item of items) {
    if ('role' in item && item.role === 'user') {
      said.push(textIn([item]));
      results = new Map();
    } else if (item.type === 'function_call_result') results.set(item.name, textIn([item]));
  }
  return { asked: said.at(-1) ?? '', said: said.join('\n'), results };
}

/** The text in items, as far as there is any. */
function textIn(items: readonly AgentOutputItem[]): string {
  const parts: unknown[] = items.flatMap((item): unknown[] => {
    const body: unknown = 'content' in item ? item.content : 'output' in item ? item.output : [];
    return Array.isArray(body) ? body : [body];
  });
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      return typeof part === 'object' && part && 'text' in part && typeof part.text === 'string' ? part.text : '';
    })
    .join('');
}

function numberIn(json: string, key: string): number | undefined {
  const found = new RegExp(`"${key}":(\\d+(?:\\.\\d+)?)`).exec(json)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** About four characters make a token. */
function count({ systemInstructions = '', input, tools }: ModelRequest, output: readonly AgentOutputItem[]) {
  const inputTokens = Math.ceil((systemInstructions.length + JSON.stringify([input, tools]).length) / 4);
  const outputTokens = Math.ceil(JSON.stringify(output).length / 4);
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
}
