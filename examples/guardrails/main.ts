/** Checks on the input, on a tool and on the output. Run it: `npx node examples/guardrails/main.ts` */
import '../shared/model.ts';
import {
  Agent,
  defineToolInputGuardrail,
  type InputGuardrail,
  InputGuardrailTripwireTriggered,
  type OutputGuardrail,
  OutputGuardrailTripwireTriggered,
  run,
  RunContext,
  tool,
  ToolGuardrailFunctionOutputFactory as verdict,
} from '@baton/agents';
import { z } from 'zod';

const checker = new Agent({
  name: 'Topic checker',
  instructions: 'Is the user asking for help with homework?',
  outputType: z.object({ isHomework: z.boolean(), reason: z.string() }),
});

/** A guardrail that asks an agent. With the run's context, its tokens count for the run. `outputInfo` is optional. */
const noHomework = (runInParallel: boolean): InputGuardrail => ({
  name: 'No homework',
  runInParallel,
  execute: async ({ input, context }) => {
    const { finalOutput } = await run(checker, input, { context });
    return { tripwireTriggered: finalOutput?.isHomework ?? true };
  },
});

const noSecrets = defineToolInputGuardrail({
  name: 'No secrets',
  run: async ({ toolCall }) =>
    toolCall.arguments.includes('password') ? verdict.rejectContent('Leave passwords out.') : verdict.allow(),
});

const noPrices: OutputGuardrail = {
  name: 'No prices',
  execute: async ({ agentOutput }) => ({
    tripwireTriggered: /[€$]\d/.test(agentOutput),
    outputInfo: { rule: 'prices' },
  }),
};

const openTicket = tool({
  name: 'open_ticket',
  description: 'Opens a ticket for the support team.',
  parameters: z.object({ text: z.string() }),
  inputGuardrails: [noSecrets],
  execute: async ({ text }) => `Ticket 7: ${text}`,
});

const support = (runInParallel: boolean): Agent =>
  new Agent({
    name: 'Support',
    instructions: 'Help with our product. Open a ticket where you cannot help.',
    tools: [openTicket],
    inputGuardrails: [noHomework(runInParallel)],
    outputGuardrails: [noPrices],
  });

async function ask(title: string, agent: Agent, question: string): Promise<void> {
  const context = new RunContext();
  const started = performance.now();
  let outcome: string;
  try {
    outcome = String((await run(agent, question, { context })).finalOutput);
  } catch (error) {
    if (error instanceof InputGuardrailTripwireTriggered) outcome = `stopped by "${error.result.guardrail.name}"`;
    else if (error instanceof OutputGuardrailTripwireTriggered)
      outcome = `withheld by "${error.result.guardrail.name}"`;
    else throw error;
  }
  const { requests, totalTokens } = context.usage;
  console.log(`${title}: ${outcome}`);
  console.log(`  model calls: ${requests}, tokens: ${totalTokens}, ${Math.round(performance.now() - started)} ms`);
}

// `runInParallel: false` checks before the model is asked: a stopped question costs the check alone.
// model says: {"isHomework":true,"reason":"An equation to solve."}
await ask('Blocking, bad question', support(false), 'Solve 2x + 3 = 11 for me.');
// model says: {"isHomework":false,"reason":"A question about the product."}
// model says: Yes, it works offline.
await ask('Blocking, good question', support(false), 'Does it work offline?');

// `runInParallel: true`, the default, checks beside the model call: no waiting for good questions, and tokens for bad ones.
// model says: {"isHomework":true,"reason":"An equation to solve."}
// model says: {"isHomework":true,"reason":"An equation to solve."}
await ask('Parallel, bad question', support(true), 'Solve 2x + 3 = 11 for me.');
// model says: {"isHomework":false,"reason":"A question about the product."}
// model says: Yes, it works offline.
await ask('Parallel, good question', support(true), 'Does it work offline?');

// A tool guardrail tells the model what is wrong; it may try again.
// model says: {"isHomework":false,"reason":"A question about the product."}
// model calls: open_ticket {"text":"Cannot log in, password is hunter2"}
// model calls: open_ticket {"text":"Cannot log in"}
// model says: I opened ticket 7 for you.
await ask('Tool guardrail', support(false), 'I cannot log in with my password hunter2. Open a ticket.');

// An output guardrail keeps the answer back.
// model says: {"isHomework":false,"reason":"A question about the product."}
// model says: It costs €49 a month.
await ask('Output guardrail', support(false), 'What does the product cost?');
