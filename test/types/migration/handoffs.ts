import {
  Agent,
  getTransferMessage,
  Handoff,
  handoff,
  type HandoffInputData,
  run,
  type RunContext,
} from '@openai/agents';
import { z } from 'zod';

interface Customer {
  id: string;
  escalations: string[];
}

const Refund = z.object({ amount: z.number(), reason: z.string() });
const Invoice = z.object({ number: z.string(), lines: z.array(z.object({ label: z.string(), cents: z.number() })) });
const Escalation = z.object({ reason: z.string(), urgent: z.boolean() });

const billing = new Agent<Customer, typeof Invoice>({
  name: 'Billing',
  instructions: (context) => `Billing for ${context.context.id}.`,
  handoffDescription: 'Invoices.',
  outputType: Invoice,
});
const refunds = new Agent({ name: 'Refunds', instructions: 'Refunds.', outputType: Refund });
const human = new Agent<Customer>({ name: 'Human', instructions: 'Be kind.' });

function onlyNew(data: HandoffInputData): HandoffInputData {
  return { ...data, inputHistory: [], preHandoffItems: data.preHandoffItems.slice(-2) };
}

const escalate = handoff(human, {
  toolNameOverride: 'escalate',
  toolDescriptionOverride: 'Ask a person.',
  inputType: Escalation,
  onHandoff: async (context: RunContext<Customer>, input) => {
    context.context.escalations.push(input?.reason ?? 'unknown');
    if (input?.urgent) console.log('urgent');
  },
  inputFilter: onlyNew,
  isEnabled: true,
});
const logged = handoff(refunds, { onHandoff: () => console.log('refund') });
const gated = handoff(refunds, {
  isEnabled: async ({ runContext, agent }) => !!runContext.context && agent.name !== '',
});

export const triage = Agent.create({
  name: 'Triage',
  instructions: 'Route.',
  handoffs: [billing, logged],
});
export const plainTriage = new Agent<Customer>({
  name: 'Plain triage',
  instructions: 'Route.',
  handoffs: [human, escalate, handoff(human)],
  handoffOutputTypeWarningEnabled: false,
});
export const untyped = new Agent({ name: 'Untyped', instructions: 'Route.', handoffs: [billing, refunds, human] });

// A later handoff closes the circle.
human.handoffs.push(plainTriage);

export async function main(): Promise<void> {
  const { finalOutput } = await run(triage, 'I want my money back.', { context: { id: 'c', escalations: [] } });
  if (typeof finalOutput === 'string') console.log(finalOutput.length);
  else if (finalOutput && 'amount' in finalOutput) console.log(finalOutput.amount.toFixed(2), finalOutput.reason);
  else if (finalOutput) console.log(finalOutput.lines.map(({ cents }) => cents));

  const result = await run(plainTriage, 'Help', { context: { id: 'c', escalations: [] } });
  for (const item of result.newItems) {
    if (item.type === 'handoff_output_item') console.log(item.sourceAgent.name, '->', item.targetAgent.name);
  }
  const made: Handoff<Customer> = escalate.clone({ toolName: 'transfer_to_human' });
  console.log(getTransferMessage(human), made.toolDescription, gated instanceof Handoff, escalate.agent.name);
}
