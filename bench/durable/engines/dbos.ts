/** DBOS, its steps as `bench/durable/steps.ts` says: `node dbos.ts <postgres url> <ms>`. Prints one line of JSON. */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { measurePair, RESULT, STEPS } from '../steps.ts';

const [url = '', ms = '5000'] = process.argv.slice(2);
const open = new Map<string, number[]>();

async function steps(name: string): Promise<void> {
  const times = open.get(name) ?? [];
  for (let n = 0; n < STEPS; n++) {
    const from = performance.now();
    await DBOS.runStep(async () => RESULT, { name: `step${n}` });
    times.push(performance.now() - from);
  }
}

DBOS.setConfig({
  name: `baton-bench-${process.pid}`,
  systemDatabaseUrl: url,
  systemDatabasePoolSize: 20,
  logLevel: 'error',
  runAdminServer: false,
});
const workflow = DBOS.registerWorkflow(steps, { name: 'steps' });
await DBOS.launch();
const pair = await measurePair(async (name, times) => {
  open.set(name, times);
  const handle = await DBOS.startWorkflow(workflow, { workflowID: `${process.pid}-${name}` })(name);
  await handle.getResult();
  open.delete(name);
}, Number(ms));
await DBOS.shutdown();
process.stdout.write(`${JSON.stringify(pair)}\n`, () => process.exit(0));
