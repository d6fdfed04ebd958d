/**
 * What a run cost, read off the attempts in its log.
 *
 * K1: what is not known is counted as not known, never as 0: also a call that a crash cut off and that was asked again.
 * K2: sub-agents' runs, runs that guardrails and tools started, and failed attempts are included. K3: a request that the
 * server refused before it answered is free.
 */
import type { Attempt, CostEntry, CostSum, RunEvent } from '../kernel/index.ts';
import type { Base, Journal } from './record.ts';

/** What model calls cost. `usd` is `nanoUsd` as a number of dollars. */
export type Cost = {
  /** Of the attempts whose cost is known, in integers of 10^-9 US dollars; `undefined` where none is. */
  nanoUsd: number | undefined;
  usd: number | undefined;
  /** Requests to models, failed ones too. */
  attempts: number;
  /** How many of them have no known cost. 0: the amount is complete. */
  unpriced: number;
  /** How many were priced as a model with a similar name. */
  fuzzy: number;
};

/** What a run cost, in all and by agent and model. A model that nobody named is `unknown`. */
export type RunCost = Cost & {
  byAgent: { [agent: string]: Cost };
  byModel: { [model: string]: Cost };
};

/** What a run and the runs within it cost: all of it, or from a position of its log on. */
export function costEntries(journal: Journal, from?: number): CostEntry[] {
  const sums = new Map<string, CostEntry>();
  collect(journal, sums, from);
  return [...sums.values()];
}

/** What a run's own log tells of: runs of sub-agents that are over are in it, and not those that go on. */
export function costOfLog(journal: Journal): CostEntry[] {
  const sums = new Map<string, CostEntry>();
  collectOwn(journal, sums);
  return [...sums.values()];
}

export function costOfJournal(journal: Journal): RunCost {
  const entries = costEntries(journal);
  return { ...total(entries), byAgent: grouped(entries, 'agent'), byModel: grouped(entries, 'model') };
}

function collect(journal: Journal, sums: Map<string, CostEntry>, from?: number): void {
  collectOwn(journal, sums, from);
  if (journal.hasChildren) for (const child of journal.children.values()) collect(child, sums);
}

function collectOwn({ base, events }: Journal, sums: Map<string, CostEntry>, from?: number): void {
  let agent = base?.state.agent ?? '';
  const underWay = new UnderWay();
  if (base && from === undefined) for (const entry of base.cost ?? untold(base)) add(sums, entry);
  for (const [at, event] of events.entries()) {
    if (event.type === 'run.started') agent = event.agent;
    else if (event.type === 'agent.changed' || event.type === 'handoff.returned') agent = event.to;
    const isLost = underWay.lost(event);
    if (at >= (from ?? 0)) {
      for (const attempt of isLost ? UNKNOWN : attemptsOf(event))
        add(sums, { agent, model: modelOf(attempt), ...sumOf(attempt) });
      if ('cost' in event) for (const entry of event.cost ?? []) add(sums, entry);
    }
  }
}

/** Model calls that were asked for and not answered. */
class UnderWay {
  readonly #ids = new Set<string>();

  /** Whether an event tells that a call was cut off: by a crash, after which it is asked again, or given up. */
  lost(event: RunEvent): boolean {
    switch (event.type) {
      case 'effect.requested': {
        const { effect } = event;
        if (effect.do !== 'call_model') return false;
        const isAgain = this.#ids.has(effect.id);
        this.#ids.add(effect.id);
        return isAgain;
      }
      case 'effect.failed':
        return this.#ids.delete(event.id);
      case 'model.replied':
      case 'model.failed':
        this.#ids.delete(event.id);
        return false;
      default:
        return false;
    }
  }
}

/** What came before a state that tells no cost. */
function untold({ state, usage: { requests = 1 } }: Base): CostEntry[] {
  return requests === 0 ? [] : [{ agent: state.agent, model: 'unknown', attempts: requests, unpriced: requests }];
}

const NONE: readonly Attempt[] = [];
/** A call of which no attempt was noted was one attempt of a model of which nothing is known. */
const UNKNOWN: readonly Attempt[] = [{ at: 0 }];

function attemptsOf(event: RunEvent): readonly Attempt[] {
  switch (event.type) {
    case 'model.replied':
      return event.attempts ?? UNKNOWN;
    case 'model.failed':
      return event.attempts ?? NONE;
    case 'session.compacted':
      return event.usage && !event.cost ? UNKNOWN : NONE;
    default:
      return NONE;
  }
}

const modelOf = ({ origin, target }: Attempt): string =>
  origin ? `${origin.provider}/${origin.model}` : (target ?? 'unknown');

const sumOf = ({ nanoUsd, price }: Attempt): CostSum => ({
  attempts: 1,
  ...(nanoUsd === undefined ? { unpriced: 1 } : { nanoUsd }),
  ...(price?.fuzzy && { fuzzy: 1 }),
});

function add(sums: Map<string, CostEntry>, { agent, model, ...one }: CostEntry): void {
  const key = `${agent}\n${model}`;
  const sum = sums.get(key);
  sums.set(key, { agent, model, ...(sum ? plus(sum, one) : one) });
}

function plus(a: CostSum, b: CostSum): CostSum {
  const unpriced = (a.unpriced ?? 0) + (b.unpriced ?? 0);
  const fuzzy = (a.fuzzy ?? 0) + (b.fuzzy ?? 0);
  const known = a.nanoUsd !== undefined || b.nanoUsd !== undefined;
  return {
    ...(known && { nanoUsd: (a.nanoUsd ?? 0) + (b.nanoUsd ?? 0) }),
    attempts: a.attempts + b.attempts,
    ...(unpriced > 0 && { unpriced }),
    ...(fuzzy > 0 && { fuzzy }),
  };
}

function total(entries: readonly CostSum[]): Cost {
  const { nanoUsd, attempts, unpriced = 0, fuzzy = 0 } = entries.reduce(plus, { attempts: 0 });
  return { nanoUsd, usd: nanoUsd === undefined ? undefined : nanoUsd / 1e9, attempts, unpriced, fuzzy };
}

function grouped(entries: readonly CostEntry[], key: 'agent' | 'model'): { [name: string]: Cost } {
  const groups = new Map<string, CostEntry[]>();
  for (const entry of entries) groups.set(entry[key], [...(groups.get(entry[key]) ?? []), entry]);
  return Object.fromEntries([...groups].map(([name, group]) => [name, total(group)]));
}
