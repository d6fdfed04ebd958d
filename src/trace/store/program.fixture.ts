/**
 * A program that runs an agent and ends, told of traces by its variables only; its argument is what else it does.
 * It prints whether its main thread loaded SQLite.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, openTraceStore, Runner, setTracingProcessor, type StoredRun, tool } from '../../index.ts';
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
  // Nobody asks for it to be written.
  while ((await newest())?.status !== 'finished') await sleep(50);
  process.kill(process.pid, 'SIGKILL');
}

async function newest(): Promise<StoredRun | undefined> {
  try {
    const store = await openTraceStore();
    const [run] = await store.runs();
    await store.close();
    return run;
  } catch {
    // It is not there yet.
    return undefined;
  }
}
