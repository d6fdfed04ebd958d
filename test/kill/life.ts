/**
 * Lives of a system: undisturbed, or killed at chosen commits and brought back from what was stored.
 */
import {
  type AgentInputItem,
  type AnyAgent,
  MemorySession,
  Runner,
  RunState,
  type Session,
  stateOfError,
} from '../../src/index.ts';
import { type Committed, fold, initialState, type List, type State, toArray } from '../../src/kernel/index.ts';
import { INTERNALS, type Internals } from '../../src/run/run.ts';
import { brokenLaws } from '../kernel/laws.ts';
import { build, decide } from './build.ts';
import { Disk, type Kill, Killed } from './disk.ts';
import { HISTORY } from './history.ts';
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
  /** Ids of calls that were under way at a kill. */
  cut: Set<string>;
  problems: string[];
};

export type LifeOptions = {
  kills?: readonly Kill[];
  amnesia?: boolean;
  /** The run is durable: tools say what they change, and what must not happen twice is asked about. */
  durable?: boolean;
  /** Testing the harness: a kernel that misbehaves. */
  sabotage?: (committer: NonNullable<Internals['committer']>) => NonNullable<Internals['committer']>;
  /** Testing the harness: changes what a process reads of the log. */
  misread?: (text: string) => string;
};

type Store = { disk: Disk; session: Session };
type How = Omit<Internals, 'durable'> & Pick<LifeOptions, 'misread' | 'durable'>;
type Handle = RunState<unknown, AnyAgent>;

export async function live(
  spec: SystemSpec,
  { kills = [], amnesia = false, durable = false, sabotage, misread }: LifeOptions = {},
): Promise<Life> {
  const store: Store = {
    disk: new Disk(),
    session: spec.session === 'plain' ? plainSession() : new MemorySession({ initialItems: HISTORY }),
  };
  const lost: Map<string, number>[] = [];
  const problems: string[] = [];
  const cut = new Set<string>();
  for (const kill of [...kills, undefined]) {
    const { disk } = store;
    disk.boot(kill);
    const committer = sabotage ? sabotage(disk.committer) : disk.committer;
    try {
      const handle = await process(spec, store, { committer, amnesia, durable, ...(misread && { misread }) });
      for (const log of disk.logs.values()) problems.push(...brokenLaws(log));
      const outcome = await outcomeOf(spec, store, handle);
      return { outcome, disk, commits: disk.commits, lost, cut, problems };
    } catch (error) {
      if (!disk.dead) throw error;
      if (!(error instanceof Killed)) problems.push(`a kill surfaced as ${String(error)}`);
    }
    // What the dead process had begun comes to rest; nothing of it can be committed any more.
    await ticks(10);
    problems.push(...unannounced(disk));
    lost.push(inFlight(disk));
    for (const runId of disk.logs.keys()) {
      for (const { callId, status } of disk.stateOf(runId).calls) if (UNDER_WAY.has(status)) cut.add(callId);
    }
  }
  throw new Error('A life ends with a process that is not killed.');
}

const UNDER_WAY: ReadonlySet<string> = new Set(['deciding', 'running', 'ready', 'refused']);

/** A session that cannot tell whether it was asked before. */
function plainSession(): Session {
  let items: AgentInputItem[] = structuredClone(HISTORY);
  return {
    getSessionId: async () => 'plain',
    getItems: async (limit) =>
      structuredClone(limit === undefined ? items : items.slice(Math.max(0, items.length - limit))),
    async addItems(added) {
      items.push(...structuredClone(added));
    },
    popItem: async () => items.pop(),
    async clearSession() {
      items = [];
    },
  };
}

/** One process: begins or recovers the run, decides what it waits for, until it is over. */
async function process(spec: SystemSpec, { disk, session }: Store, how: How): Promise<Handle> {
  const { misread = (text: string) => text, durable, ...rest } = how;
  const internals: Internals = durable
    ? { ...rest, durable: { fence: 1, check: () => undefined, isGone: async () => false } }
    : rest;
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error('a tool aborted the run'));
  const performed = (key: string): void => void disk.ledger.push(key);
  const happened = durable ? (key: string) => disk.ledger.includes(key) : undefined;
  const reach = { performed, abort, ...(happened && { happened }) };
  const { root, options, input } = build(spec, reach, { session, signal: controller.signal });
  const runner = new Runner({ [INTERNALS]: internals } as object);
  const read = (text: string): Promise<Handle> => RunState.fromString(root, text);
  let state = disk.rootId === undefined ? undefined : await read(misread(disk.text(root.name, { user: 1 })));
  for (let round = 0; round < 40; round++) {
    if (state?.isOver) return state;
    if (state?.status === 'paused') {
      if (spec.viaText) state = await read(state.toString());
      decide(spec, state, happened);
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
  const plain = (value: unknown): unknown => plainOf(value, runId);
  const folded = disk.root;
  const { inputTokens, outputTokens, requests } = handle.usage;
  return {
    status: folded.status,
    state: plain(normal(folded)),
    history: plain(handle.history),
    items: plain(handle.newItems.map((item) => ({ ...item.toJSON(), output: undefined }))),
    output: folded.status === 'finished' ? plain(handle.finalOutput) : undefined,
    error: plain(folded.stop?.error),
    session: spec.session !== 'none' ? plain(await session.getItems()) : undefined,
    usage: { inputTokens, outputTokens, requests },
  };
}

/** As JSON, without times and the run's own id. */
function plainOf(value: unknown, runId: string): unknown {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    key === 'at' && Number(inner) > 1e9 ? undefined : inner,
  );
  return JSON.parse((text ?? 'null').replaceAll(runId, 'RUN')) as unknown;
}

/** What a log came to, to be held against another run of the same system. */
export const normalState = (events: readonly Committed[], runId: string): unknown =>
  plainOf(normal(fold(events, initialState())), runId);

/** A state without what may differ between a run that was killed and one that was not: ids, attempts, order of arrival. */
function normal(state: State): unknown {
  const {
    runId: _,
    uncertain: _uncertain,
    began: _began,
    plan: _plan,
    savePoint: _savePoint,
    calls,
    checks,
    toolChecks,
    entries,
    produced,
    request,
    responses,
    approvals,
    ...rest
  } = state;
  const list = <T>(all: List<T>): T[] => toArray(all);
  const sorted = <T>(all: readonly T[]): T[] =>
    all.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    ...rest,
    calls: calls.map(({ attempt: _attempt, askedAt: _askedAt, asks: _asks, ...call }) => call),
    approvals: sorted(approvals.filter(({ uncertain }) => uncertain === undefined)),
    checks: sorted(list(checks)),
    toolChecks: sorted(list(toolChecks)),
    entries: list(entries),
    produced: list(produced),
    request: list(request),
    responses: list(responses),
  };
}

// What was done twice

export const counted = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

/** What was begun and never answered. */
export function inFlight(disk: Disk): Map<string, number> {
  const done = disk.completed();
  const open = new Map<string, number>();
  for (const [key, n] of counted(disk.ledger)) {
    const left = n - (done.get(key) ?? 0);
    if (left > 0) open.set(key, left);
  }
  return open;
}

/** Tools that were begun though no stored event asks for them. */
export function unannounced(disk: Disk): string[] {
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
