/**
 * Keeps the demo in `.baton/demo`: its runs in a log, its conversation in a session, the shop's orders in a file.
 * Pull the plug in the middle, start it again, and it goes on where it was.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentsError, type RunInfo, RunStore, type Session, sqliteLog, SQLiteSession } from '@baton/agents';

/** Where it is kept. */
export const folder = process.env['BATON_DEMO_DIR'] ?? join('.baton', 'demo');
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

type Listeners = {
  /** An earlier demo may live still. */
  waits: () => void;
  /** What an earlier demo left is of no use to this version, and was put aside. */
  putAside: (file: string, because: string) => void;
};

/** Opens what an earlier demo left unfinished, else begins a new one. */
export async function keep({ waits, putAside }: Listeners): Promise<Kept> {
  mkdirSync(folder, { recursive: true });
  await tryFile().catch((error: unknown) => {
    if (!isOfAnotherVersion(error)) throw error;
    putAside(setAside(), error.message);
  });
  const store = openStore();
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

const openStore = (): RunStore => new RunStore({ log: sqliteLog({ path: file }), leaseMs: LEASE_MS });

/** Writes and removes what a demo writes: tables of another version may be readable and take no row. */
async function tryFile(): Promise<void> {
  const [store, session] = [openStore(), new SQLiteSession('trial', { dbPath: file })];
  try {
    const runId = `trial-${crypto.randomUUID()}`;
    const create = { agent: 'Trial', worker: 'trial' };
    const events = [{ type: 'run.started' }];
    await store.log.append({ runId, position: 0, fence: 0, create, events, status: 'finished', release: true });
    await store.log.remove({ runIds: [runId] });
    const turn = await session.takeTurn({ runId });
    await turn.within(() => session.addItems([{ type: 'message', role: 'user', content: 'A trial.' }]));
    await turn.end();
    await session.clearSession();
  } finally {
    await session.close();
    await store.close();
  }
}

const ANOTHER_VERSION = /^(log|session)\/(newer-schema|not-a-database|store)$/;

const isOfAnotherVersion = (error: unknown): error is AgentsError =>
  error instanceof AgentsError && ANOTHER_VERSION.test(error.code);

/** Nothing is deleted: it may be wanted. Gives where it is. */
function setAside(): string {
  const aside = `${file}.${Date.now().toString(36)}.old`;
  for (const end of ['', '-wal', '-shm']) if (existsSync(file + end)) renameSync(file + end, aside + end);
  return aside;
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
