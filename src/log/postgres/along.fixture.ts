/** A process that commits to a log, each time with an append of a session in the same database, until it is killed. */
import { writeSync } from 'node:fs';
import { PostgresSession } from '../../session/index.ts';
import { postgresLog } from './postgres-log.ts';

const { url = '', tenant = '' }: { url?: string; tenant?: string } = JSON.parse(process.argv[2] ?? '{}');
const log = postgresLog({ connectionString: url, tenant });
const session = new PostgresSession('s', { connectionString: url, tenant });
const stored = await log.read('r', { from: Number.MAX_SAFE_INTEGER });
const seen = stored?.info.lease ?? { fence: 0 };
if (!stored) {
  await log.append({ runId: 'r', position: 0, fence: 0, create: { agent: 'a', worker: 'w1' }, events: [] });
}
const claim = await log.leases.claim('r', {
  worker: `w${process.pid}`,
  seen: stored ? seen : { fence: 1, owner: 'w1' },
});
if (!claim.isGranted) throw new Error('not granted');
for (let n = (await log.read('r'))?.info.head ?? 0; ; n++) {
  const items = [{ type: 'message' as const, role: 'user' as const, content: `${n}` }];
  const also = [session.appendWrite(items, { operationId: `r/${n}` })];
  await log.append({ runId: 'r', position: n, fence: claim.fence, events: [{ type: `${n}` }], also });
  writeSync(1, `${n}\n`);
}
