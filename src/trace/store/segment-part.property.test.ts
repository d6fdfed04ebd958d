/** However a segment is cut into parts, whichever of them come twice or not at all at first: it is stored as in one. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Agent } from '../../agent/index.ts';
import type { Committed, State } from '../../kernel/index.ts';
import { Usage } from '../../protocol/usage.ts';
import { run } from '../../run/index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../../testing/index.ts';
import { tool } from '../../tools/index.ts';
import { setTraceProcessors, setTracingDisabled } from '../index.ts';
import type { SentFacts } from '../run-tracer.ts';
import { keeping } from '../keeper.fixture.ts';
import type { Entry, KeptSegment } from '../segment-log.ts';
import type { Command } from './commands.ts';
import { TracePlace } from './place.ts';
import type { TraceRows } from './read.ts';
import { headOf } from './record.ts';
import { traceOf } from './rows.ts';
import { type SegmentPart, StoredSegment } from './segment-part.ts';
import { openTables } from './tables.fixture.ts';

/** What a keeper heard, to be played again: how many entries there were at each step. */
type Step = { readonly entries: number; tell(segment: StoredSegment): void };
type Recorded = { readonly kept: KeptSegment; readonly steps: readonly Step[] };

beforeEach(() => setTracingDisabled(false));
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
});

async function recorded(): Promise<Recorded> {
  const all: { kept: KeptSegment; steps: Step[] }[] = [];
  const keeper = keeping((kept) => {
    const steps: Step[] = [];
    all.push({ kept, steps });
    const step = (tell: Step['tell']): void => void steps.push({ entries: kept.entries.length, tell });
    return {
      heard: (event: Committed, state: State) => step((segment) => segment.heard(event, state)),
      sent: (id: string, facts: SentFacts) => step((segment) => segment.sent(id, facts)),
      over: () => step((segment) => segment.over()),
    };
  });
  setTraceProcessors([keeper]);
  const parameters = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
  const look = tool({ name: 'look', description: '', parameters, strict: false, execute: () => 'seen' });
  const usage = new Usage({ requests: 1, inputTokens: 10, outputTokens: 5, totalTokens: 15 });
  const call = (callId: string) => ({ usage, output: [functionCall('look', {}, { callId })] });
  const model = new ScriptedModel([call('c1'), call('c2'), { usage, output: [assistantMessage('done')] }]);
  await run(new Agent({ name: 'A', instructions: 'Look.', model, tools: [look] }), 'hi');
  const [only] = all;
  if (!only) throw new Error('Nothing was kept.');
  return only;
}

const writing = ({ record, text }: SegmentPart): Command => {
  const head = headOf({ writer: 1, at: 1, open: [], traces: [], runs: [], segments: [record] });
  return { do: 'write', tenant: 'default', redact: {}, batch: { head, segments: [text], parts: [] } };
};

const UNHEARD = { begun: () => undefined, over: () => undefined };

/** What becomes of the part that is taken after a step; undefined: none is. */
type Fate = 'arrives' | 'arrives twice' | 'is lost' | undefined;

function stored({ kept, steps }: Recorded, fates: readonly Fate[]): object {
  const ask = openTables();
  const growing: Entry[] = [];
  const place = new TracePlace(kept.segment.trace?.traceId ?? '');
  const { runId, segment: about, parentRunId } = kept;
  const same = { runId, segment: about, parentRunId, entries: growing, nameOf: (key: string) => kept.nameOf(key) };
  const segment = new StoredSegment(same, place, UNHEARD);
  for (const [n, { entries, tell }] of steps.entries()) {
    growing.push(...kept.entries.slice(growing.length, entries));
    tell(segment);
    // The last one takes all that is left.
    const isLast = n === steps.length - 1;
    const fate = isLast ? 'arrives' : fates[n];
    if (fate === undefined || !(isLast ? segment.hasRest() : segment.hasNews())) continue;
    const part = segment.take();
    if (fate === 'is lost') segment.putBack(part.counted);
    else ask(writing(part));
    if (fate === 'arrives twice') ask(writing(part));
  }
  const id = kept.runId;
  const run = traceOf(ask({ do: 'trace', tenant: 'default', id }) as TraceRows);
  const usage = ask({ do: 'usage', tenant: 'default', since: 0, until: Number.MAX_SAFE_INTEGER });
  return { run, usage: JSON.parse(JSON.stringify(usage)) as unknown };
}

test('parts of a segment are the segment, wherever it is cut and whatever is lost on the way', async () => {
  const segment = await recorded();
  const whole = stored(segment, []);
  expect(whole).toMatchObject({
    run: { runs: [{ status: 'finished', turns: 3, toolCalls: 2, inputTokens: 30, segments: 1 }] },
    usage: [{ agent: 'A', calls: 3, input_tokens: 30 }],
  });
  const fate = fc.constantFrom<Fate>('arrives', 'arrives twice', 'is lost', undefined);
  const fates = fc.array(fate, { minLength: segment.steps.length, maxLength: segment.steps.length });
  fc.assert(
    fc.property(fates, (some) => {
      expect(stored(segment, some)).toEqual(whole);
    }),
  );
});

test('of a segment that is over, its text alone waits for the store; one that goes on can be told again', async () => {
  const { kept, steps } = await recorded();
  const segment = new StoredSegment(kept, new TracePlace(kept.segment.trace?.traceId ?? ''), UNHEARD);
  for (const { tell } of steps.slice(0, -1)) tell(segment);
  expect(segment.take().of).toBe(segment);
  steps.at(-1)?.tell(segment);
  segment.over();
  expect(segment.take().of).toBeUndefined();
});
