import { expect, test } from 'vitest';
import {
  Agent,
  defineToolInputGuardrail,
  handoff,
  run,
  ToolGuardrailFunctionOutputFactory as verdict,
} from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';

/** A desk that hands over to an expert. */
function desk(): { transfer: ReturnType<typeof handoff>; agent: Agent } {
  const expert = new Agent({ name: 'Expert', model: new ScriptedModel([[assistantMessage('from the expert')]]) });
  const transfer = handoff(expert);
  const model = new ScriptedModel([
    [functionCall('transfer_to_Expert', {}, { callId: 'c1' })],
    [assistantMessage('from the desk')],
  ]);
  return { transfer, agent: new Agent({ name: 'Desk', handoffs: [transfer], model }) };
}

test('a guardrail that a handoff is given after it was made has its say', async () => {
  const { transfer, agent } = desk();
  const closed = defineToolInputGuardrail({ name: 'hours', run: async () => verdict.rejectContent('We are closed.') });
  transfer.inputGuardrails = [closed];
  const result = await run(agent, 'I need an expert.');
  expect(result.finalOutput).toBe('from the desk');
  expect(JSON.stringify(result.history)).toContain('We are closed.');
});

test('a filter that a handoff is given after it was made filters', async () => {
  const { transfer, agent } = desk();
  transfer.inputFilter = (data) => ({ ...data, inputHistory: 'rewritten' });
  const result = await run(agent, 'I need an expert.');
  expect(result.finalOutput).toBe('from the expert');
  expect(result.input).toBe('rewritten');
});
