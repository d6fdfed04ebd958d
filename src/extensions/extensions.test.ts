import { expect, test } from 'vitest';
import { Agent, handoff } from '../agent/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { run } from '../run/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { tool } from '../tools/index.ts';
import { promptWithHandoffInstructions, RECOMMENDED_PROMPT_PREFIX, removeAllTools } from './index.ts';

const items: AgentInputItem[] = [
  { role: 'user', content: 'Hi' },
  { type: 'message', role: 'user', content: 'Hi' },
  { type: 'function_call', callId: 'c', name: 'f', arguments: '{}', status: 'completed' },
  { type: 'function_call_result', callId: 'c', name: 'f', status: 'completed', output: 'x' },
  { type: 'reasoning', content: [] },
  { type: 'hosted_tool_call', name: 'web_search_call', status: 'completed' },
  { type: 'shell_call', callId: 's', action: { commands: ['ls'] } },
  { type: 'shell_call_output', callId: 's', output: [] },
  { type: 'tool_search_call', arguments: {} },
  { type: 'tool_search_output', tools: [] },
  { type: 'compaction', encrypted_content: 'x' },
  { type: 'unknown' },
];

test('messages, compactions and unknown items stay, as with the published filter', () => {
  const { inputHistory } = removeAllTools({ inputHistory: items, preHandoffItems: [], newItems: [] });
  expect(inputHistory).toEqual([...items.slice(0, 2), ...items.slice(-2)]);
  expect(removeAllTools({ inputHistory: 'Hi', preHandoffItems: [], newItems: [] }).inputHistory).toBe('Hi');
});

test('the next agent sees what was said, and no tools', async () => {
  const look = tool({ name: 'look', description: 'Looks.', execute: async () => 'seen' });
  const script = new ScriptedModel([[assistantMessage('B')]]);
  const b = new Agent({ name: 'B', model: script, instructions: promptWithHandoffInstructions('Answer.') });
  const a = new Agent({
    name: 'A',
    tools: [look],
    handoffs: [handoff(b, { inputFilter: removeAllTools })],
    model: new ScriptedModel([
      [assistantMessage('I look.'), functionCall('look', {}, { callId: 'c1' })],
      [functionCall('transfer_to_B', {}, { callId: 'c2' })],
    ]),
  });
  await run(a, 'Hi');
  const request = script.calls[0]?.request;
  expect(request?.input).toEqual([{ type: 'message', role: 'user', content: 'Hi' }, assistantMessage('I look.')]);
  expect(request?.systemInstructions).toBe(`${RECOMMENDED_PROMPT_PREFIX}\n\nAnswer.`);
});
