/**
 * What is derived of the segments of every scenario, after their entries were a text, is what a reader makes of them
 * while they happen; and what is counted of them without spans is what these say.
 */
import { describe, expect, test } from 'vitest';
import type { Committed, State } from '../../src/kernel/index.ts';
import { keeping } from '../../src/trace/keeper.fixture.ts';
import { modelSent } from '../../src/trace/read-model.ts';
import { cutOff, read } from '../../src/trace/reader.ts';
import { newReading } from '../../src/trace/reading.ts';
import type { AgentFacts, SentFacts } from '../../src/trace/run-tracer.ts';
import { type Entry, type KeptSegment, type SegmentKeeper, SegmentReader } from '../../src/trace/segment-log.ts';
import { endedMs, type Span } from '../../src/trace/span.ts';
import { type Counted, SegmentTally } from '../../src/trace/store/segment-tally.ts';
import { UsageTallies } from '../../src/trace/store/tally.ts';
import type { TaskUsageData } from '../../src/trace/types.ts';
import { casesOf, type Case, type Loaded, loadSide, quietly } from './harness.ts';
import { Kit } from './kit.ts';
import { scenarios } from './scenarios/index.ts';

const cases = casesOf(scenarios);
let compared = 0;

/** Reads a segment while it happens, and keeps it. */
class Watched implements SegmentKeeper {
  readonly kept: KeptSegment;
  readonly live: Span[] = [];
  readonly tally: SegmentTally;
  readonly #reading;

  constructor(kept: KeptSegment, tasks: Map<string, TaskUsageData>) {
    this.kept = kept;
    this.tally = new SegmentTally(kept);
    this.#reading = newReading({
      runId: kept.runId,
      tasks,
      listener: { onSpanStart: async (span) => void this.live.push(span), onSpanEnd: async () => undefined },
      agent: (key) =>
        this.#known((entry) => (entry.type === 'trace.agent' && entry.agent === key ? entry.facts : undefined)),
      check: ({ id }) =>
        this.#known((entry) => (entry.type === 'trace.check' && entry.id === id ? entry.name : undefined)),
    });
  }

  #known<T extends AgentFacts | string>(find: (entry: Entry) => T | undefined): T | undefined {
    for (const entry of this.kept.entries) {
      const found = find(entry);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  heard(event: Committed, state: State): void {
    read(this.#reading, event, state);
    this.tally.heard(event, state);
  }
  sent(id: string, facts: SentFacts): void {
    modelSent(this.#reading, id, facts);
    this.tally.sent(id, facts.origin);
  }
  over(): void {
    cutOff(this.#reading);
    this.tally.over();
  }
}

async function play({ scenario, mode }: Case, { sdk, testing }: Loaded): Promise<Watched[]> {
  const segments: Watched[] = [];
  const tasks = new Map<string, TaskUsageData>();
  const keeper = keeping((kept) => {
    const watched = new Watched(kept, tasks);
    segments.push(watched);
    return watched;
  });
  sdk.setTraceProcessors([keeper]);
  sdk.setTracingDisabled(false);
  await quietly(async () => {
    try {
      await scenario.play(new Kit(sdk, testing, mode, true));
    } catch {
      // A scenario may end with an error; its spans count.
    }
  });
  sdk.setTraceProcessors([]);
  sdk.setTracingDisabled(true);
  return segments;
}

/** As a store has it. */
const plain = (spans: readonly Span[]): unknown =>
  JSON.parse(
    JSON.stringify(
      spans.map(({ traceId, spanId, parentId, startedAt, endedAt, error, details, spanData }) => ({
        traceId,
        spanId,
        parentId,
        startedAt,
        endedAt,
        error,
        details,
        spanData,
      })),
    ),
  );

function derivedOf(segments: readonly Watched[]): Map<Watched, Span[]> {
  const tasks = new Map<string, TaskUsageData>();
  const derived = new Map<Watched, Span[]>();
  for (const watched of segments.toReversed()) {
    const spans: Span[] = [];
    derived.set(watched, spans);
    const listener = { onSpanStart: async (span: Span) => void spans.push(span), onSpanEnd: async () => undefined };
    const reader = new SegmentReader({ runId: '' }, listener, tasks);
    for (const entry of JSON.parse(JSON.stringify(watched.kept.entries)) as Entry[]) reader.read(entry);
  }
  return derived;
}

/** What spans say of their segment. */
function countOf(spans: readonly Span[], isFlat: boolean): Partial<Counted> {
  const calls = spans.filter(({ spanData: { type } }) => type === 'generation' || type === 'response');
  const usage = new UsageTallies();
  for (const { details, error, ...span } of calls.map((call) => ({
    details: call.details,
    error: call.error,
    at: endedMs(call),
  }))) {
    const { agent = '', origin, usage: used, nanoUsd, attempts } = details ?? {};
    usage.count({ agent, at: span.at, origin, usage: used, nanoUsd, attempts, isError: error !== null });
  }
  const agents = spans.flatMap(({ spanData }) => (spanData.type === 'agent' ? [spanData.name] : []));
  const last = spans.findLast(({ spanData: { type } }) => type === (isFlat ? 'agent' : 'task'));
  return {
    spans: spans.length,
    agent: agents[0],
    lastAgent: agents.at(-1),
    turns: calls.filter(({ error, details }) => !error && details?.outcome === undefined).length,
    tools: spans.filter(({ spanData, details }) => spanData.type === 'function' && details?.outcome === undefined)
      .length,
    usage: usage.all(),
    end: last && {
      status: last.details?.outcome ?? 'finished',
      at: endedMs(last),
      ...(last.error && last.details?.outcome !== 'finished' && { error: last.error }),
    },
  };
}

describe('segments that are kept', () => {
  test.each(cases)('$id', async (one) => {
    const segments = await play(one, await loadSide('ours'));
    const derived = derivedOf(segments);
    for (const watched of segments) {
      compared += 1;
      expect(plain(derived.get(watched) ?? [])).toEqual(plain(watched.live));
      const { at: _, touchedAt: __, ...counted } = watched.tally.take();
      const isFlat = watched.kept.segment.trace?.omitsTaskAndTurn === true;
      expect(JSON.parse(JSON.stringify(counted))).toEqual(JSON.parse(JSON.stringify(countOf(watched.live, isFlat))));
    }
  });

  test('were compared in all scenarios', () => {
    expect(compared).toBeGreaterThan(cases.length);
  });
});
