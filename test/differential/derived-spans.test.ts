/** The spans of every scenario, read from the logs of its runs afterwards, are those that were told live. */
import { describe, expect, test } from 'vitest';
import type { Committed } from '../../src/kernel/index.ts';
import { INTERNALS } from '../../src/run/run.ts';
import { type LoggedRun, type Span, spansOf as derive } from '../../src/trace/index.ts';
import { casesOf, type Case, type Loaded, loadSide, quietly } from './harness.ts';
import { Kit, type RunnerConfig, type Sdk } from './kit.ts';
import { scenarios } from './scenarios/index.ts';

const cases = casesOf(scenarios);
let compared = 0;

/** What live and stored must have in common. What only a live run knows is left out. */
function told(span: Span): object {
  const { traceId, spanId, parentId, startedAt, endedAt, error, details, spanData } = span;
  const { instructions: _, origin: __, agent: ___, ...facts } = details ?? {};
  const data: Record<string, unknown> = { ...spanData };
  // An agent is known by its key, a request by the history of the run.
  for (const live of [
    'tools',
    'handoffs',
    'output_type',
    'model',
    'model_config',
    'input',
    'agent_name',
    'to_agent',
    'from_agent',
  ])
    if (spanData.type !== 'function' || live !== 'input') delete data[live];
  if (spanData.type === 'agent') delete data['name'];
  return { traceId, spanId, parentId, startedAt, endedAt, error, data, facts };
}

const byId = (spans: readonly Span[]): Map<string, object> => new Map(spans.map((span) => [span.spanId, told(span)]));

type Played = { live: Span[]; logs: Map<string, Committed[]> };

/** Plays a case, keeping what processors and the log were told. */
async function play({ scenario, mode }: Case, { sdk, testing }: Loaded): Promise<Played> {
  const logs = new Map<string, Committed[]>();
  const live: Span[] = [];
  const committer = (runId: string, events: readonly Committed[]): void => {
    // As a store keeps them: what comes later cannot change them.
    const copies = JSON.parse(JSON.stringify(events)) as Committed[];
    logs.set(runId, [...(logs.get(runId) ?? []), ...copies]);
  };
  class Logged extends sdk.Runner {
    constructor(config: RunnerConfig = {}) {
      const logged = { ...config, [INTERNALS]: { committer } };
      super(logged);
    }
  }
  const run = ((...args: Parameters<Sdk['run']>) => new Logged().run(...args)) as Sdk['run'];
  sdk.setTraceProcessors([
    {
      onTraceStart: async () => {},
      onTraceEnd: async () => {},
      onSpanStart: async (span) => void live.push(span as unknown as Span),
      onSpanEnd: async () => {},
      shutdown: async () => {},
      forceFlush: async () => {},
    },
  ]);
  sdk.setTracingDisabled(false);
  const kit = new Kit({ ...sdk, Runner: Logged, run }, testing, mode, true);
  await quietly(async () => {
    try {
      await scenario.play(kit);
    } catch {
      // A scenario may end with an error; its spans count.
    }
  });
  sdk.setTraceProcessors([]);
  sdk.setTracingDisabled(true);
  return { live, logs };
}

/** The log of a run with those of its sub-agents' runs. */
function logOf(runId: string, logs: Played['logs']): LoggedRun {
  const isChild = (id: string): boolean => id.startsWith(`${runId}/`) && !id.slice(runId.length + 1).includes('/m');
  const children = [...logs.keys()].filter(isChild).map((id) => logOf(id, logs));
  return { runId, events: logs.get(runId) ?? [], children };
}

/** Two resumes of one string are two branches, whose events stand in one list here. */
function isOneBranch(events: readonly Committed[]): boolean {
  let mayResume = true;
  return events.every(({ type }) => {
    if (type === 'run.resumed' && !mayResume) return false;
    if (type === 'run.started' || type === 'run.resumed') mayResume = false;
    if (type === 'run.paused' || type === 'run.failed') mayResume = true;
    return true;
  });
}

describe('spans from stored logs', () => {
  test.each(cases)('$id', async (one) => {
    const { live, logs } = await play(one, await loadSide('ours'));
    if (![...logs.values()].every(isOneBranch)) return;
    const roots = [...logs.keys()].filter((id) => !id.includes('/'));
    const stored = roots.flatMap((id) => derive(logOf(id, logs)));
    expect(byId(stored)).toEqual(byId(live));
    expect(stored).toHaveLength(live.length);
    compared += stored.length;
  });

  test('are some thousands, so that something was compared', () => {
    expect(compared).toBeGreaterThan(2000);
  });
});
