/** A tool call waits for a person, as long as it takes: the run is a file. Run it: `npx node examples/approvals/main.ts` */
import '../shared/model.ts';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, run, RunState, tool } from '@baton/agents';
import { z } from 'zod';

const refundOrder = tool({
  name: 'refund_order',
  description: 'Pays back an order.',
  parameters: z.object({ order: z.string(), amount: z.number() }),
  // Small amounts need nobody's approval.
  needsApproval: async (_context, { amount }) => amount > 50,
  execute: async ({ order, amount }) => `Refunded ${amount} EUR for order ${order}.`,
});

const agent = new Agent({ name: 'Refund', instructions: 'You refund orders.', tools: [refundOrder] });

const folder = await mkdtemp(join(tmpdir(), 'approvals-'));
const file = join(folder, 'run.json');

// One process asks …
// model calls: refund_order {"order":"1042","amount":120}
const asked = await run(agent, 'Refund order 1042 over 120 EUR, please.');
for (const { agent: who, name, arguments: args } of asked.interruptions)
  console.log(`${who.name} wants ${name}(${args})`);
await writeFile(file, asked.state.toString());

// … and another one, later, decides and goes on. Nothing that was done is done again.
const state = await RunState.fromString(agent, await readFile(file, 'utf8'));
for (const item of state.getInterruptions()) state.approve(item);
// model says: I have refunded 120 EUR for order 1042.
const approved = await run(agent, state);
console.log(approved.finalOutput);

// A refusal is told to the model, in your words.
// model calls: refund_order {"order":"1043","amount":900}
const second = await run(agent, 'Refund order 1043 over 900 EUR, too.');
for (const item of second.interruptions) second.state.reject(item, { message: 'Too much: at most 500 EUR.' });
// model says: I am sorry, I may refund 500 EUR at most.
const refused = await run(agent, second.state);
console.log(refused.finalOutput);

await rm(folder, { recursive: true });
