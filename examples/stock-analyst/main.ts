/** A tool that asks a web service and returns a value, not a text. Run it: `npx node examples/stock-analyst/main.ts` */
import '../shared/model.ts';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Agent, run, tool } from '@baton/agents';
import { z } from 'zod';

// A stand-in for the quote service of your choice, on this machine.
const quotes: Record<string, object> = {
  ACME: { symbol: 'ACME', price: 182.4, currency: 'USD', change: 2.3, volume: 1_204_000 },
  GLOBEX: { symbol: 'GLOBEX', price: 41.05, currency: 'USD', change: -1.1, volume: 388_000 },
};
const server = createServer((request, response) => {
  const quote = quotes[new URL(request.url ?? '/', 'http://localhost').searchParams.get('symbol') ?? ''];
  response.writeHead(quote ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(quote ?? { error: 'unknown symbol' }));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const port = typeof address === 'object' ? address?.port : 0;

const Quote = z.object({
  symbol: z.string(),
  price: z.number(),
  currency: z.string(),
  change: z.number().describe('Change since yesterday in percent'),
  volume: z.number(),
});

const getStockPrice = tool({
  name: 'get_stock_price',
  description: 'The price of a stock now, with its change since yesterday.',
  parameters: z.object({ symbol: z.string().describe('Ticker symbol, such as ACME') }),
  timeoutMs: 5_000,
  execute: async ({ symbol }, _context, details) => {
    const url = `http://127.0.0.1:${port}/quote?symbol=${encodeURIComponent(symbol)}`;
    const response = await fetch(url, { signal: details?.signal });
    if (!response.ok) throw new Error(`There is no stock "${symbol}".`);
    return Quote.parse(await response.json());
  },
  errorFunction: (_context, error) => `Not found: ${error instanceof Error ? error.message : String(error)}`,
});

const analyst = new Agent({
  name: 'Stock analyst',
  instructions: 'Compare stocks by their prices and changes. Use get_stock_price for each. No investment advice.',
  tools: [getStockPrice],
});

// model calls: get_stock_price {"symbol":"ACME"}
// model calls: get_stock_price {"symbol":"GLOBEX"}
// model says: ACME is at 182.40 USD, up 2.3 %. GLOBEX is at 41.05 USD, down 1.1 %. ACME did better today.
const result = await run(analyst, 'How do ACME and GLOBEX do today?');

for (const item of result.newItems) {
  // While the process lives, `output` is the value that the tool returned; the model gets it as JSON.
  if (item.type === 'tool_call_output_item') console.log(Quote.parse(item.output));
}
console.log(result.finalOutput);
server.close();
