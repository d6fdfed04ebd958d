/** The store's tables on a database in memory: what counts, once. */
import { expect, test } from 'vitest';
import type { Batch, Head, OpenRecord, SpanRecord } from './batch.ts';
import type { Command } from './commands.ts';
import type { TraceRows } from './read.ts';
import { traceOf } from './rows.ts';
import { textOf } from './span-text.ts';
import { openTables } from './tables.fixture.ts';

const T0 = Date.UTC(2026, 0, 5, 10);

/** A span in a trace, and contents from number 0. */
type Said = Partial<SpanRecord> & { readonly traceId: string };
type Telling = Partial<Head> & { readonly spans?: readonly Said[]; readonly items?: readonly unknown[] };

let parts = 0;

/** A batch of a place of its own; the contents are said in the first trace. */
function writing({ spans = [], items, ...head }: Telling, redact: object | false = {}): Command {
  const traces = [...new Set(spans.map(({ traceId }) => traceId))];
  const said = items && JSON.stringify(items);
  const batch: Batch = {
    head: JSON.stringify({ writer: 1, at: Date.now(), open: [], traces: [], runs: [], segments: [], ...head }),
    segments: [],
    parts: traces.map((traceId, index) => ({
      traceId,
      place: ++parts,
      n: 0,
      spans: textOf(spans.filter((one) => one.traceId === traceId) as unknown as SpanRecord[]),
      said: index === 0 ? said : undefined,
      first: 0,
    })),
  };
  return { do: 'write', tenant: 'default', redact, batch };
}

const span = (id: string, type: string, more: Partial<Said> = {}): Said => ({
  id,
  traceId: 'trace_1',
  parentId: null,
  seq: 0,
  type,
  name: type,
  at: T0,
  endedAt: T0 + 100,
  data: {},
  runId: 'run-1',
  segmentId: 's1',
  agent: 'Guide',
  details: {},
  ...more,
});

const call = (id: string, runId: string, nanoUsd?: number): Said =>
  span(id, 'generation', {
    runId,
    details: {
      origin: { provider: 'openai', api: 'x', model: 'gpt' },
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, inputTokensDetails: { cached_tokens: 4 } },
      ...(nanoUsd !== undefined && { nanoUsd }),
    },
  });

const opened = (id: string, more: Partial<OpenRecord> = {}): OpenRecord => ({
  id,
  traceId: 'trace_1',
  parentId: null,
  seq: 0,
  type: 'agent',
  name: 'Guide',
  at: T0,
  runId: 'run-1',
  agent: 'Guide',
  ...more,
});

const run = (runId: string, at = T0, parentRunId?: string): Head['runs'][number] => ({
  runId,
  traceId: 'trace_1',
  at,
  ...(parentRunId !== undefined && { parentRunId }),
});

const runsOf = (ask: (command: Command) => unknown): Record<string, unknown>[] =>
  ask({ do: 'runs', tenant: 'default', limit: 10 }) as Record<string, unknown>[];

test('a batch that comes twice counts once', () => {
  const ask = openTables();
  const batch = writing({
    runs: [run('run-1'), run('child', T0, 'run-1')],
    spans: [
      call('a', 'run-1', 300),
      call('b', 'child'),
      span('f', 'function'),
      span('t', 'task', { details: { outcome: 'finished' } }),
    ],
    items: [{ text: 'hello' }],
  });
  expect(ask(batch)).toEqual({ spans: 4 });
  const once = runsOf(ask);
  expect(ask(batch)).toEqual({ spans: 0 });
  expect(runsOf(ask)).toEqual(once);
  expect(once).toMatchObject([
    { run_id: 'run-1', status: 'finished', turns: 1, tool_calls: 1, input_tokens: 20, cached_tokens: 8, nano_usd: 300 },
  ]);
  expect(once[0]).toMatchObject({ model_calls: 2, unpriced: 1, active_ms: 100, segments: 1 });
  expect(ask({ do: 'usage', tenant: 'default', since: 0, until: T0 * 2 })).toMatchObject([
    { agent: 'Guide', model: 'gpt', calls: 2, input_tokens: 20, nano_usd: 300, unpriced: 1 },
  ]);
});

test('a lost segment that is told late does not end a run that goes on', () => {
  const ask = openTables();
  ask(writing({ runs: [run('run-1')] }));
  ask(writing({ runs: [run('run-1', T0 + 5000)] }));
  const lost = span('t', 'task', { details: { outcome: 'interrupted' } });
  ask(writing({ runs: [run('run-1')], spans: [lost] }));
  expect(runsOf(ask)).toMatchObject([{ status_now: 'running', started_at: T0, ended_at: null, segments: 1 }]);
});

