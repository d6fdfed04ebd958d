/**
 * A session that OpenAI keeps: a conversation of the Conversations API, documented at
 * https://developers.openai.com/api/reference/resources/conversations.
 */
import { UserError } from '../../../protocol/errors.ts';
import type { AgentInputItem } from '../../../protocol/items.ts';
import type { Session } from '../../../session/index.ts';
import { isObject, isString, type Json } from '../json.ts';
import { toInput } from '../responses/input.ts';
import {
  type Conversations,
  conversationsOf,
  createConversations,
  type OpenAIConversationsClient,
} from './conversations-client.ts';
import { OPENAI_SESSION_API, toHistoryItem } from './history.ts';

export type OpenAIConversationsSessionOptions = {
  /** @default a new conversation, made when it is first needed */
  conversationId?: string;
  /** `new OpenAI()`; then the four below are not used. @default a client of ours */
  client?: OpenAIConversationsClient;
  /** @default the environment variable OPENAI_API_KEY */
  apiKey?: string;
  /** @default OPENAI_BASE_URL, else https://api.openai.com/v1 */
  baseURL?: string;
  /** @default OPENAI_ORG_ID */
  organization?: string;
  /** @default OPENAI_PROJECT_ID */
  project?: string;
};

/** The vendor takes no more items in one request, and gives no more on one page. */
const MOST_ADDED = 20;
const MOST_LISTED = 100;

/**
 * Keeps a conversation on OpenAI's servers. Not for data that must not leave, and not for runs that must repeat a save
 * safely: the vendor has no idempotent append, and a long list goes in by 20 items a request.
 *
 * @example
 * import { OpenAIConversationsSession } from '@baton/agents';
 *
 * const session = new OpenAIConversationsSession({ conversationId: 'conv_123', apiKey: 'sk-...' });
 */
export class OpenAIConversationsSession implements Session {
  // Set in the constructor: a computed member with a value would keep the class in every bundle.
  declare readonly [OPENAI_SESSION_API]: 'conversations';
  readonly #conversations: Conversations;
  #id: string | undefined;
  #started: Promise<string> | undefined;

  /** @throws UserError for a client without conversations */
  constructor(options: OpenAIConversationsSessionOptions = {}) {
    const { conversationId, client, ...own } = options;
    this[OPENAI_SESSION_API] = 'conversations';
    this.#id = conversationId;
    this.#conversations = client ? conversationsOf(client) : createConversations(own);
  }

  /** The conversation's id, once there is one. */
  get sessionId(): string | undefined {
    return this.#id;
  }

  /** Makes the conversation where there is none yet. */
  async getSessionId(): Promise<string> {
    if (this.#id !== undefined) return this.#id;
    // Two calls at once share one conversation.
    this.#started ??= start(this.#conversations);
    try {
      return (this.#id = await this.#started);
    } finally {
      this.#started = undefined;
    }
  }

  async getItems(limit?: number): Promise<AgentInputItem[]> {
    const most = limit === undefined || Number.isNaN(limit) ? Infinity : Math.max(0, Math.ceil(limit));
    if (most === 0) return [];
    const newest: AgentInputItem[] = [];
    for await (const item of this.#newest(most)) {
      newest.push(toHistoryItem(item));
      if (newest.length >= most) break;
    }
    return newest.toReversed();
  }

  /** In requests of 20 items: where one fails, those before it are there. */
  async addItems(items: AgentInputItem[]): Promise<void> {
    if (!Array.isArray(items)) {
      throw new UserError(`OpenAIConversationsSession .addItems() needs an array of items. Got ${typeof items}.`);
    }
    const wire = toInput(items).map(withoutOwnId);
    for (let at = 0; at < wire.length; at += MOST_ADDED) {
      await this.#conversations.add(await this.getSessionId(), wire.slice(at, at + MOST_ADDED));
    }
  }

  async popItem(): Promise<AgentInputItem | undefined> {
    for await (const item of this.#newest(1)) {
      const id = item['id'];
      if (!isString(id)) throw new UserError('OpenAI gave a conversation item without an id, so it cannot be removed.');
      await this.#conversations.removeItem(id, await this.getSessionId());
      return toHistoryItem(item);
    }
    return undefined;
  }

  /** Deletes the conversation. The next call that needs one makes another, with another id. */
  async clearSession(): Promise<void> {
    const id = this.#id;
    if (id === undefined) return;
    await this.#conversations.remove(id);
    this.#id = undefined;
  }

  /** Reasoning belongs to its id on the server. */
  preserveReasoningItemIdsForPersistence(): boolean {
    return true;
  }

  async *#newest(most: number): AsyncGenerator<Json, void, undefined> {
    // A conversation that was never made has nothing, and need not be made for that.
    if (this.#id === undefined && this.#started === undefined) return;
    const limit = Math.min(most, MOST_LISTED);
    for await (const item of this.#conversations.list(await this.getSessionId(), { order: 'desc', limit })) {
      if (isObject(item)) yield item;
    }
  }
}

async function start(conversations: Conversations): Promise<string> {
  const made = await conversations.create({ items: [] });
  if (isObject(made) && isString(made['id'])) return made['id'];
  throw new UserError('OpenAI made a conversation without an id. Check the client and its baseURL.');
}

/** The server names what it keeps, but for reasoning, which is known by its id. */
function withoutOwnId(item: Json): Json {
  if (item['type'] === 'reasoning' || item['type'] === 'item_reference') return item;
  const { id: _, ...rest } = item;
  return rest;
}

/** Makes a conversation and gives its id. @param client @default a client of ours with OPENAI_API_KEY */
export async function startOpenAIConversationsSession(client?: OpenAIConversationsClient): Promise<string> {
  return start(client ? conversationsOf(client) : createConversations({}));
}
