/** A proxy on loopback that can cut connections, or swallow what passes, as a broken network does. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

export type Proxy = {
  /** `url` with the proxy's host and port. */
  readonly url: string;
  /** Ends all connections; new ones are let through. */
  readonly cut: () => void;
  /** From now on nothing passes, and nobody is told. Calling it again with false lets new connections through. */
  readonly swallow: (on: boolean) => void;
  /** Cuts the connections as soon as the server has been asked something more, so that its answer never arrives. */
  readonly cutAfterNextRequest: () => void;
  readonly close: () => Promise<void>;
};

export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isSwallowing = false;
  let cutsNext = false;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('data', (data) => {
        if (isSwallowing) return;
        if (cutsNext && from === upstream) {
          cutsNext = false;
          cut();
          return;
        }
        to.write(data);
      });
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(target);
  url.port = String(typeof address === 'object' && address ? address.port : 0);
  return {
    url: url.href,
    cut,
    swallow: (on) => {
      isSwallowing = on;
      if (!on) cut();
    },
    cutAfterNextRequest: () => (cutsNext = true),
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
