/**
 * Which requests are the same: what any target of the route would read and must do, and nothing that is another one in
 * the next run.
 *
 * K1: ids of calls are numbered by order; ids and origins of items are left out. K2: settings that change neither what
 * is read nor what may be answered are left out: time limits, retries, raw usage. All else counts, limits of length too.
 */
import type { ModelRequest } from '../../protocol/model.ts';
import { node } from '../../protocol/node.ts';

/** Raised when an older entry must not be read any more. */
const VERSION = 1;

/** Where providers repeat an id beside an item. */
export const ID_MEMBERS: ReadonlySet<string> = new Set([
  'id',
  'call_id',
  'item_id',
  'tool_call_id',
  'tool_use_id',
  'response_id',
]);

/** Whether what a request leads to depends on nothing but the request. */
export function isRepeatable({ previousResponseId, conversationId, prompt, tools }: ModelRequest): boolean {
  if (previousResponseId !== undefined || conversationId !== undefined || prompt !== undefined) return false;
  return !tools.some(({ type }) => type === 'hosted_tool');
}

/** @param route what it is asked of: a name and its targets */
export function keyOf(request: ModelRequest, route: unknown): string {
  const { systemInstructions, input, modelSettings, tools, handoffs, outputType } = request;
  const { timeoutMs: _, retry: __, preserveRawUsage: ___, ...settings } = modelSettings;
  const parts = [VERSION, route, systemInstructions ?? '', items(input), settings, tools, handoffs, outputType];
  return node.crypto.createHash('sha256').update(JSON.stringify(parts, sorted)).digest('hex');
}

function items(input: ModelRequest['input']): unknown {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  const names = new Map<string, string>();
  const alias = (id: string): string => {
    const known = names.get(id) ?? `call ${names.size}`;
    names.set(id, known);
    return known;
  };
  return input.map((item) => {
    const { id: _, origin: __, providerData, ...rest } = item;
    const type = item.type ?? 'message';
    const callId = 'callId' in item && typeof item.callId === 'string' ? { callId: alias(item.callId) } : {};
    const data = providerData && withoutIds(providerData);
    return { ...rest, type, ...callId, ...(data && Object.keys(data).length > 0 && { providerData: data }) };
  });
}

export function withoutIds(data: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([name]) => !ID_MEMBERS.has(name)));
}

/** Members in the order of their names: how an object was put together says nothing. */
function sorted(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return node.crypto.createHash('sha256').update(value).digest('hex');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
