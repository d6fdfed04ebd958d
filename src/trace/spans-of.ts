/**
 * Spans from stored logs.
 */
import { apply, type Committed, initialState } from '../kernel/index.ts';
import { cutOff, read } from './reader.ts';
import { newReading, type Reading } from './reading.ts';
import type { AgentFacts } from './run-tracer.ts';
import type { Span } from './span.ts';
import type { TaskUsageData } from './types.ts';

/** A run's events as they were committed, with the logs of its sub-agents' runs where they were kept. */
export type LoggedRun = {
  readonly runId: string;
  readonly events: readonly Committed[];
  readonly children?: readonly LoggedRun[];
};

export type SpansOfOptions = {
  /** What an agent is, by its key in the log: its name, unless names repeat. @default the key as its name */
  readonly agent?: (key: string) => AgentFacts | undefined;
};

/**
 * The spans of a run, in the order in which they began to be told, read from its log: the same tree, ids, times,
 * errors and usage as when it ran. What a log does not hold is left out: which tools were offered, instructions, and
 * a model request as a filter changed it. A run that is cut off, or still under way, has spans marked `interrupted`.
 *
 * @example
 * const result = await run(agent, 'Hi');
 * const spans = spansOf(result.state);
 */
export function spansOf(log: LoggedRun, options: SpansOfOptions = {}): Span[] {
  const spans: Span[] = [];
  derive(log, { options, spans, tasks: new Map() });
  return spans;
}

type Derivation = { options: SpansOfOptions; spans: Span[]; tasks: Map<string, TaskUsageData> };

function derive(log: LoggedRun, { options, spans, tasks }: Derivation): void {
  const own: Span[] = [];
  const nested: Span[] = [];
  // Sub-agents first: what they used counts for the calls that they carry out.
  for (const child of log.children ?? []) derive(child, { options, spans: nested, tasks });
  const reading: Reading = newReading({
    runId: runIdOf(log),
    tasks,
    listener: {
      onSpanStart: async (span) => void own.push(span),
      onSpanEnd: async () => undefined,
    },
    ...(options.agent && { agent: options.agent }),
  });
  let state = initialState();
  for (const event of log.events) {
    state = apply(state, event);
    read(reading, event, state);
    // What a fork copied is told by the log that it was copied from.
    if (event.type === 'run.forked') own.length = 0;
  }
  cutOff(reading);
  spans.push(...own, ...nested);
}

/** The log's own word counts. */
function runIdOf({ runId, events }: LoggedRun): string {
  const [first] = events;
  return first?.type === 'run.started' ? first.runId : runId;
}
