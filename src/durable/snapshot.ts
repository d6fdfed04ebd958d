/**
 * Snapshots of long runs, so that one is taken up from its newest snapshot and the events after it.
 */
import type { CostEntry, State } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import type { UsageData } from '../protocol/model.ts';
import { costOfLog } from '../run/cost.ts';
import type { Journal } from '../run/record.ts';
import { decodeState, encodeState } from '../run/state-codec.ts';
import { usageData, usageOfLog } from '../run/usage.ts';

/**
 * A snapshot costs as much as the state is long, so they are made ever more seldom: together linear in the run. Sooner
 * where a run comes to rest: it will be taken up from there.
 */
const FIRST_AT = 512;
const SOONER = 8;

type Due = { position: number; snapshotAt: number; added: number; journal: Journal };

export function snapshotIfDue(
  state: State,
  { position, snapshotAt, added, journal }: Due,
): { at: number; state: Json } | undefined {
  const at = position + added;
  const least = state.status === 'paused' ? snapshotAt / SOONER : snapshotAt;
  if (at - snapshotAt < Math.max(FIRST_AT, least)) return undefined;
  // Of its own log: the runs of sub-agents that go on have logs, and snapshots, of their own.
  const usage = usageData(usageOfLog(journal));
  const cost = costOfLog(journal);
  const isKnown = cost.some(({ nanoUsd }) => nanoUsd !== undefined);
  return { at, state: { state: encodeState(state), usage, ...(isKnown && { cost }) } as unknown as Json };
}

/** What `snapshotIfDue` stored. */
export function readSnapshot(json: Json): { state: State; usage: UsageData; cost?: CostEntry[] } {
  const { state, usage, cost } = json as unknown as { state: Json; usage: UsageData; cost?: CostEntry[] };
  return { state: decodeState(state), usage, ...(cost && { cost }) };
}
