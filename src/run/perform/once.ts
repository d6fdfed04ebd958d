/**
 * Before a tool acts in a durable run: what is known of an attempt that was cut off, and the record that this one
 * begins, for tools that must not act twice.
 */
import type { Effect } from '../../kernel/index.ts';
import { effectOf } from '../../tools/index.ts';
import type { Bound } from '../calls.ts';
import type { LiveRun } from '../live-run.ts';

export type Beginning = { kind: 'go' } | { kind: 'happened'; output: unknown } | { kind: 'unknown' };

const GO: Beginning = { kind: 'go' };

type CallTool = Extract<Effect, { do: 'call_tool' }>;

/** @throws where the run is not this worker's any more, or was stopped meanwhile */
export async function beginCall(run: LiveRun, effect: CallTool, { tool, prepared }: Bound): Promise<Beginning> {
  const { durable } = run.surroundings;
  if (!durable) return GO;
  durable.check();
  if (effectOf(tool) !== 'once' || !prepared.ok) return GO;
  if (effect.reconcile) {
    const found = await reconciled(run, effect, { tool, prepared });
    if (found.kind !== 'go') return found;
  }
  await run.begin(effect.id);
  if (run.isStopped) throw new DOMException('The run was stopped before the tool began.', 'AbortError');
  return GO;
}

async function reconciled(run: LiveRun, { id, attempt = 1 }: CallTool, { tool, prepared }: Bound): Promise<Beginning> {
  if (!tool.reconcile || !prepared.ok) return { kind: 'unknown' };
  try {
    const answer = await tool.reconcile({
      // What the schema made of the arguments is what the tool's functions take.
      input: prepared.value as never,
      context: run.context,
      idempotencyKey: keyOf(run, id),
      attempt,
    });
    // Only what says so is a proof: whatever else came of it is no reason to act twice.
    switch (answer?.happened) {
      case true:
        return { kind: 'happened', output: answer.output };
      case false:
        return GO;
      default:
        return { kind: 'unknown' };
    }
  } catch {
    // Who cannot find out does not know.
    return { kind: 'unknown' };
  }
}

/** Unique in the world: the run's id is, and the effect's within the run. */
export const keyOf = (run: LiveRun, effectId: string): string => `${run.record.journal.runId}/${effectId}`;
