/** A run as a tree with its usage, read off its log (`state.events`) and nothing else. */
import type { FunctionCallItem, RunState } from '@baton/agents';

type RunEvent = RunState['events'][number];
type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/** Model calls, tokens and milliseconds. */
export type Cost = { calls: number; tokens: number; ms: number };
/** Something that an agent did. */
export type Leaf = { readonly kind: 'tool' | 'handoff'; readonly name: string; note: string; cost: Cost };
/** An agent at work, or a check. */
export type Branch = {
  readonly kind: 'agent' | 'passed' | 'tripped';
  readonly name: string;
  readonly cost: Cost;
  readonly leaves: Leaf[];
};
export type Tree = { readonly branches: readonly Branch[]; readonly total: Cost };

/** What is known while the log is read, from its first event to its last. */
type Reading = {
  readonly branches: Branch[];
  /** When each effect was asked for. */
  readonly began: Map<string, number>;
  /** Tool calls by the id of their effect and by the model's id of the call. */
  readonly calls: Map<string, Leaf>;
  agent: string;
  /** When the newest commit was: its first event has the time. */
  now: number;
  /** Since when a person is asked. */
  pausedAt: number | undefined;
  waited: number;
};

export function treeOf(events: readonly RunEvent[]): Tree {
  const reading: Reading = {
    branches: [],
    began: new Map(),
    calls: new Map(),
    agent: '',
    now: 0,
    pausedAt: undefined,
    waited: 0,
  };
  const start = timeOf(events[0]) ?? 0;
  for (const event of events) read(reading, event);
  const { branches, now, waited } = reading;
  const total = { calls: 0, tokens: 0, ms: now - start - waited };
  for (const { cost, leaves } of branches) {
    for (const { calls, tokens } of [cost, ...leaves.map((leaf) => leaf.cost)]) {
      total.calls += calls;
      total.tokens += tokens;
    }
  }
  return { branches, total };
}

function read(reading: Reading, event: RunEvent): void {
  const before = reading.now;
  reading.now = timeOf(event) ?? reading.now;
  switch (event.type) {
    case 'run.started':
      reading.agent = event.agent;
      return;
    case 'run.paused':
      reading.pausedAt = reading.now;
      return;
    case 'run.resumed':
      rested(reading, reading.now - (reading.pausedAt ?? before));
      reading.pausedAt = undefined;
      return;
    case 'run.recovered':
      if (reading.pausedAt === undefined) rested(reading, reading.now - before);
      return;
    case 'effect.requested':
      reading.began.set(event.effect.id, reading.now);
      return;
    case 'check.returned':
      return readCheck(reading, event);
    case 'model.replied':
      return readReply(reading, event);
    case 'approval.decided': {
      const call = reading.calls.get(event.callId ?? '');
      if (call) call.note = event.approved ? 'approved by a person' : 'refused by a person';
      return;
    }
    case 'tool.returned': {
      const call = reading.calls.get(event.id);
      if (!call) return;
      const { usage } = event;
      if (usage) call.note = 'a sub-agent';
      call.cost = {
        calls: usage ? (usage.requests ?? 1) : 0,
        tokens: usage?.totalTokens ?? 0,
        ms: since(reading, event.id),
      };
      return;
    }
    case 'agent.changed':
    case 'handoff.returned':
      workOf(reading).leaves.push({ kind: 'handoff', name: event.to, note: '', cost: { calls: 0, tokens: 0, ms: 0 } });
      reading.agent = event.to;
      return;
    default:
      return;
  }
}

/** Time in which nobody worked, for a person thought or the process was gone, is time of nothing. */
function rested(reading: Reading, ms: number): void {
  reading.waited += ms;
  for (const [id, at] of reading.began) reading.began.set(id, at + ms);
}

/** A check that asked an agent put its usage into its `outputInfo`, which the log keeps. */
function readCheck(reading: Reading, event: EventOf<'check.returned'>): void {
  const { verdict, name, info } = event;
  const told = typeof info === 'object' && info !== null && !Array.isArray(info) ? info : {};
  const cost = {
    calls: Number(told['requests'] ?? 0),
    tokens: Number(told['totalTokens'] ?? 0),
    ms: since(reading, event.id),
  };
  reading.branches.push({ kind: verdict === 'pass' ? 'passed' : 'tripped', name, cost, leaves: [] });
}

function readReply(reading: Reading, event: EventOf<'model.replied'>): void {
  const { reply, id } = event;
  const { cost, leaves } = workOf(reading);
  cost.calls += 1;
  cost.tokens += reply.usage.totalTokens;
  cost.ms += since(reading, event.id);
  for (const [i, { item, kind }] of callsOf(event).entries()) {
    if (kind === 'handoff') continue;
    const leaf: Leaf = { kind: 'tool', name: item.name, note: '', cost: { calls: 0, tokens: 0, ms: 0 } };
    leaves.push(leaf);
    reading.calls.set(`${id}/c${i}`, leaf).set(item.callId, leaf);
  }
}

type Call = { item: FunctionCallItem; kind: string };

/** The calls of a reply. What they are is told only where not all of them are plain function tools. */
function callsOf({ reply, calls }: EventOf<'model.replied'>): Call[] {
  if (!calls)
    return reply.output.flatMap((item) => (item.type === 'function_call' ? [{ item, kind: 'function' }] : []));
  return calls.flatMap(({ at, kind }) => {
    const item = reply.output[at];
    return item?.type === 'function_call' ? [{ item, kind }] : [];
  });
}

/** The branch of the agent that is active; a new one where another was active before. */
function workOf({ branches, agent }: Reading): Branch {
  const last = branches.at(-1);
  if (last?.kind === 'agent' && last.name === agent) return last;
  const branch: Branch = { kind: 'agent', name: agent, cost: { calls: 0, tokens: 0, ms: 0 }, leaves: [] };
  branches.push(branch);
  return branch;
}

const timeOf = (event: RunEvent | undefined): number | undefined =>
  event && 'at' in event && typeof event.at === 'number' ? event.at : undefined;

const since = ({ began, now }: Reading, id: string): number => now - (began.get(id) ?? now);
