/**
 * Conversations that the fake server keeps, and histories that it compacts: answered without a script.
 *
 * https://developers.openai.com/api/reference/resources/conversations: 20 items a request, 100 a page, newest first
 * unless asked otherwise.
 */
import { checkResponsesItems } from './check-responses.ts';
import { isObject, list, onlyKnown, optional, Problem, text, type Json } from './problem.ts';

type Asked = { method: string; path: string; query: URLSearchParams; body: Json };
export type Answered = { status?: number; body: object };

const MOST_ADDED = 20;
const MOST_LISTED = 100;
const PREFIX: Record<string, string> = {
  message: 'msg',
  function_call: 'fc',
  function_call_output: 'fco',
  reasoning: 'rs',
};

/** Answers what is asked of conversations; `undefined` for another path. */
export type ConversationStore = (asked: Asked) => Answered | undefined;

/** A store that begins empty. It throws `Problem` for what the vendor refuses. */
export function conversationStore(): ConversationStore {
  const stored = new Map<string, Json[]>();
  let made = 0;
  const keep = (id: string, items: Json[]): Json[] => {
    const kept = items.map((item) => withId(item, ++made));
    stored.get(id)?.push(...kept);
    return kept;
  };
  return ({ method, path, query, body }) => {
    const [root, id, kind, itemId, ...more] = path.split('/').filter((part) => part !== '');
    if (root !== 'conversations' || more.length > 0 || (kind !== undefined && kind !== 'items')) return undefined;
    if (id === undefined) {
      if (method !== 'POST') return undefined;
      onlyKnown(body, new Set(['items', 'metadata']));
      const items = itemsOf(body['items'] ?? [], { empty: true });
      const created = `conv_fake_${++made}`;
      stored.set(created, []);
      keep(created, items);
      return { body: { id: created, object: 'conversation', created_at: 0, metadata: body['metadata'] ?? {} } };
    }
    const items = stored.get(id);
    if (!items) return notFound(`Conversation with id '${id}' not found.`);
    if (kind === undefined) {
      if (method === 'DELETE') stored.delete(id);
      else if (method !== 'GET') return undefined;
      const object = method === 'DELETE' ? 'conversation.deleted' : 'conversation';
      return { body: { id, object, ...(method === 'DELETE' ? { deleted: true } : { created_at: 0, metadata: {} }) } };
    }
    if (itemId !== undefined) return method === 'DELETE' ? removed(items, itemId, id) : undefined;
    if (method === 'GET') return { body: pageOf(items, query) };
    if (method !== 'POST') return undefined;
    onlyKnown(body, new Set(['items']));
    const added = keep(id, itemsOf(body['items'], { empty: false }));
    return { body: listOf(added, false) };
  };
}

function itemsOf(value: unknown, { empty }: { empty: boolean }): Json[] {
  const items = list(value, 'items', { empty }).filter(isObject);
  if (items.length > MOST_ADDED) {
    throw new Problem(
      'items',
      `Invalid 'items': array too long. Expected an array with maximum length ${MOST_ADDED}, but got an array with ` +
        `length ${items.length} instead.`,
      'array_above_max_length',
    );
  }
  // A call may wait for its result, and a result belong to a call from before.
  if (items.length > 0) checkResponsesItems(items, { stateful: true, open: true });
  return items;
}

function withId(item: Json, n: number): Json {
  const type = typeof item['type'] === 'string' ? item['type'] : 'message';
  const id = typeof item['id'] === 'string' ? item['id'] : `${PREFIX[type] ?? type}_fake_${n}`;
  const { content } = item;
  const isText = type === 'message' && typeof content === 'string';
  const kind = item['role'] === 'assistant' ? 'output_text' : 'input_text';
  return {
    ...item,
    id,
    type,
    ...(type !== 'reasoning' && { status: item['status'] ?? 'completed' }),
    ...(isText && { content: [{ type: kind, text: content }] }),
  };
}

function pageOf(items: readonly Json[], query: URLSearchParams): object {
  const limit = Number(query.get('limit') ?? 20);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_LISTED)) {
    throw new Problem('limit', `Invalid 'limit': expected a value between 1 and ${MOST_LISTED}.`);
  }
  const ordered = query.get('order') === 'asc' ? [...items] : items.toReversed();
  const after = query.get('after');
  const from = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) throw new Problem('after', `Invalid 'after': no item with id '${after}'.`);
  return listOf(ordered.slice(from, from + limit), from + limit < ordered.length);
}

const listOf = (data: readonly Json[], hasMore: boolean): object => ({
  object: 'list',
  data,
  first_id: data[0]?.['id'] ?? null,
  last_id: data.at(-1)?.['id'] ?? null,
  has_more: hasMore,
});

function removed(items: Json[], itemId: string, id: string): Answered {
  const at = items.findIndex((item) => item['id'] === itemId);
  if (at < 0) return notFound(`Item with id '${itemId}' not found.`);
  items.splice(at, 1);
  return { body: { id, object: 'conversation', created_at: 0, metadata: {} } };
}

const notFound = (message: string): Answered => ({
  status: 404,
  body: { error: { message, type: 'invalid_request_error', param: null, code: 'not_found' } },
});

const COMPACT = new Set([
  'image',
  'input',
  'instructions',
  'model',
  'previous_response_id',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'service_tier',
]);

/** Checks a request to `/responses/compact`. @throws Problem */
export function checkCompactRequest(body: Json): void {
  onlyKnown(body, COMPACT);
  text(body['model'], 'model');
  optional(body, { instructions: 'string', previous_response_id: 'string' });
  const { input, previous_response_id: previous } = body;
  if (typeof input === 'string') return;
  if (input === undefined && previous !== undefined) return;
  checkResponsesItems(list(input, 'input').filter(isObject), { stateful: previous !== undefined });
}

/** A compacted response: the user messages of the input, then one compaction item. */
export function compactedBody({ input }: Json, n: number): object {
  const items = Array.isArray(input) ? input.filter(isObject) : [];
  const users = items.filter(({ role }) => role === 'user').map((item, at) => withId(item, n * 1000 + at));
  return {
    id: `resp_fake_${n}`,
    object: 'response.compaction',
    created_at: 0,
    output: [...users, { type: 'compaction', id: `cmp_fake_${n}`, encrypted_content: `compacted ${items.length}` }],
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 40 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 120,
    },
  };
}
