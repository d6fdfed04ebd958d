/** Testing agents without a model. Run it: `npx node examples/testing/main.ts` */
import assert from 'node:assert/strict';
import { Agent, OpenAIProvider, run, Runner, tool } from '@baton/agents';
import {
  assistantMessage,
  createFakeServer,
  functionCall,
  modelError,
  modelResponder,
  responsesReply,
  ScriptedModel,
} from '@baton/agents/testing';
import { z } from 'zod';

const add = tool({
  name: 'add',
  description: 'Adds two numbers.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: async ({ a, b }) => a + b,
});

// 1. The script says what the model answers, one step a call.
const model = new ScriptedModel([
  [functionCall('add', { a: 2, b: 3 }, { callId: 'c1' })],
  // A step can look at what it was asked.
  modelResponder(({ request }) => {
    const last = Array.isArray(request.input) ? request.input.at(-1) : undefined;
    return [assistantMessage(last?.type === 'function_call_result' ? 'The sum is 5.' : 'No result came.')];
  }),
]);
const agent = new Agent({ name: 'Calculator', instructions: 'Use add.', model, tools: [add] });
const result = await run(agent, 'What is 2 + 3?');

assert.equal(result.finalOutput, 'The sum is 5.');
// Every call of the model is recorded: what was sent, and with which tools.
assert.equal(model.calls.length, 2);
assert.deepEqual(
  model.firstCall?.request.tools.map((each) => each.name),
  ['add'],
);
// A script that was not used up is a test that did not test.
model.assertComplete();
console.log('✓ the model gets the result of the tool');

// 2. What happens when the model fails?
const failure = new Error('The model is down.');
const broken = agent.clone({ model: new ScriptedModel([modelError(failure)]) });
await assert.rejects(run(broken, 'What is 2 + 3?'), failure);
console.log('✓ an error of the model reaches the caller as it is');

// 3. Streams are scripted by the same steps.
const streamed = agent.clone({ model: new ScriptedModel([[assistantMessage('Hello')]]) });
const stream = await run(streamed, 'Hi', { stream: true });
const names: string[] = [];
for await (const event of stream) names.push(event.type === 'raw_model_stream_event' ? event.data.type : event.type);
assert.deepEqual(names, ['response_started', 'output_text_delta', 'response_done', 'run_item_stream_event']);
console.log('✓ a streamed run shows the same answer, event by event');

// 4. A whole program, with its real provider, against a server that answers like OpenAI and refuses what OpenAI refuses.
await using server = await createFakeServer();
server.reply(responsesReply([{ name: 'add', arguments: { a: 2, b: 3 } }]), responsesReply('The sum is 5.'));
const runner = new Runner({ modelProvider: new OpenAIProvider({ baseURL: server.baseURL, apiKey: 'sk-test' }) });
const served = await runner.run(agent.clone({ model: 'gpt-5.4-mini' }), 'What is 2 + 3?');
assert.equal(served.finalOutput, 'The sum is 5.');
assert.equal(server.requests.length, 2);
console.log('✓ the program works over the wire');
