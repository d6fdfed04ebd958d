/** A process that writes into a metrics store, as fast as it can, and traces runs into the same file. */
import { setImmediate } from 'node:timers/promises';
import { Agent, enableMetrics, flushTraces, openMetricsStore, run } from '../../../index.ts';
import { assistantMessage, ScriptedModel } from '../../../testing/index.ts';
import { observation } from '../synthetic.fixture.ts';

const [name = '', path = '', count = '0'] = process.argv.slice(2);
const store = openMetricsStore({ path });
const metrics = enableMetrics({ store, alerts: false });
const writes: Promise<unknown>[] = [];
for (let n = 0; n < Number(count); n++) {
  // Every tenth run is told by all processes, and counts once.
  const runId = n % 10 === 0 ? `shared-${n}` : `${name}-${n}`;
  writes.push(store.add(observation({ runId, session: `s${n % 7}`, endedAt: Date.now() })));
  writes.push(store.note({ do: 'operations', at: Date.now(), sums: { cooldowns: 1 } }));
  if (n % 20 === 0) await run(new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('Hi.')]]) }), 'hi');
  if (n % 50 === 0) writes.push(store.prune());
  await setImmediate();
}
await Promise.all(writes);
metrics.close();
await flushTraces();
await store.close();
