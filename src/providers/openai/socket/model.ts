/** Models behind OpenAI's Responses API, asked over WebSockets. */
import { UserError } from '../../../protocol/errors.ts';
import { env } from '../../../model/vendor-http.ts';
import type { Fetch } from '../../../wire/index.ts';
import { createOpenAIClient, over, type OpenAIClient } from '../client.ts';
import type { OpenAIModelIdentity } from '../history.ts';
import { OpenAIResponsesModel } from '../responses/model.ts';
import type { ResponsesWebSocketOptions } from './connection.ts';
import type { SocketFetch } from './fetch.ts';

export type OpenAIResponsesWSModelOptions = OpenAIModelIdentity & {
  /** Where to connect. @default OPENAI_WEBSOCKET_BASE_URL, else the client's address with `wss:` for `https:` */
  websocketBaseURL?: string;
  /** Ask several requests on one connection, one after the other. @default true */
  reuseConnection?: boolean;
  websocketOptions?: ResponsesWebSocketOptions;
};

/**
 * Asks a model through the Responses API over a connection that stays open between calls: for runs with many tool
 * calls, which spare a handshake each. Same requests, events and errors as `OpenAIResponsesModel`.
 *
 * Calls at the same time have connections of their own. An open connection keeps the process alive for `idleMs`:
 * `close()` the model when done, or use {@link withResponsesWebSocketSession}.
 *
 * Source: https://developers.openai.com/api/docs/guides/websocket-mode, read 2026-11-25.
 *
 * @example
 * ```ts
 * import { Agent, createOpenAIClient, OpenAIResponsesWSModel } from '@baton/agents';
 *
 * const model = new OpenAIResponsesWSModel(createOpenAIClient(), 'gpt-5.4');
 * const agent = new Agent({ name: 'Coder', model });
 * await model.close();
 * ```
 */
export class OpenAIResponsesWSModel extends OpenAIResponsesModel {
  readonly #close: () => Promise<void>;

  /** @throws UserError for a client whose address and key cannot be read */
  constructor(
    client: Pick<OpenAIClient, 'responses'>,
    model: string,
    { websocketBaseURL, reuseConnection = true, websocketOptions, ...identity }: OpenAIResponsesWSModelOptions = {},
  ) {
    const options = reuseConnection ? { ...websocketOptions } : { ...websocketOptions, idleMs: 0 };
    let sockets: Promise<SocketFetch> | undefined;
    const fetch: Fetch = async (url, init) => {
      sockets ??= import('./fetch.ts').then((late) =>
        late.socketFetch(options, (...args) => globalThis.fetch(...args)),
      );
      return (await sockets).fetch(url, init);
    };
    super(clientOver(client, fetch, websocketBaseURL ?? env('OPENAI_WEBSOCKET_BASE_URL')), model, identity);
    this.#close = async () => (await sockets)?.close();
  }

  /** Closes its connections. It can be asked again: then it opens new ones. */
  close(): Promise<void> {
    return this.#close();
  }
}

/** A client like the given one that asks through another `fetch`. */
function clientOver(client: object, fetch: Fetch, baseURL: string | undefined): OpenAIClient {
  const ours = over in client ? (client as OpenAIClient)[over] : undefined;
  if (ours) return ours(fetch, baseURL);
  const given = client as Record<string, unknown>;
  const text = (name: string): string | undefined => (typeof given[name] === 'string' ? given[name] : undefined);
  const apiKey = text('apiKey');
  const address = baseURL ?? text('baseURL');
  if (!apiKey || !address) {
    throw new UserError(
      'OpenAIResponsesWSModel needs the address and the key of its client, and this one shows none. ' +
        'Pass createOpenAIClient({ apiKey, baseURL }) or new OpenAI({ apiKey }).',
    );
  }
  return createOpenAIClient({
    apiKey,
    baseURL: address,
    organization: text('organization'),
    project: text('project'),
    fetch,
  });
}
