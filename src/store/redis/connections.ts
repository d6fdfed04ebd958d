/**
 * Connections to Redis: those that this package makes, one client for all stores of a process with the same URL, and
 * those that a user hands in.
 */
import { UserError } from '../../protocol/errors.ts';
import { timerMs } from '../../protocol/timers.ts';
import { NotConnected, Silence, within } from '../deadline.ts';
import type { Deadline } from '../deadline.ts';

/** What is needed of a client of `redis`, or of anything that sends a command and resolves with its reply. */
export interface RedisClient {
  sendCommand(args: string[]): Promise<unknown>;
}

export type Link = {
  /** Changes with the server that it leads to: what was found out about the old one holds no more. */
  readonly server: () => object;
  /** @throws NotConnected; Silence; what Redis says */
  readonly send: (deadline: Deadline, args: string[]) => Promise<unknown>;
  readonly release: () => Promise<void>;
};

type NodeRedis = RedisClient & {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  destroy(): void;
  ref(): void;
  unref(): void;
  on(event: string, listener: (error: Error) => void): unknown;
};

type Shared = { readonly link: OwnLink; users: number };

/** Clients by URL: two hundred stores must not be two hundred connections. */
const links = new Map<string, Shared>();

/** @param kind who asks, for the message of a package that is missing */
export function ownLink(url: string, kind: string): Link {
  const shared = links.get(url) ?? { link: new OwnLink(url, kind), users: 0 };
  links.set(url, shared);
  shared.users += 1;
  return {
    server: () => shared.link.server,
    send: (deadline, args) => shared.link.send(deadline, args),
    release: async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      links.delete(url);
      shared.link.drop();
    },
  };
}

/** A client of the user's connects, waits and ends as the user has set it. */
export function linkOf(client: RedisClient): Link {
  return {
    server: () => client,
    send: (deadline, args) => within(deadline, client.sendCommand(args)),
    release: async () => undefined,
  };
}

/** Answers to a password or to rights; waiting does not mend them. */
export const DENIED = /^(WRONGPASS|NOAUTH|NOPERM|ERR (invalid password|AUTH|Client sent AUTH))/;

class OwnLink {
  server: object = {};
  readonly #url: string;
  readonly #kind: string;
  #client: Promise<NodeRedis> | undefined;
  #failure: Error | undefined;
  #pending = 0;
  readonly #waiting = new Set<() => void>();

  constructor(url: string, kind: string) {
    this.#url = url;
    this.#kind = kind;
  }

  async send(deadline: Deadline, args: string[]): Promise<unknown> {
    const creating = (this.#client ??= this.#create());
    const client = await creating;
    // The connection does not keep the process alive unless an answer is due.
    if (this.#pending++ === 0) client.ref();
    try {
      await this.#ready(client, deadline);
      return await within(deadline, client.sendCommand(args));
    } catch (error) {
      // The answers to what comes next would wait behind this one.
      if (error instanceof Silence && this.#client === creating) this.drop();
      throw error;
    } finally {
      if (--this.#pending === 0) client.unref();
    }
  }

  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#failure = undefined;
    client?.then(
      (one) => one.destroy(),
      () => undefined,
    );
  }

  async #create(): Promise<NodeRedis> {
    const redis = await loadRedis(this.#kind);
    const reconnectStrategy = (tries: number): number => Math.min(500, 20 * 2 ** Math.min(tries, 10));
    const client: NodeRedis = redis.createClient({
      url: this.#url,
      // What was not sent must fail, so that it is known not to have happened.
      disableOfflineQueue: true,
      socket: { connectTimeout: 10_000, reconnectStrategy },
    });
    client.on('error', (error) => (this.#failure = error));
    client.on('ready', () => {
      this.#failure = undefined;
      this.server = {};
      for (const wake of this.#waiting) wake();
    });
    client.connect().catch((error: unknown) => (this.#failure = error instanceof Error ? error : undefined));
    return client;
  }

  async #ready(client: NodeRedis, deadline: Deadline): Promise<void> {
    while (!client.isReady) {
      const failure = this.#failure;
      if (failure && DENIED.test(failure.message)) {
        this.drop();
        throw new NotConnected(failure.message, { cause: failure });
      }
      if (performance.now() >= deadline.at) throw new NotConnected(failure?.message ?? 'no answer', { cause: failure });
      // A failure is no event of its own, so it is looked at now and then.
      await this.#readyWithin(Math.min(20, deadline.at - performance.now()));
    }
  }

  #readyWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timerMs(ms));
      this.#waiting.add(wake);
    });
  }
}

async function loadRedis(kind: string): Promise<{ createClient(options: object): NodeRedis }> {
  try {
    // Of its many types this file needs what NodeRedis names.
    return (await import('redis')) as unknown as { createClient(options: object): NodeRedis };
  } catch (cause) {
    const message = `${kind} needs the package redis. Run "npm install redis", or pass a \`client\` of your own.`;
    throw Object.assign(new UserError(message), { cause });
  }
}
