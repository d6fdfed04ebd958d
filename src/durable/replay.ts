/**
 * Runs the kernel again over a log: every effect is answered from the record, nothing is performed, no user code is
 * called. What the kernel decides must be what the log says.
 */
import type { AnyAgent } from '../agent/index.ts';
import {
  type Committed,
  drive,
  fold,
  initialState,
  type RunEvent,
  type State,
  type StopCause,
  type World,
} from '../kernel/index.ts';
import { node } from '../protocol/node.ts';
import { AgentGraph } from '../run/graph.ts';
import type { IndividualRunOptions, RunConfig } from '../run/index.ts';
import { settle } from '../run/options.ts';
import { RunPlan } from '../run/plan.ts';
import { DurableError } from './errors.ts';

export type ReplayOptions = {
  /** The agent that the run was started with. */
  agent: AnyAgent;
  /** The options that the run was started with, as far as decisions depend on them: error handlers, concurrency. */
  options?: IndividualRunOptions;
  config?: RunConfig;
};

/**
 * @returns the state at the end of the log; where the log ends in the middle of a run, the state there
 * @throws DurableError `durable/replay-mismatch`: position, what the log says, what was decided now
 */
export async function replay(
  events: readonly Committed[],
  { agent, options, config = {} }: ReplayOptions,
): Promise<State> {
  const graph = new AgentGraph(agent);
  const settings = settle(config, options);
  // What a copy took over was decided by another run: its replay begins where the copy did.
  const own = events.findLastIndex(({ type }) => type === 'run.forked') + 1;
  let state = fold(events.slice(0, own), initialState());
  const world = new Recorded(events, { from: own, state });
  const started = events.find((event) => event.type === 'run.started');
  const isHeld = started?.conversationId !== undefined;
  const plan = new RunPlan(graph, settings, { durable: true, isHeld });
  try {
    while (world.hasMore) state = await drive(state, plan, world);
    return state;
  } catch (error) {
    if (error instanceof EndOfLog) return world.state;
    throw error;
  }
}

class EndOfLog extends Error {}

/** A world in which everything has happened already. */
class Recorded implements World {
  state: State;
  readonly #commits: { events: Committed[]; position: number }[] = [];
  #next = 0;

  constructor(events: readonly Committed[], { from, state }: { from: number; state: State }) {
    this.state = state;
    events.forEach((event, position) => {
      if (position < from) return;
      if (event.at !== undefined || position === from) this.#commits.push({ events: [], position });
      this.#commits.at(-1)?.events.push(event);
    });
  }

  get hasMore(): boolean {
    return this.#next < this.#commits.length;
  }

  start(): void {}

  async next(): Promise<RunEvent | undefined> {
    const commit = this.#commits[this.#next];
    if (!commit) throw new EndOfLog();
    const first = commit.events[0];
    return first && isAnswer(first) ? bare(first) : undefined;
  }

  inbox(): readonly RunEvent[] {
    const events = this.#commits[this.#next]?.events ?? [];
    const begin = events[0] && isAnswer(events[0]) ? 1 : 0;
    let end = begin;
    while (events[end] && isFromOutside(events[end] as Committed)) end += 1;
    return events.slice(begin, end).map(bare);
  }

  commit(events: readonly RunEvent[], state: State): void {
    const commit = this.#commits[this.#next++];
    events.forEach((event, n) => {
      const recorded = commit?.events[n] && bare(commit.events[n]);
      if (!node.util.isDeepStrictEqual(plain(recorded), plain(event)))
        throw mismatch(state, { position: (commit?.position ?? 0) + n, recorded, event });
    });
    const left = commit?.events[events.length];
    if (left)
      throw mismatch(state, { position: (commit?.position ?? 0) + events.length, recorded: left, event: undefined });
    this.state = state;
  }

  notify(): void {}

  caught(error: unknown): never {
    throw error;
  }
}

const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** An event as it was before its commit. */
function bare(committed: Committed): RunEvent {
  const { at: _, ...event } = committed;
  return event as RunEvent;
}

const isAnswer = (event: RunEvent): boolean =>
  'id' in event &&
  event.id !== undefined &&
  event.type !== 'run.stopping' &&
  event.type !== 'effect.began' &&
  event.type !== 'effect.settled_late';

/** The last one may be the kernel's own too: then it decides nothing more where the record says it. */
const FROM_OUTSIDE: ReadonlySet<StopCause> = new Set(['abort', 'timeout', 'callback', 'uncertain']);

/** What is no decision of the kernel. */
function isFromOutside(event: RunEvent): boolean {
  switch (event.type) {
    case 'run.started':
    case 'run.resumed':
    case 'run.recovered':
    case 'run.forked':
    case 'plan.recorded':
    case 'approval.decided':
    case 'input.staged':
    case 'input.cleared':
    case 'effect.began':
      return true;
    case 'run.stopping':
      return FROM_OUTSIDE.has(event.cause);
    default:
      return false;
  }
}

type Difference = { position: number; recorded: RunEvent | undefined; event: RunEvent | undefined };

function mismatch({ runId }: State, { position, recorded, event }: Difference): DurableError {
  return new DurableError(
    'durable/replay-mismatch',
    runId,
    `Replay of run ${runId} differs at event ${position}: the log says ${shown(recorded)}, now it would be ${shown(event)}. ` +
      'Agents or options are not those that the run was started with, or the log was changed.',
  );
}

const shown = (event: RunEvent | undefined): string =>
  event === undefined ? 'nothing' : `${event.type} ${JSON.stringify(event).slice(0, 300)}`;
