/**
 * A program that runs an agent and ends, told of traces by its variables only; its argument is what else it does.
 * It prints whether its main thread loaded SQLite.
 */
import { Agent, Runner, setTracingProcessor, tool } from '../../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../../testing/index.ts';

const [what = '', count = '1'] = process.argv.slice(2);
if (what === 'replaced') setTracingProcessor({ export: async () => undefined });

const add = tool({
  name: 'add',
  description: 'Adds.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: false,
  execute: () => 'sum 4',
});
for (let n = 0; n < Number(count); n++) {
  const model = new ScriptedModel([[functionCall('add', {}, { callId: 'c1' })], [assistantMessage('The sum is 4.')]]);
  const agent = new Agent({ name: 'Calculator', instructions: 'You add.', model, tools: [add] });
  await new Runner({ tracingDisabled: what === 'disabled' }).run(agent, 'What is 2 + 2?');
}
const loaded: unknown = 'moduleLoadList' in process ? process.moduleLoadList : [];
const hasSqlite = Array.isArray(loaded) && loaded.some((name: string) => name.endsWith(' sqlite'));
console.log(JSON.stringify({ hasSqlite }));
if (what === 'killed') {
  await new Promise((resolve) => void setTimeout(resolve, 2500));
  process.kill(process.pid, 'SIGKILL');
}
