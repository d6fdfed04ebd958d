/** The support desk: triage hands over to billing or refund; a refund needs a person; off-topic questions are stopped. */
import { Agent, type InputGuardrail, run, tool } from '@baton/agents';
import { z } from 'zod';
import { remembered } from './keep.ts';

type Order = { item: string; paid: number; status: 'delivered' | 'refunded' };
type Orders = Record<string, Order>;
const ORDERS: Orders = {
  '1042': { item: 'wireless headphones', paid: 129, status: 'delivered' },
  '1043': { item: 'coffee grinder', paid: 64, status: 'delivered' },
};

const orderNumber = z.object({ order: z.string().describe('Order number, four digits') });

/** The shop's system, as far as agents reach it. */
function shopTools(orders: Orders, save: () => void) {
  const findOrder = tool({
    name: 'find_order',
    description: 'What was ordered, what was paid, and what became of it.',
    parameters: orderNumber,
    effect: 'read',
    execute: async ({ order }) => orders[order] ?? `There is no order ${order}.`,
  });
  const findPayment = tool({
    name: 'find_payment',
    description: 'Payments and refunds of an order.',
    parameters: orderNumber,
    effect: 'read',
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
  const refunded = (amount: number, order: string): string =>
    `Refunded ${amount} EUR for order ${order}. The money arrives within 3 days.`;
  const refundOrder = tool({
    name: 'refund_order',
    description: 'Pays an order back to the customer.',
    parameters: orderNumber.extend({ amount: z.number().describe('EUR') }),
    needsApproval: true,
    // Must not happen twice. After a crash the shop itself can say whether it did.
    effect: 'once',
    reconcile: async ({ input: { order, amount } }) =>
      orders[order]?.status === 'refunded' ? { happened: true, output: refunded(amount, order) } : { happened: false },
    execute: async ({ order, amount }) => {
      const found = orders[order];
      if (!found || amount > found.paid) return `Order ${order} cannot be refunded with ${amount} EUR.`;
      found.status = 'refunded';
      save();
      return refunded(amount, order);
    },
  });
  return { findOrder, findPayment, refundOrder };
}

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

type DeskOptions = {
  /** May wrap the guardrail. */
  watch: (guardrail: InputGuardrail) => InputGuardrail;
  /** Whether an earlier demo goes on: then its refunds have happened. */
  again: boolean;
};

/** The agent that customers meet. */
export function supportDesk({ watch, again }: DeskOptions): Agent {
  const { value, save } = remembered('orders', { fresh: structuredClone(ORDERS), again });
  const { findOrder, findPayment, refundOrder } = shopTools(value, save);
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
