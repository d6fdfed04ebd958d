/**
 * Lives of a system: undisturbed, or killed at chosen commits and brought back from what was stored.
 */
import { type AnyAgent, MemorySession, Runner, RunState, stateOfError } from '../../src/index.ts';
import { type State, toArray, type List } from '../../src/kernel/index.ts';
import { INTERNALS, type Internals } from '../../src/run/run.ts';
import { build, decide } from './build.ts';
import { Disk, type Kill, Killed } from './disk.ts';
import { ticks } from './rules.ts';
import type { SystemSpec } from './systems.ts';

export type Outcome = {
  status: string;
  state: unknown;
  history: unknown;
  items: unknown;
  output: unknown;
  error: unknown;
  session: unknown;
  usage: unknown;
};

export type Life = {
  outcome: Outcome;
  disk: Disk;
  /** How many batches were committed in all processes, or in the only one. */
  commits: number;
  /** Per kill: what had been begun and not answered, by key. */
  lost: Map<string, number>[];
  problems: string[];
};

export type LifeOptions = {
  kills?: readonly Kill[];
  amnesia?: boolean;
  /** Testing the harness: a kernel that misbehaves. */
  sabotage?: (committer: NonNullable<Internals['committer']>) => NonNullable<Internals['committer']>;
};

type Store = { disk: Disk; session: MemorySession };
type Handle = RunState<unknown, AnyAgent>;

export async function live(spec: SystemSpec, { kills = [], amnesia = false, sabotage }: LifeOptions = {}): Promise<Life> {
  const store: Store = { disk: new Disk(), session: new MemorySession({ sessionId: 's', initialItems: HISTORY }) };
  const lost: Map<string, number>[] = [];
  const problems: string[] = [];
  for (const kill of [...kills, undefined]) {
    const { disk } = store;
    disk.boot(kill);
    const committer = sabotage ? sabotage(disk.committer) : disk.committer;
    const done = disk.completed();
    const begun = disk.ledger.length;
    try {
      const handle = await process(spec, store, { committer, amnesia });
      problems.push(...repeated(disk, begun, done));
      const outcome = await outcomeOf(spec, store, handle);
      return { outcome, disk, commits: disk.commits, lost, problems };
    } catch (error) {
      if (!disk.dead) throw error;
      if (!(error instanceof Killed)) problems.push(`a kill surfaced as ${String(error)}`);
    }
    // What the dead process had begun comes to rest; nothing of it can be committed any more.
    await ticks(10);
    problems.push(...repeated(disk, begun, done), ...unannounced(disk));
    lost.push(inFlight(disk));
  }
  throw new Error('A life ends with a process that is not killed.');
}

const HISTORY = [
  { type: 'message' as const, role: 'user' as const, content: 'earlier' },
  {
    type: 'message' as const,
    role: 'assistant' as const,
    status: 'completed' as const,
    content: [{ type: 'output_text' as const, text: 'yes' }],
  },
];

/** One process: begins or recovers the run, decides what it waits for, until it is over. */
async function process(spec: SystemSpec, { disk, session }: Store, internals: Internals): Promise<Handle> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error('a tool aborted the run'));
  const reach = { performed: (key: string) => void disk.ledger.push(key), abort };
  const { root, options, input } = build(spec, reach, { session, signal: controller.signal });
  const runner = new Runner({ [INTERNALS]: internals } as object);
  const read = (text: string): Promise<Handle> => RunState.fromString(root, text);
  let state = disk.rootId === undefined ? undefined : await read(disk.text(root.name, { user: 1 }));
  for (let round = 0; round < 40; round++) {
    if (state?.isOver) return state;
    if (state?.status === 'paused') {
      if (spec.viaText) state = await read(state.toString());
      decide(spec, state);
    }
    try {
      const result = await runner.run(root, state ?? input, { ...options, context: { user: 1 } } as never);
      const streamed = result as unknown as { completed?: Promise<void> };
      if (streamed.completed) await streamed.completed;
      if ((result as { cancelled?: boolean }).cancelled && disk.dead) throw new Killed();
      state = result.state as Handle;
    } catch (error) {
      if (disk.dead) throw error;
      const failed = stateOfError(error) as Handle | undefined;
      if (!failed) throw error;
      return failed;
    }
  }
  throw new Error('The run pauses for ever.');
}

// What is compared

async function outcomeOf(spec: SystemSpec, { disk, session }: Store, handle: Handle): Promise<Outcome> {
  const runId = disk.rootId ?? '';
  const plain = (value: unknown): unknown =>
    JSON.parse((JSON.stringify(value) ?? 'null').replaceAll(runId, 'RUN')) as unknown;
  const folded = disk.root;
  const { inputTokens, outputTokens, requests } = handle.usage;
  return {
    status: folded.status,
    state: plain(normal(folded)),
    history: plain(handle.history),
    items: plain(handle.newItems.map((item) => ({ ...item.toJSON() }))),
    output: folded.status === 'finished' ? plain(handle.finalOutput) : undefined,
    error: plain(folded.stop?.error),
    session: spec.session ? plain(await session.getItems()) : undefined,
    usage: { inputTokens, outputTokens, requests },
  };
}

/** A state without what may differ between a run that was killed and one that was not: ids, attempts, order of arrival. */
function normal(state: State): unknown {
  const { runId: _, calls, checks, toolChecks, entries, produced, request, responses, approvals, ...rest } = state;
  const list = <T>(all: List<T>): T[] => toArray(all);
  const sorted = <T>(all: readonly T[]): T[] => all.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    ...rest,
    calls: calls.map(({ attempt: _attempt, ...call }) => call),
    approvals: sorted(approvals),
    checks: sorted(list(checks)),
    toolChecks: sorted(list(toolChecks)),
    entries: list(entries),
    produced: list(produced),
    request: list(request),
    responses: list(responses),
  };
}

// What was done twice

const counted = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

/** What was begun and never answered. */
function inFlight(disk: Disk): Map<string, number> {
  const done = disk.completed();
  const open = new Map<string, number>();
  for (const [key, n] of counted(disk.ledger)) {
    const left = n - (done.get(key) ?? 0);
    if (left > 0 && !key.startsWith('handoff ')) open.set(key, left);
  }
  return open;
}

/** Calls that this process began though their answers had been stored when it started. */
function repeated(disk: Disk, begun: number, done: ReadonlyMap<string, number>): string[] {
  const before = counted(disk.ledger.slice(0, begun));
  return [...counted(disk.ledger.slice(begun)).keys()].flatMap((key) => {
    const answered = done.get(key) ?? 0;
    return key.startsWith('tool ') && answered > 0 && answered >= (before.get(key) ?? 0) ? [`repeated though answered: ${key}`] : [];
  });
}

/** Tools that were begun though no stored event asks for them. */
function unannounced(disk: Disk): string[] {
  const asked = new Set<string>();
  for (const runId of disk.logs.keys()) {
    const { calls } = disk.stateOf(runId);
    for (const { callId, status } of calls) if (status !== 'new') asked.add(`tool ${callId}`);
  }
  const done = disk.completed();
  return [...inFlight(disk).keys()].flatMap((key) =>
    key.startsWith('tool ') && !done.has(key) && !asked.has(key) ? [`begun before its request was stored: ${key}`] : [],
  );
}
