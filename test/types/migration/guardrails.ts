import {
  Agent,
  defineOutputGuardrail,
  defineToolInputGuardrail,
  defineToolOutputGuardrail,
  type GuardrailFunctionOutput,
  type InputGuardrail,
  InputGuardrailTripwireTriggered,
  type OutputGuardrail,
  OutputGuardrailTripwireTriggered,
  run,
  Runner,
  tool,
  ToolGuardrailFunctionOutputFactory,
} from '@openai/agents';
import { z } from 'zod';

const Reply = z.object({ reasoning: z.string(), response: z.string(), phone: z.string().nullable() });

const judge = new Agent({
  name: 'Judge',
  instructions: 'Is this homework?',
  outputType: z.object({ isHomework: z.boolean(), reasoning: z.string() }),
});

const noHomework: InputGuardrail = {
  name: 'No homework',
  runInParallel: false,
  execute: async ({ input, context }) => {
    const result = await run(judge, input, { context });
    return { outputInfo: result.finalOutput, tripwireTriggered: result.finalOutput?.isHomework ?? false };
  },
};

const noPhone: OutputGuardrail<typeof Reply> = {
  name: 'No phone number',
  execute: async ({ agentOutput, details }) => {
    const found = agentOutput.phone !== null || agentOutput.response.includes('650');
    return { outputInfo: { found, model: details?.modelResponse?.responseId }, tripwireTriggered: found };
  },
};

const short = defineOutputGuardrail({
  name: 'Short',
  execute: async ({ agentOutput }): Promise<GuardrailFunctionOutput> => ({
    tripwireTriggered: agentOutput.length > 500,
    outputInfo: { length: agentOutput.length },
  }),
});

const noSecrets = defineToolInputGuardrail({
  name: 'no_secrets',
  run: async ({ toolCall }) =>
    toolCall.arguments.includes('sk-')
      ? ToolGuardrailFunctionOutputFactory.rejectContent('Remove the secret.')
      : ToolGuardrailFunctionOutputFactory.allow(),
});
const noEmails = defineToolOutputGuardrail({
  name: 'no_emails',
  run: async ({ output, agent }) =>
    String(output).includes('@')
      ? ToolGuardrailFunctionOutputFactory.throwException({ agent: agent.name })
      : ToolGuardrailFunctionOutputFactory.allow({ checked: true }),
});

const classify = tool({
  name: 'classify_text',
  description: 'Classifies.',
  parameters: z.object({ text: z.string() }),
  inputGuardrails: [noSecrets],
  outputGuardrails: [noEmails],
  execute: ({ text }) => `length:${text.length}`,
});

export const support = new Agent({
  name: 'Support',
  instructions: 'Help.',
  inputGuardrails: [noHomework],
  outputGuardrails: [noPhone],
  outputType: Reply,
  tools: [classify],
});
export const texts = new Agent({ name: 'Texts', instructions: 'Help.' });

export async function main(): Promise<void> {
  try {
    const result = await run(support, 'Solve 2x = 3');
    console.log(result.finalOutput?.response, result.inputGuardrailResults.length);
    for (const { guardrail, output } of result.toolInputGuardrailResults) console.log(guardrail.name, output.behavior);
  } catch (error) {
    if (error instanceof InputGuardrailTripwireTriggered) {
      console.log(error.message, error.result.guardrail.name, error.result.output.outputInfo);
    } else if (error instanceof OutputGuardrailTripwireTriggered) {
      console.log(error.result.agent.name, error.result.output.tripwireTriggered);
    } else throw error;
  }
  // What a run was given goes on after a guardrail failed.
  try {
    await run(texts, 'Hi');
  } catch (error) {
    if (error instanceof InputGuardrailTripwireTriggered && error.state) {
      const again = await run(texts, error.state);
      console.log(again.finalOutput);
    }
  }
  const runner = new Runner({ inputGuardrails: [noHomework] });
  const { finalOutput } = await runner.run(texts, 'Hi');
  console.log(
    finalOutput?.length,
    short.name,
    (await short.run({ agent: texts, agentOutput: '', context: runner as never })).output,
  );
}
