import { Agent, Runner, tool } from '@openai/agents';
import {
  assistantMessage,
  functionCall,
  modelError,
  modelResponder,
  modelResponse,
  ScriptedModel,
} from '@openai/agents/testing';
import { z } from 'zod';

const add = tool({
  name: 'add',
  description: 'Adds.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => a + b,
});

export async function main(): Promise<void> {
  const model = new ScriptedModel([
    [functionCall('add', { a: 1, b: 2 }, { callId: 'call_1' })],
    modelResponse([assistantMessage('3', { id: 'msg_1' })]),
    modelResponder(({ request }) => [assistantMessage(String(request.input.length))]),
    modelError(new Error('down')),
  ]);
  const runner = new Runner({ model });
  const result = await runner.run(new Agent({ name: 'Adder', instructions: 'Add.', tools: [add] }), '1 + 2');
  console.log(result.finalOutput, model.calls[0]?.request.tools.length);
  model.assertComplete();
}
