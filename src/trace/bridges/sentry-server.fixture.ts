/** A Sentry on loopback that keeps the envelopes it gets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export type SentrySpan = {
  trace_id: string;
  span_id: string;
  parent_span_id?: string;
  name: string;
  status: string;
  start_timestamp: number;
  end_timestamp: number;
  attributes: Record<string, { value: unknown }>;
};
export type SentryEventReceived = {
  level?: string;
  exception?: { values: { type: string; value: string }[] };
  contexts: { trace: { trace_id: string; span_id: string }; baton?: Record<string, string> };
  tags?: Record<string, string>;
};

export type SentryServer = {
  readonly dsn: string;
  readonly spans: SentrySpan[];
  readonly events: SentryEventReceived[];
  /** All that came, as it came. */
  readonly raw: string[];
  clear: () => void;
  close: () => Promise<void>;
};

export async function startSentryServer(): Promise<SentryServer> {
  const spans: SentrySpan[] = [];
  const events: SentryEventReceived[] = [];
  const raw: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
      raw.push(text);
      const lines = text.split('\n').filter((line) => line !== '');
      // The envelope's header, then a header and a payload an item.
      for (let n = 1; n + 1 < lines.length; n += 2) {
        const { type } = JSON.parse(lines[n] ?? '') as { type: string };
        const payload: unknown = JSON.parse(lines[n + 1] ?? '');
        if (type === 'span') spans.push(...(payload as { items: SentrySpan[] }).items);
        if (type === 'event') events.push(payload as SentryEventReceived);
      }
      response.end('{}');
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // It listens on a port, and on no pipe.
  const { port } = server.address() as AddressInfo;
  return {
    dsn: `http://public@127.0.0.1:${port}/1`,
    spans,
    events,
    raw,
    clear: () => {
      spans.length = 0;
      events.length = 0;
      raw.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
