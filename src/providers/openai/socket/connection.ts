/**
 * One WebSocket to a Responses API: opened, then asked one request after the other.
 *
 * Invariants: C1 one request at a time; who leaves before its end closes the connection, because the rest of the answer
 * would be taken for that of the next request. C2 frames come in order, and those before a cut are delivered.
 */
import { UserError } from '../../../protocol/errors.ts';
import { timerMs } from '../../../protocol/timers.ts';

/** A WebSocket as browsers and Node have it. `ping` is what the package `ws` adds. */
export type SocketLike = {
  readonly readyState: number;
  send(data: string): void;
  close(): void;
  addEventListener(type: string, listener: (event: never) => void): void;
  ping?(): void;
  on?(type: 'pong', listener: () => void): void;
};

/** Opens a WebSocket with headers. */
export type OpenSocket = (url: string, headers: Record<string, string>) => SocketLike;

export type ResponsesWebSocketOptions = {
  /** Milliseconds between two pings; needs a `webSocket` that can ping, such as one of the package `ws`. @default none */
  pingIntervalMs?: number | null;
  /** How long a ping may go unanswered until the connection counts as broken. `null`: for ever. @default 20_000 */
  pingTimeoutMs?: number | null;
  /** How long a connection waits for its next request, in milliseconds, before it is closed. @default 60_000 */
  idleMs?: number;
  /** Makes the connections, where there is no global WebSocket or it must go through a proxy. */
  webSocket?: OpenSocket;
};

/** Connections end at the server after 60 minutes: an older one is not asked any more. */
const MAX_AGE_MS = 55 * 60_000;
const OPEN = 1;

/** A failure as `fetch` reports it, so that it is read as one of the network. */
export function networkError(code: string, message: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
}

export class Connection {
  readonly #socket: SocketLike;
  readonly #born = performance.now();
  readonly #frames: string[] = [];
  #wake: (() => void) | undefined;
  #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#wake?.();
  #closed: { reason: string } | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** Whether a request was answered on it before. */
  isUsed = false;

  private constructor(socket: SocketLike) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }: { data: unknown }) => {
      this.#frames.push(textOf(data));
      this.#wake?.();
    });
    socket.addEventListener('close', ({ code = 0, reason = '' }: { code?: number; reason?: string }) =>
      this.#end(`code ${code}${reason && `: ${reason}`}`),
    );
    socket.addEventListener('error', () => this.#end('an error of the connection'));
  }

  /** @throws TypeError as `fetch` does, the signal's reason, or UserError for options that the socket cannot meet */
  static async open(
    { url, headers, signal }: { url: string; headers: Record<string, string>; signal: AbortSignal | undefined },
    options: ResponsesWebSocketOptions,
  ): Promise<Connection> {
    const socket = (options.webSocket ?? globalSocket)(url, headers);
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(refused(url)));
      socket.addEventListener('close', () => reject(refused(url)));
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
    }).catch((error: unknown) => {
      socket.close();
      throw error;
    });
    const connection = new Connection(socket);
    connection.#keepAlive(options);
    return connection;
  }

  get isReusable(): boolean {
    return !this.#closed && this.#socket.readyState === OPEN && performance.now() - this.#born < MAX_AGE_MS;
  }

  /** @param signal ends the waiting for frames of its answer */
  send(text: string, signal: AbortSignal | undefined): void {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
    this.#socket.send(text);
  }

  /** The next frame; `undefined` where the connection ended. @throws the signal's reason */
  async next(): Promise<string | undefined> {
    for (;;) {
      this.#signal?.throwIfAborted();
      const frame = this.#frames.shift();
      if (frame !== undefined || this.#closed) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Why it ended, where it did. */
  get ended(): string | undefined {
    return this.#closed?.reason;
  }

  /** The answer is read. Closes it unless it is asked again within the time. */
  rest(idleMs: number): void {
    this.#release();
    this.#frames.length = 0;
    this.isUsed = true;
    this.#idle = setTimeout(() => this.close(), timerMs(idleMs));
  }

  /** It is asked again. */
  take(): void {
    clearTimeout(this.#idle);
  }

  close(): void {
    this.#end('closed here');
    this.#release();
    this.#socket.close();
  }

  #release(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#signal = undefined;
  }

  #end(reason: string): void {
    this.#closed ??= { reason };
    clearInterval(this.#ping);
    clearTimeout(this.#idle);
    this.#wake?.();
  }

  #keepAlive({ pingIntervalMs, pingTimeoutMs = 20_000 }: ResponsesWebSocketOptions): void {
    if (pingIntervalMs === undefined || pingIntervalMs === null) return;
    const socket = this.#socket;
    if (!socket.ping || !socket.on) {
      this.close();
      throw new UserError(
        `pingIntervalMs is ${pingIntervalMs}, and this WebSocket cannot ping. ` +
          'Pass webSocket: (url, headers) => new WebSocket(url, { headers }) with the WebSocket of the package ws.',
      );
    }
    let unanswered: ReturnType<typeof setTimeout> | undefined;
    socket.on('pong', () => clearTimeout(unanswered));
    this.#ping = setInterval(() => {
      socket.ping?.();
      if (pingTimeoutMs === null) return;
      clearTimeout(unanswered);
      unanswered = setTimeout(() => !this.#closed && this.close(), pingTimeoutMs);
    }, pingIntervalMs);
  }
}

const refused = (url: string): TypeError =>
  networkError('ECONNREFUSED', `No WebSocket could be opened to ${new URL(url).origin}.`);

/** Node's own takes headers as a second argument; those of browsers cannot. */
function globalSocket(url: string, headers: Record<string, string>): SocketLike {
  const { WebSocket } = globalThis as { WebSocket?: new (url: string, options: object) => SocketLike };
  if (!WebSocket) {
    throw new UserError('There is no global WebSocket here. Use Node 22 or newer, or pass `webSocket`.');
  }
  return new WebSocket(url, { headers });
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? new TextDecoder().decode(data) : String(data);
}
