/**
 * A process that runs random systems durably until all of them are over: `node worker.fixture.ts <folder> <seeds>`.
 * It is killed at any moment, and started again. Says `ready` when its modules are loaded and `done` at the end.
 */
import {
  type AnyAgent,
  run,
  type RunState,
  RunStore,
  type Session,
  sqliteLog,
  SQLiteSession,
  stateOfError,
} from '../../../src/index.ts';
import { build, decide } from '../build.ts';
import { type SystemSpec, systemOf } from '../systems.ts';
import { database, Ledger, runIdOf } from './paths.ts';

const [folder = '', list = ''] = process.argv.slice(2);
const ledger = new Ledger(folder);
const synchronous = 'normal' as const;
const log = sqliteLog({ path: database(folder), synchronous });
// One name for all its lives: what it had when it died it takes back at once.
const store = new RunStore({ log, worker: 'worker', leaseMs: 60_000 });

async function finish(spec: SystemSpec): Promise<void> {
  const runId = runIdOf(spec.seed);
  const session: Session = new SQLiteSession(runId, { dbPath: database(folder), synchronous });
  const controller = new AbortController();
  const happened = (key: string): boolean => ledger.keys.includes(key);
  const reach = {
    performed: (key: string) => ledger.add(key),
    abort: () => controller.abort(new Error('a tool aborted the run')),
    happened,
  };
  const { root, options, input } = build(spec, reach, { session, signal: controller.signal });
  const given = { ...options, stream: false as const, context: { user: 1 } };
  const known = (await log.read(runId, { limit: 0 }))?.info.status;
  // Whoever resumes a run that failed asks for another try: it ended before this life.
  if (known === 'finished' || known === 'failed' || known === 'cancelled') return;
  try {
    let state = (
      known !== undefined
        ? await store.resume(runId, { ...given, agent: root } as never)
        : await run(root, input, { ...given, durable: { store, runId } } as never)
    ).state as RunState<unknown, AnyAgent>;
    for (let round = 0; state.status === 'paused' && round < 40; round++) {
      decide(spec, state, happened);
      state = (await run(root, state, { ...given, durable: { store } } as never)).state as RunState<unknown, AnyAgent>;
    }
  } catch (error) {
    // Runs that fail are over, too: anything else is an error of this test.
    if (!stateOfError(error)) throw error;
  }
}

process.stdout.write('ready\n');
await Promise.all(list.split(',').map((seed) => finish(systemOf(Number(seed)))));
await store.close();
process.stdout.write('done\n');
