/** What a copy of a run (`RunStore.fork`) may do to the world: said of the copy, held by the runs of its sub-agents too. */
import type { Fork } from '../kernel/events.ts';
import type { LiveRun } from './live-run.ts';

/** What becomes of tools that must not act twice. Undefined: it is no copy. */
export function onceIn(run: LiveRun): Fork['once'] | undefined {
  for (let at: LiveRun | undefined = run; at; at = at.surroundings.parent) {
    if (at.record.state.fork) return at.record.state.fork.once;
  }
  return undefined;
}
