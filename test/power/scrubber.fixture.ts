/** A process that makes runs and erases them without a trace, which empties the write-ahead log, and says which. */
import { openLog } from '../../src/log/open.fixture.ts';
import { say } from '../../src/store/processes.fixture.ts';

const [path = '', name = '', times = '0'] = process.argv.slice(2);
const log = openLog(path, { timeoutMs: 120_000 });
for (let n = 0; n < Number(times); n++) {
  const runId = `${name}-${n}`;
  const events = [{ type: 'told', text: `secret of ${runId}` }];
  await log.append({ runId, position: 0, fence: 0, create: { agent: 'a', worker: name }, events });
  say(['told', runId]);
  await log.remove({ runIds: [runId], evenOpen: true, scrub: true });
  say(['erased', runId]);
}
await log.close();