test('what is open is there, until it ends or its process is not heard of; a living one may take it over', () => {
  const ask = openTables();
  const spans = (): string[] =>
    traceOf(ask({ do: 'trace', tenant: 'default', id: 'run-1' }) as TraceRows).spans.map(
      ({ spanId, isOpen, details, startedAt, endedAt }) =>
        `${spanId} ${isOpen ? 'open' : (details?.outcome ?? 'ended')} ${isOpen ? '' : endedAt - startedAt}`,
    );
  const seen = (status: string): unknown[] =>
    (ask({ do: 'runs', tenant: 'default', status, limit: 10 }) as Record<string, unknown>[]).map((row) => row['agent']);
  ask(writing({ runs: [run('run-1')], open: [opened('a'), opened('f', { type: 'function', seq: 1 })] }));
  expect(spans()).toEqual(['a open ', 'f open ']);
  expect([seen('running'), seen('interrupted')]).toEqual([['Guide'], []]);
  ask(writing({ spans: [span('f', 'function', { told: true, seq: 1 })] }));
  expect(spans()).toEqual(['a open ', 'f ended 100']);

  const silent = openTables();
  const lost = { writer: 2, at: T0 + 400, open: [opened('a')], runs: [run('run-1')] };
  silent(writing(lost));
  const row = silent({ do: 'trace', tenant: 'default', id: 'run-1' }) as TraceRows;
  expect(traceOf(row)).toMatchObject({
    runs: [{ status: 'interrupted', activeMs: 400, endedAt: T0 + 400 }],
    spans: [{ spanId: 'a', endedAt: T0 + 400, details: { outcome: 'interrupted' } }],
  });
  // Another process tells of the lost segment again, and goes on.
  silent(writing({ writer: 3, runs: [run('run-1', T0 + 900)], spans: [span('a', 'agent')] }));
  const again = traceOf(silent({ do: 'trace', tenant: 'default', id: 'run-1' }) as TraceRows);
  expect(again).toMatchObject({ runs: [{ status: 'running', endedAt: undefined }], spans: [{ spanId: 'a' }] });
});

test('tenants do not see each other', () => {
  const ask = openTables();
  ask(writing({ runs: [run('run-1')] }));
  expect(ask({ do: 'runs', tenant: 'other', limit: 10 })).toEqual([]);
  expect(ask({ do: 'trace', tenant: 'other', id: 'run-1' })).toEqual({ candidates: [] });
});

test('secrets are taken out of all that is said, and ids stay', () => {
  const ask = openTables();
  const secret = 'hunter2-hunter2';
  ask(
    writing(
      {
        traces: [{ traceId: 'trace_1', name: `n ${secret}`, groupId: secret, metadata: { secret }, at: T0 }],
        runs: [run('run-1')],
        spans: [span('s', 'custom', { name: secret, error: { message: secret }, data: { deep: [{ text: secret }] } })],
        open: [opened('o', { name: secret, agent: secret })],
        items: [`say ${secret}`],
      },
      { literals: [secret] },
    ),
  );
  const rows = ask({ do: 'trace', tenant: 'default', id: 'run-1' }) as TraceRows;
  expect(JSON.stringify(rows)).not.toContain('hunter2');
  expect(traceOf(rows).spans).toMatchObject([{ spanId: 's', name: '[redacted]' }, { spanId: 'o' }]);
  expect(rows.parts).toMatchObject([{ first: 0, said: '["say [redacted]"]' }]);
});

test('retention takes what was said first, then runs, in chunks', () => {
  const ask = openTables();
  const at = (n: number): number => T0 + n * 1000;
  for (let n = 0; n < 150; n++) {
    const traceId = `trace_${n}`;
    const task = span(`t${n}`, 'task', { traceId, at: at(n), endedAt: at(n), runId: `r${n}` });
    ask(
      writing({
        runs: [{ runId: `r${n}`, traceId, at: at(n) }],
        spans: [task],
        items: ['x'.repeat(96)],
      }),
    );
  }
  const keepAll = { do: 'prune', contentBefore: 0, runsBefore: 0, usageBefore: 0, contentBytes: 1e9 } as const;
  const all = (command: Command): void => {
    while ((ask(command) as { more: boolean }).more);
  };
  const said = (n: number): number =>
    (ask({ do: 'trace', tenant: 'default', id: `r${n}` }) as TraceRows).parts.filter(({ said }) => said !== null)
      .length;
  all(keepAll);
  expect([said(0), said(149)]).toEqual([1, 1]);
  all({ ...keepAll, contentBytes: 1000 });
  expect([said(0), said(139), said(140), said(149)]).toEqual([0, 0, 1, 1]);
  all({ ...keepAll, contentBefore: at(145) });
  expect([said(144), said(145)]).toEqual([0, 1]);
  all({ ...keepAll, runsBefore: at(148) });
  expect(runsOf(ask).map((row) => row['run_id'])).toEqual(['r149', 'r148']);
});
