/**
 * Keeps the demo in `.baton/demo`: its runs in a log, its conversation in a session, the shop's orders in a file.
 * Pull the plug in the middle, start it again, and it goes on where it was.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunInfo, RunStore, type Session, sqliteLog, SQLiteSession } from '@baton/agents';

const folder = process.env['BATON_DEMO_DIR'] ?? join('.baton', 'demo');
const file = join(folder, 'demo.db');
const LEASE_MS = 3000;

export type Kept = {
  store: RunStore;
  session: Session;
  runId: (scene: number) => string;
  /** The scene in which the plug was pulled the last time, with its run. */
  cut: { scene: number; runId: string } | undefined;
  close(): Promise<void>;
};

/** Opens what an earlier demo left unfinished, else begins a new one. `waits` hears that an earlier one may live still. */
export async function keep(waits: () => void): Promise<Kept> {
  mkdirSync(folder, { recursive: true });
  const store = new RunStore({ log: sqliteLog({ path: file }), leaseMs: LEASE_MS });
  const cut = sceneOf(await abandoned(store, waits));
  const id = cut?.demo ?? `demo${Date.now().toString(36)}`;
  const session = new SQLiteSession(id, { dbPath: file });
  return {
    store,
    session,
    runId: (scene) => `${id}-${scene}`,
    cut: cut && { scene: cut.scene, runId: cut.runId },
    async close() {
      await session.close();
      await store.close();
    },
  };
}

/** The newest run that nobody brought to its end, if its process is gone: a living one shows itself within its lease. */
async function abandoned(store: RunStore, waits: () => void): Promise<RunInfo | undefined> {
  const look = async (): Promise<RunInfo | undefined> =>
    (await store.list({ status: ['running', 'stopping', 'paused'], limit: 1 })).runs[0];
  const before = await look();
  if (before?.lease.owner === undefined || before.lease.beat === undefined) return before;
  waits();
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS));
  const after = await look();
  return after?.runId === before.runId && after.lease.beat === before.lease.beat ? after : undefined;
}

function sceneOf(run: RunInfo | undefined): { demo: string; scene: number; runId: string } | undefined {
  const [, demo, scene] = /^(.+)-(\d+)$/.exec(run?.runId ?? '') ?? [];
  return run && demo && scene ? { demo, scene: Number(scene), runId: run.runId } : undefined;
}

/** A value that outlives the process, such as a shop's orders. `fresh` is what a new demo begins with. */
export function remembered<T>(
  name: string,
  { fresh, again }: { fresh: T; again: boolean },
): { value: T; save(): void } {
  const path = join(folder, `${name}.json`);
  const value = again ? readOr(path, fresh) : fresh;
  return { value, save: () => writeFileSync(path, JSON.stringify(value)) };
}

function readOr<T>(path: string, fresh: T): T {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return fresh;
  }
}
