/** The stock analyst: two prices at once from a web service, which runs on this machine, and a sub-agent for a headline. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Agent, tool } from '@baton/agents';
import { z } from 'zod';

const Quote = z.object({ symbol: z.string(), price: z.number(), currency: z.string(), changePercent: z.number() });
type Quote = z.infer<typeof Quote>;

const quotes: readonly Quote[] = [
  { symbol: 'ACME', price: 182.4, currency: 'USD', changePercent: 2.3 },
  { symbol: 'GLOBEX', price: 41.05, currency: 'USD', changePercent: -1.1 },
];

/** Answers `GET /quote?symbol=ACME` on loopback, as slowly as services do. */
async function startQuotes(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const symbol = new URL(request.url ?? '/', 'http://localhost').searchParams.get('symbol');
    const quote = quotes.find((each) => each.symbol === symbol);
    setTimeout(() => {
      response.writeHead(quote ? 200 : 404, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(quote ?? { error: `no stock ${symbol}` }));
    }, 250);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The quote service has no port.');
  return { url: `http://127.0.0.1:${address.port}`, close: () => void server.close() };
}

export async function stockAnalyst(): Promise<{ analyst: Agent; close(): void }> {
  const service = await startQuotes();
  const getQuote = tool({
    name: 'get_quote',
    description: 'The price of a stock now, and its change since yesterday.',
    parameters: z.object({ symbol: z.string().describe('Ticker symbol in capitals') }),
    timeoutMs: 5_000,
    effect: 'read',
    // A value comes back, checked and typed; the model gets it as JSON.
    execute: async ({ symbol }, _context, details): Promise<Quote> => {
      const url = `${service.url}/quote?symbol=${encodeURIComponent(symbol)}`;
      const response = await fetch(url, { signal: details?.signal });
      if (!response.ok) throw new Error(`no stock "${symbol}"`);
      return Quote.parse(await response.json());
    },
    errorFunction: (_context, error) => `Failed: ${error instanceof Error ? error.message : String(error)}`,
  });
  const editor = new Agent({
    name: 'Headline editor',
    instructions: 'Write one newspaper headline of at most ten words for what you are told. Nothing else.',
  });
  const analyst = new Agent({
    name: 'Stock analyst',
    instructions:
      'Get the quotes of all stocks in question at once, then have write_headline make a headline of your findings, ' +
      'then answer: the headline, and one sentence with the numbers.',
    tools: [
      getQuote,
      editor.asTool({ toolName: 'write_headline', toolDescription: 'Writes a headline.', forwardEvents: true }),
    ],
  });
  return { analyst, close: service.close };
}
