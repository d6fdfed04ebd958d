/**
 * How long a question may wait that a crash left to a person (`askTimeoutMs` of a tool).
 *
 * T1: the time is in the log beside the question (`waiting[].until`), so whoever looks can settle it; no process waits.
 * T2: that nobody answered is a decision like a person's, under the same key: the first one counts.
 */
import { type AnyAgent, agentToolSpec } from '../agent/index.ts';
import type { Ask, RunEvent, State } from '../kernel/index.ts';
import type { EventLog, RunInfo } from '../log/index.ts';
import type { Json } from '../protocol/json.ts';
import { asksOf } from '../run/asks.ts';
import type { RunRecord } from '../run/record.ts';
import type { FunctionTool } from '../tools/index.ts';
import { listAll } from './list-all.ts';
import { agentsWithin } from './plan-record.ts';

/** A question as it is listed; `until` is when it settles itself, in milliseconds since 1970. */
export type TimedAsk = Ask & { until?: number };

/** The name under which a question is decided, once. */
export const decisionKey = ({ run, k, i, uncertain = 0 }: Ask): string => `decision:${run}:m${k}/c${i}:${uncertain}`;

/** What a run waits for, as it is listed. */
export const asksIn = ({ waiting }: Pick<RunInfo, 'waiting'>): readonly TimedAsk[] =>
  Array.isArray(waiting) ? (waiting as unknown as TimedAsk[]) : [];

/** What a run waits for now; a question that was listed before keeps its time. */
export function timedAsks(record: RunRecord, state: State, before: readonly TimedAsk[]): Json {
  const known = new Map(before.map((ask) => [decisionKey(ask), ask.until]));
  const asks = asksOf(state, state.runId).map((ask): TimedAsk => {
    const until =
      ask.uncertain === undefined ? undefined : (known.get(decisionKey(ask)) ?? untilOf(record, state, ask));
    return { ...ask, ...(until !== undefined && { until }) };
  });
  return asks as unknown as Json;
}

function untilOf(record: RunRecord, state: State, ask: Ask): number | undefined {
  const { runId } = record.journal;
  if (ask.run === runId) {
    const { tools } = record.graph.agent(state.agent);
    const tool = tools.findLast((each): each is FunctionTool => each.type === 'function' && each.name === ask.tool);
    return tool?.askTimeoutMs === undefined ? undefined : Date.now() + tool.askTimeoutMs;
  }
  const inside = (id: string): boolean => ask.run === id || ask.run.startsWith(`${id}/`);
  const child = [...(record.children ?? [])].find(([id]) => inside(id))?.[1];
  return child && untilOf(child, child.state, ask);
}

/** Settles the questions of a run whose time is over: nobody knows, so the run fails. */
export async function expireAsks(log: EventLog, info: RunInfo): Promise<void> {
  if (info.status !== 'paused') return;
  for (const ask of asksIn(info)) {
    if (ask.until === undefined || ask.until > Date.now()) continue;
    await log.post(info.runId, { key: decisionKey(ask), event: expired(info.runId, ask) });
  }
}

function expired(runId: string, { run, k, i, tool, callId, until = 0 }: TimedAsk): RunEvent {
  const id = `m${k}/c${i}`;
  const message =
    `A crash cut off call ${callId} of tool "${tool}" (${run}/${id}), and nobody said until ` +
    `${new Date(until).toISOString()} (askTimeoutMs) whether it happened. Find out, then start a new run.`;
  const error = { name: 'SystemError', message };
  return { type: 'run.stopping', cause: 'uncertain', error, ...(run === runId && { id }) };
}

/** Looks for questions whose time is over, as often as these agents can make it worthwhile. */
export class Deadlines {
  readonly #everyMs: number;
  #lookedAt = -Infinity;

  constructor(agents: readonly AnyAgent[], leaseMs: number) {
    const times = agents
      .flatMap((agent) => [...agentsWithin(agent).values()])
      .flatMap(({ tools }) => tools)
      .flatMap((tool) => (tool.type === 'function' && !agentToolSpec(tool) ? (tool.askTimeoutMs ?? []) : []));
    this.#everyMs = times.length === 0 ? Infinity : Math.min(leaseMs, ...times);
  }

  async look(log: EventLog): Promise<void> {
    const now = performance.now();
    if (this.#everyMs === Infinity || now - this.#lookedAt < this.#everyMs) return;
    this.#lookedAt = now;
    for (const info of await listAll(log, { status: 'paused', parent: null })) await expireAsks(log, info);
  }
}
