/** What a conversations session needs of a client, in the official client's shape, and a client of ours that has it. */
import { UserError } from '../../../protocol/errors.ts';
import { type OpenAIClientOptions, requestOpenAI } from '../client.ts';
import { isObject, isString, type Json } from '../json.ts';

type Method = (...args: never[]) => unknown;

/** `new OpenAI()` is one. */
export type OpenAIConversationsClient = {
  readonly conversations: {
    readonly create: Method;
    readonly delete: Method;
    readonly items: { readonly create: Method; readonly list: Method; readonly delete: Method };
  };
};

/** The calls of a conversations client, as they are made here. */
export type Conversations = {
  create(body: Json): Promise<unknown>;
  remove(conversationId: string): Promise<unknown>;
  add(conversationId: string, items: Json[]): Promise<unknown>;
  list(conversationId: string, query: { order: 'asc' | 'desc'; limit: number }): AsyncIterable<unknown>;
  removeItem(itemId: string, conversationId: string): Promise<unknown>;
};

/** @throws UserError for a client without conversations */
export function conversationsOf(client: OpenAIConversationsClient): Conversations {
  const { conversations } = client;
  if (typeof conversations?.create !== 'function' || typeof conversations.items?.list !== 'function') {
    throw new UserError(
      'The client has no `conversations`. Pass `new OpenAI()` of the `openai` package, or leave `client` out and give ' +
        'apiKey and baseURL instead.',
    );
  }
  const { items } = conversations;
  // The official client's types are narrower than ours, and its methods need their object.
  const call = async (object: object, method: Method, ...args: unknown[]): Promise<unknown> =>
    method.apply(object, args as never[]);
  return {
    create: (body) => call(conversations, conversations.create, body),
    remove: (id) => call(conversations, conversations.delete, id),
    add: (id, added) => call(items, items.create, id, { items: added }),
    removeItem: (itemId, id) => call(items, items.delete, itemId, { conversation_id: id }),
    async *list(id, query) {
      // A page promise is an iterable of all pages; awaited, it would be the first page, which is one too.
      const pages = items.list.apply(items, [id, query] as never[]);
      if (typeof pages === 'object' && pages !== null && Symbol.asyncIterator in pages) {
        yield* pages as AsyncIterable<unknown>;
        return;
      }
      throw new UserError('The client’s `conversations.items.list` gave nothing that can be iterated.');
    },
  };
}

/** A client of ours. */
export function createConversations(options: OpenAIClientOptions): Conversations {
  const ask = (method: string, path: string, { body, query }: { body?: Json; query?: Json } = {}): Promise<unknown> =>
    requestOpenAI(options, { method, path, body, options: query ? { query } : {} });
  const at = (id: string, rest = ''): string => `/conversations/${encodeURIComponent(id)}${rest}`;
  return {
    create: (body) => ask('POST', '/conversations', { body }),
    remove: (id) => ask('DELETE', at(id)),
    add: (id, items) => ask('POST', at(id, '/items'), { body: { items } }),
    removeItem: (itemId, id) => ask('DELETE', at(id, `/items/${encodeURIComponent(itemId)}`)),
    async *list(id, query) {
      for (let after: string | undefined; ;) {
        const asked = { ...query, ...(after !== undefined && { after }) };
        const page = await ask('GET', at(id, '/items'), { query: asked });
        if (!isObject(page) || !Array.isArray(page['data'])) {
          throw new UserError('OpenAI answered a list of conversation items without `data`. Check the baseURL.');
        }
        yield* page['data'];
        if (page['has_more'] !== true || !isString(page['last_id'])) return;
        after = page['last_id'];
      }
    },
  };
}
