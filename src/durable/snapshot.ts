/**
 * Snapshots of long runs, so that one is taken up from its newest snapshot and the events after it.
 */
import type { State } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import type { UsageData } from '../protocol/model.ts';
import type { Journal } from '../run/record.ts';
import { decodeState, encodeState } from '../run/state-codec.ts';
import { usageData, usageOfJournal } from '../run/usage.ts';

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
  const usage = usageData(usageOfJournal(journal));
  return { at, state: { state: encodeState(state), usage } as unknown as Json };
}

/** What `snapshotIfDue` stored. */
export function readSnapshot(json: Json): { state: State; usage: UsageData } {
  const { state, usage } = json as unknown as { state: Json; usage: UsageData };
  return { state: decodeState(state), usage };
}
