/**
 * What happens beside runs, counted: it is in no run's log, and belongs to the process in which it happened.
 */
import { onSignal } from '../../wire/signals.ts';

export type OperationSums = {
  /** Runs that a worker took from another that showed no sign of life. */
  leaseTakeovers: number;
  /** Endpoints that were not asked for a while. */
  cooldowns: number;
  /** Calls that a budget did not allow, and runs that it ended. */
  budgetRefusals: number;
  /** Spans, and traces, that were to be kept or sent and were not. */
  telemetryDropped: number;
};
export type Operation = keyof OperationSums;

export const noOperations = (): OperationSums => ({
  leaseTakeovers: 0,
  cooldowns: 0,
  budgetRefusals: 0,
  telemetryDropped: 0,
});

/** Name in Prometheus, without `baton_` or `baton_store_`, and help. */
export const OPERATIONS: readonly (readonly [operation: Operation, name: string, help: string])[] = [
  ['leaseTakeovers', 'lease_takeovers_total', 'Runs taken from workers that showed no sign of life.'],
  ['cooldowns', 'cooldowns_total', 'Endpoints of models that were not asked for a while.'],
  ['budgetRefusals', 'budget_refusals_total', 'Calls that a budget did not allow, and runs that it ended.'],
  ['telemetryDropped', 'telemetry_dropped_total', 'Spans and traces that were not kept or sent.'],
];

export function addOperations(into: OperationSums, other: Readonly<Partial<OperationSums>>): void {
  for (const [operation] of OPERATIONS) into[operation] += other[operation] ?? 0;
}

/** Tells of each, as it happens. Gives what ends it. */
export function watchOperations(count: (operation: Operation, amount: number) => void): () => void {
  const ends = [
    onSignal('baton:takeover', () => count('leaseTakeovers', 1)),
    onSignal('baton:cooldown', () => count('cooldowns', 1)),
    onSignal('baton:budget-refusal', () => count('budgetRefusals', 1)),
    onSignal('baton:telemetry-dropped', (dropped) => count('telemetryDropped', dropped.count)),
  ];
  return () => ends.forEach((end) => end());
}
