/** One agent decides who is responsible and hands the conversation over. Run it: `npx node examples/triage/main.ts` */
import '../shared/model.ts';
import { Agent, handoff, run, tool } from '@baton/agents';
import { z } from 'zod';

const lookUpInvoice = tool({
  name: 'look_up_invoice',
  description: 'Finds an invoice by its number.',
  parameters: z.object({ invoice: z.string() }),
  execute: async ({ invoice }) => ({ invoice, amount: 49, currency: 'EUR', due: '2026-03-01', paid: true }),
});

const refundOrder = tool({
  name: 'refund_order',
  description: 'Pays back an order.',
  parameters: z.object({ order: z.string(), reason: z.string() }),
  execute: async ({ order }) => `Order ${order} is refunded. The money arrives within 3 days.`,
});

const billing = new Agent({
  name: 'Billing',
  instructions: 'You explain invoices and payments. Look invoices up before you answer.',
  handoffDescription: 'Questions about invoices, payments and prices.',
  tools: [lookUpInvoice],
});

const refund = new Agent({
  name: 'Refund',
  instructions: 'You refund orders. Say what you did in one sentence.',
  tools: [refundOrder],
});

const triage = new Agent({
  name: 'Triage',
  instructions: 'Find out what the customer needs and hand over to the right agent. Do not answer yourself.',
  handoffs: [
    billing,
    // A handoff can say more than its agent: a description for this place, a callback, a filter.
    handoff(refund, {
      handoffDescription: 'Customers who want their money back.',
      onHandoff: () => console.log('→ handed over to Refund'),
    }),
  ],
});

// model calls: transfer_to_Refund
// model calls: refund_order {"order":"1042","reason":"The headphones are broken."}
// model says: I have refunded order 1042; the money arrives within 3 days.
const result = await run(triage, 'My headphones arrived broken, I want my money back. Order 1042.');

console.log(result.finalOutput);
console.log(`Last agent: ${result.lastAgent?.name}`);
