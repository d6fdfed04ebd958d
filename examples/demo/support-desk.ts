/** The support desk: triage hands over to billing or refund; a refund needs a person; off-topic questions are stopped. */
import { Agent, type InputGuardrail, run, tool } from '@baton/agents';
import { z } from 'zod';

type Order = { item: string; paid: number; status: 'delivered' | 'refunded' };
const orders: Record<string, Order> = {
  '1042': { item: 'wireless headphones', paid: 129, status: 'delivered' },
  '1043': { item: 'coffee grinder', paid: 64, status: 'delivered' },
};

const orderNumber = z.object({ order: z.string().describe('Order number, four digits') });

const findOrder = tool({
  name: 'find_order',
  description: 'What was ordered, what was paid, and what became of it.',
  parameters: orderNumber,
  execute: async ({ order }) => orders[order] ?? `There is no order ${order}.`,
});

const findPayment = tool({
  name: 'find_payment',
  description: 'Payments and refunds of an order.',
  parameters: orderNumber,
  execute: async ({ order }) => {
    const found = orders[order];
    if (!found) return `There is no order ${order}.`;
    return {
      paid: found.paid,
      currency: 'EUR',
      ...(found.status === 'refunded' && { refund: found.paid, arrivesInDays: 3 }),
    };
  },
});

const refundOrder = tool({
  name: 'refund_order',
  description: 'Pays an order back to the customer.',
  parameters: orderNumber.extend({ amount: z.number().describe('EUR') }),
  needsApproval: true,
  execute: async ({ order, amount }) => {
    const found = orders[order];
    if (!found || amount > found.paid) return `Order ${order} cannot be refunded with ${amount} EUR.`;
    found.status = 'refunded';
    return `Refunded ${amount} EUR for order ${order}. The money arrives within 3 days.`;
  },
});

/** Runs before anything else: a question that is off topic costs the check and no more. */
function onTopic(): InputGuardrail {
  const checker = new Agent({
    name: 'Topic checker',
    instructions:
      'You check messages to the support desk of an online shop. Messages about orders, deliveries, payments and ' +
      'refunds are on topic, also short questions that follow them up. Everything else is off topic. ' +
      'Judge the newest message.',
    outputType: z.object({ onTopic: z.boolean(), reason: z.string().describe('A few words') }),
  });
  return {
    name: 'On topic',
    runInParallel: false,
    execute: async ({ input }) => {
      const { finalOutput, state } = await run(checker, input);
      const { requests, totalTokens } = state.usage;
      return {
        tripwireTriggered: finalOutput?.onTopic === false,
        outputInfo: { reason: finalOutput?.reason ?? '', requests, totalTokens },
      };
    },
  };
}

const STYLE = 'Answer in one or two short, friendly sentences. Ask nothing back.';

/** The agent that customers meet. `watch` may wrap its guardrail. */
export function supportDesk(watch: (guardrail: InputGuardrail) => InputGuardrail): Agent {
  const billing = new Agent({
    name: 'Billing',
    handoffDescription: 'Questions about payments, amounts and when money arrives.',
    instructions: `You answer questions about payments. Look payments up with find_payment. ${STYLE}`,
    tools: [findPayment],
  });
  const refund = new Agent({
    name: 'Refund',
    handoffDescription: 'Customers who want their money back.',
    instructions:
      'You refund orders. First find the order, then refund what was paid. ' +
      `If you are not allowed to refund, say so and do not try again. ${STYLE}`,
    tools: [findOrder, refundOrder],
  });
  return new Agent({
    name: 'Triage',
    instructions:
      'You are the front desk of an online shop. Hand every message over to the agent for it; never answer.',
    handoffs: [billing, refund],
    inputGuardrails: [watch(onTopic())],
  });
}
