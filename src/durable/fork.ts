/**
 * A copy of a run, from the last point at or before a position where nothing was under way: it goes on by itself, with
 * ids and idempotency keys of its own.
 */
import type { AnyAgent } from '../agent/index.ts';
import {
  apply,
  type Call,
  type Committed,
  decisionOn,
  type Fork,
  initialState,
  type RunEvent,
  type State,
} from '../kernel/index.ts';
import type { EventLog, RunInfo } from '../log/index.ts';
import { UserError } from '../protocol/errors.ts';
import { AgentGraph } from '../run/graph.ts';
import { effectOf } from '../tools/index.ts';
import { DurableError } from './errors.ts';
import { unknownRun } from './revive.ts';

type Place = { runId: string; at: number; once: Fork['once']; agent: AnyAgent };

/** How many events a copy takes over. @throws UserError, DurableError `durable/no-fork-point` */
export function forkPoint(events: readonly Committed[], { runId, at, once, agent }: Place): number {
  checkPlace(at, once);
  // What the original's model asked for, and nobody was asked about, would be done to the world in the copy too.
  const cut = cutBefore(events, at, (state) => once !== 'ask' || !actsUnasked(state, agent));
  if (cut === undefined) {
    throw new DurableError(
      'durable/no-fork-point',
      runId,
      `Run ${runId} has no point at or before event ${at} where it goes on and nothing is under way. Give a later position; the log has ${events.length} events.`,
    );
  }
  return cut;
}

/** The events of the copy. */
export function forkedEvents(events: readonly Committed[], runId: string, fork: Fork): Committed[] {
  const forked: RunEvent = { type: 'run.forked', runId, ...fork };
  const at = events[fork.at - 1]?.at;
  return [...events.slice(0, fork.at), at === undefined ? forked : { ...forked, at }];
}

/**
 * Once the copy is there: who erases the original finds copies that are there by then, so one that came later takes
 * itself back.
 *
 * @throws DurableError `durable/unknown-run`
 */
export async function checkOriginal(log: EventLog, original: RunInfo, copyId: string): Promise<void> {
  const now = await log.read(original.runId, { limit: 0 });
  if (now?.info.createdAt === original.createdAt) return;
  await log.remove({ runIds: [copyId], evenOpen: true, scrub: true });
  throw unknownRun(original.runId);
}

/** Where a model or tools are asked next; later there is nothing left to change. */
const GOES_ON: ReadonlySet<State['stage']> = new Set(['load', 'admit', 'tools', 'handoff']);

function checkPlace(at: number, once: string): void {
  if (!['ask', 'stub', 'run'].includes(once)) {
    throw new UserError(`fork(): \`once\` is ${JSON.stringify(once)}. Give 'ask', 'stub' or 'run'.`);
  }
  if (Number.isSafeInteger(at) && at >= 0) return;
  throw new UserError(`fork(): \`at\` is ${at}. Give how many events of the log come before: a whole number.`);
}

/** Whether calls that must not happen twice are about to be made, on the word of the original at most. */
function actsUnasked(state: State, agent: AnyAgent): boolean {
  if (state.stage !== 'tools') return false;
  const acts = (call: Call): boolean => {
    if (call.status !== 'new' || call.kind !== 'function') return false;
    if (call.approval === 'always' && decisionOn(state, call) === undefined) return false;
    const { tools } = new AgentGraph(agent).agent(state.agent);
    const tool = tools.find((each) => each.type === 'function' && each.name === call.tool);
    return tool?.type !== 'function' || effectOf(tool) === 'once';
  };
  return state.calls.some(acts);
}

/** How many events come before the newest point where a running run had nothing open. */
function cutBefore(events: readonly Committed[], at: number, suits: (state: State) => boolean): number | undefined {
  let state = initialState();
  let cut: number | undefined;
  events.slice(0, at).forEach((event, n) => {
    state = apply(state, event);
    const isFree = state.open.length === 0 && state.uncertain.length === 0 && state.fault === undefined;
    if (state.status === 'running' && isFree && GOES_ON.has(state.stage) && suits(state)) cut = n + 1;
  });
  return cut;
}
