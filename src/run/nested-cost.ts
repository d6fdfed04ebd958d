/**
 * What runs cost that user code starts within a run: a guardrail that asks a checker agent, a tool that runs an agent, a
 * session that has its history summed up.
 *
 * Such a run has its own log and nothing that ties it to the outer one, so its cost travels with the asynchronous
 * context of the effect, and is kept in the event that answers it. Only where costs are counted at all.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CostEntry, RunEvent } from '../kernel/index.ts';
import type { Prices } from '../model/index.ts';
import { costEntries } from './cost.ts';
import { defaultModel, defaultPrices, defaultProvider } from './defaults.ts';
import type { LiveRun } from './live-run.ts';
import type { Journal } from './record.ts';

const within = /* @__PURE__ */ new AsyncLocalStorage<{ entries: CostEntry[]; prices: Prices | undefined }>();

/** The prices of a run: its own, else those of the run that it runs within, else the default. */
export const pricesOf = ({ settings }: LiveRun): Prices | undefined =>
  settings.prices ?? within.getStore()?.prices ?? defaultPrices();

/** Whether somebody wants to know costs: prices were given, or the agent's model looks after them itself. */
export function countsCost(run: LiveRun): boolean {
  if (pricesOf(run) !== undefined) return true;
  const { model } = run.agent(run.record.state.agent);
  const asked = (model === '' ? run.settings.model : model) ?? defaultModel();
  const asks = typeof asked === 'object' ? asked : (run.settings.modelProvider ?? defaultProvider());
  return asks.ownsRetry === true;
}

/** Carries out an effect, and adds to its answer what runs within it cost. */
export async function withNestedCost(run: LiveRun, work: () => Promise<RunEvent>): Promise<RunEvent> {
  const entries: CostEntry[] = [];
  const event = await within.run({ entries, prices: pricesOf(run) }, work);
  if (entries.length === 0) return event;
  switch (event.type) {
    case 'check.returned':
    case 'call.decided':
    case 'tool.returned':
    case 'tool.failed':
    case 'handoff.returned':
    case 'handoff.refused':
    case 'error.handled':
    case 'session.compacted':
      return { ...event, cost: [...(event.cost ?? []), ...entries] };
    default:
      return event;
  }
}

/** A run has ended: tells the effect that it ran within, if there is one. */
export function bookNested(journal: Journal, from: number): void {
  within.getStore()?.entries.push(...costEntries(journal, from));
}
