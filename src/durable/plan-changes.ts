/** What became of the agents of a run while it rested. Loaded with the first run that is taken up. */
import type { AnyAgent } from '../agent/index.ts';
import type { RunEvent } from '../kernel/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { Json } from '../protocol/json.ts';
import { DurableError } from './errors.ts';
import { itemsOf } from './input.ts';
import { planRecord, type PlanRecord } from './plan-record.ts';
import type { Found } from './revive.ts';
import type { OnPlanChange } from './types.ts';

/**
 * What a run that rested must hear of agents that changed meanwhile.
 *
 * @throws DurableError `durable/plan-changed` where that is not to go on
 */
export async function planEvents(
  found: Found,
  agent: AnyAgent,
  policy: OnPlanChange = 'continue',
): Promise<RunEvent[]> {
  const { plan } = found.state;
  const now = planRecord(agent);
  const changed = plan === undefined ? [] : planChanges(plan, now);
  if (changed.length === 0) return [];
  const { info } = found.log;
  const decision = typeof policy === 'function' ? await policy({ run: info, changes: changed }) : policy;
  if (decision === 'refuse') {
    throw new DurableError(
      'durable/plan-changed',
      info.runId,
      `The agents of run ${info.runId} changed while it rested, and onPlanChange refuses that: ${changed.join('; ')}. ` +
        'Run the code that it was started with, or let onPlanChange continue or migrate it.',
    );
  }
  const recorded: RunEvent = { type: 'plan.recorded', plan: now };
  if (decision === 'continue') return [recorded];
  const input: unknown = typeof decision === 'object' ? decision.input : undefined;
  if (input === undefined) {
    throw new UserError(
      `onPlanChange gave ${JSON.stringify(decision)} for run ${info.runId}. Give 'continue', 'refuse', or { input }.`,
    );
  }
  const items = itemsOf(input, `What onPlanChange gave as input for run ${info.runId}`);
  return [recorded, { type: 'input.staged', items }];
}

/** What changed, in words, a line each; empty where nothing did. */
export function planChanges(before: Json, after: PlanRecord): string[] {
  return changes(before, after, []);
}

function changes(before: Json | undefined, after: Json | undefined, path: readonly string[]): string[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    // What an older version did not record of an agent is not known to have changed.
    const known = path.length === 1 ? keys.filter((key) => key in before) : keys;
    return known.flatMap((key) => changes(before[key], after[key], [...path, key]));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  // Of what is new or gone itself.
  if (path[1] === 'descriptions' && (before === undefined || after === undefined)) return [];
  const what = named(path);
  if (before === undefined) return [`${what} is new`];
  return [after === undefined ? `${what} is gone` : `${what} changed`];
}

/** A path of the record as people say it. */
function named([agent = '', part, name]: readonly string[]): string {
  const of = `agent "${agent}"`;
  if (part === undefined) return of;
  if (name === undefined) return `${part} of ${of}`;
  switch (part) {
    case 'descriptions':
      return `description of ${name} of ${of}`;
    case 'guardrails':
      return `guardrail ${name} of ${of}`;
    default:
      return `${part === 'tools' ? 'tool' : 'handoff'} "${name}" of ${of}`;
  }
}

const isRecord = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
