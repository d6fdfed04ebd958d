/** What both processes have in common: the agent, the airline's ledger, the store. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, RunStore, sqliteLog, tool } from '@baton/agents';
import { z } from 'zod';

/** Given by main.ts: a folder for the database and the ledger. */
export const folder = process.env['DURABLE_FOLDER'] ?? '.';
const ledger = join(folder, 'airline.txt');

/** The airline's books: it remembers the key of each booking. */
export const bookings = async (): Promise<string[]> =>
  (await readFile(ledger, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

const bookFlight = tool({
  name: 'book_flight',
  description: 'Books a flight. Costs money.',
  parameters: z.object({ flight: z.string() }),
  // Must not happen twice: that it begins is written down before it does, and a crash leaves a question, not a repeat.
  effect: 'once',
  async execute({ flight }, _context, details) {
    await appendFile(ledger, `${flight} ${details?.idempotencyKey}\n`);
    // The plug is pulled here: the flight is booked, and nobody here knows.
    if (process.env['DURABLE_CRASH']) process.kill(process.pid, 'SIGKILL');
    return `Flight ${flight} is booked.`;
  },
});

export const desk = new Agent({ name: 'Desk', instructions: 'You book flights.', tools: [bookFlight] });

export const newStore = (): RunStore =>
  new RunStore({ log: sqliteLog({ path: join(folder, 'runs.db') }), agents: [desk], leaseMs: 2000 });
