/** The first process: starts a run and is killed in the middle of it. Started by main.ts. */
import '../shared/model.ts';
import { run } from '@baton/agents';
import { desk, newStore } from './desk.ts';

// model calls: book_flight {"flight":"LH 1042"}
await run(desk, 'Book me on LH 1042.', { durable: { store: newStore(), runId: 'trip-1' } });
