/**
 * A process that is killed, and those that go on: `node crash.fixture.ts <what> <folder> <run id>`. Traces go where
 * BATON_TRACE_STORE says, by default. It says a line when it is where it is to be killed, or is done.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type AnyAgent, flushTraces, run, RunState, RunStore, sqliteLog, tool } from '../../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../../testing/index.ts';

const [what = '', folder = '.', runId = 'r1', kind = what] = process.argv.slice(2);
const isFirst = !['recover', 'answer'].includes(what);
const parameters = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const options = { parameters, strict: false, description: '', effect: 'read' } as const;
// What has begun before the kill is done again by whoever goes on.
const look = tool({ ...options, name: 'look', execute: () => 'there' });
const book = tool({
  ...options,
  name: 'book',
  needsApproval: async () => what === 'ask' || what === 'answer',
  execute: async () => {
    if (!isFirst) return 'booked';
    await flushTraces();
    await toBeKilled();
    return 'never';
  },
});
const calls = (name: string) => [functionCall(name, {}, { callId: name })];
const steps = [calls('look'), calls('book'), [assistantMessage('Done.')]];
const model = new ScriptedModel(isFirst ? steps : steps.slice(2));
const inner = new Agent({ name: 'Desk', model, tools: [look, book] });
const agent = (
  kind === 'nested'
    ? new Agent({
        name: 'Boss',
        model: new ScriptedModel(
          isFirst ? [[functionCall('ask', { input: 'x' }, { callId: 'ask' })]] : [steps[2] ?? []],
        ),
        tools: [inner.asTool({ toolName: 'ask', toolDescription: '' })],
      })
    : inner
) as AnyAgent;

async function toBeKilled(): Promise<void> {
  console.log('here');
  // Something to do: else it would end, and flush.
  for (;;) await sleep(1000);
}

const tracing = { includeTaskAndTurnSpans: kind !== 'flat' };
const store = new RunStore({
  log: sqliteLog({ path: join(folder, 'runs.db') }),
  agents: [agent],
  worker: 'w',
  leaseMs: 120_000,
  resumeOptions: () => ({ tracing }),
});
const file = join(folder, 'state.json');

switch (what) {
  case 'durable':
  case 'nested':
  case 'flat':
    await run(agent, 'Book.', { durable: { store, runId }, tracing });
    break;
  case 'plain':
    await run(agent, 'Book.');
    break;
  case 'recover':
    while ((await store.recover()).length === 0) await sleep(20);
    break;
  case 'ask':
    writeFileSync(file, (await run(agent, 'Book.')).state.toString());
    await flushTraces();
    await toBeKilled();
    break;
  case 'answer': {
    const state = await RunState.fromString(agent, readFileSync(file, 'utf8'));
    for (const ask of state.getInterruptions()) state.approve(ask);
    console.log((await run(agent, state)).finalOutput);
    break;
  }
}
await flushTraces();
console.log('done');
process.exit();
