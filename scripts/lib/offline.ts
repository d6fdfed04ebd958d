/**
 * Import this file and the process reaches loopback only: any other connection fails, with a message that says why.
 *
 * Used by the tests, the examples and the code of the documentation. Local pipes and sockets stay open.
 */
import { Socket } from 'node:net';

/** Whether a host is this machine. An absent host means localhost to Node. */
export function isLoopback(host: string | undefined): boolean {
  if (host === undefined || host === '') return true;
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(name);
}

/** The error of a connection that is not allowed. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError';
  constructor(host: string) {
    super(`"${host}" is not this machine. Tests, examples and docs reach loopback only: use a scripted model.`);
  }
}

/** The host in the arguments of `socket.connect`; undefined for a pipe, a path or the default host. */
function hostOf(args: readonly unknown[]): string | undefined {
  // net.connect() hands on its own arguments as one array.
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === 'object' && first !== null) {
    if ('path' in first && first.path) return undefined;
    return 'host' in first && typeof first.host === 'string' ? first.host : undefined;
  }
  return typeof second === 'string' ? second : undefined;
}

function guard(): void {
  // oxlint-disable-next-line typescript/unbound-method -- the proxy hands `this` on
  Socket.prototype.connect = new Proxy(Socket.prototype.connect, {
    apply: (connect, socket, args): unknown => {
      const host = hostOf(args);
      if (!isLoopback(host)) throw new OfflineError(String(host));
      return Reflect.apply(connect, socket, args);
    },
  });
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const { hostname, protocol } = new URL(input instanceof Request ? input.url : input);
    if (protocol.startsWith('http') && !isLoopback(hostname)) throw new OfflineError(hostname);
    return fetch(input, init);
  };
}

guard();
