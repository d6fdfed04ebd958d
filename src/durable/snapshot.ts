/**
 * Snapshots of long runs, so that one is taken up from its newest snapshot and the events after it.
 */
import type { State } from '../kernel/index.ts';
import type { Json } from '../protocol/json.ts';
import type { UsageData } from '../protocol/model.ts';
import type { Journal } from '../run/record.ts';
import { decodeState, encodeState } from '../run/state-codec.ts';
import { usageData, usageOfJournal } from '../run/usage.ts';

/** A snapshot costs as much as the state is long, so they are made ever more seldom: together linear in the run. */
const FIRST_AT = 512;

type Due = { position: number; snapshotAt: number; added: number; journal: Journal };

export function snapshotIfDue(
  state: State,
  { position, snapshotAt, added, journal }: Due,
): { at: number; state: Json } | undefined {
  const at = position + added;
  if (at - snapshotAt < Math.max(FIRST_AT, snapshotAt)) return undefined;
  const usage = usageData(usageOfJournal(journal));
  return { at, state: { state: encodeState(state), usage } as unknown as Json };
}

/** What `snapshotIfDue` stored. */
export function readSnapshot(json: Json): { state: State; usage: UsageData } {
  const { state, usage } = json as unknown as { state: Json; usage: UsageData };
  return { state: decodeState(state), usage };
}
