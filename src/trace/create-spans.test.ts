/** Each kind of span, made by hand: what it says is what the published package's says. */
import * as published from '@openai/agents';
import { afterEach, expect, test } from 'vitest';
import * as ours from '../index.ts';

type Json = Record<string, unknown>;
type Spanned = { toJSON(): object | null; spanId: string; parentId: string | null };
type Library = Record<string, (...args: never[]) => unknown>;

/** Options a kind cannot do without, and some that it can have. */
const KINDS: { kind: string; data: Json }[] = [
  { kind: 'Agent', data: { name: 'A', tools: ['t'], handoffs: ['B'], output_type: 'text' } },
  { kind: 'Task', data: { name: 'job' } },
  { kind: 'Turn', data: { turn: 2, agent_name: 'A' } },
  { kind: 'Function', data: { name: 'add', input: '{"a":1}', output: '2' } },
  { kind: 'Handoff', data: { from_agent: 'A', to_agent: 'B' } },
  { kind: 'Generation', data: { model: 'm', model_config: { temperature: 1 } } },
  // With data, ours has it and the published one does not: docs/compatibility.md, Spans.
  { kind: 'Response', data: {} },
  { kind: 'Guardrail', data: { name: 'check', triggered: true } },
  { kind: 'Custom', data: { name: 'mine', data: { a: 1 } } },
  { kind: 'Transcription', data: { model: 'm', input: { data: 'x', format: 'pcm' } } },
  { kind: 'Speech', data: { model: 'm', output: { data: 'x', format: 'pcm' } } },
  { kind: 'SpeechGroup', data: { input: 'hello' } },
  { kind: 'MCPListTools', data: { server: 's', result: ['t'] } },
];

const spans = async (library: object, kind: string, data: Json): Promise<unknown[]> => {
  const lib = library as Library;
  const told: unknown[] = [];
  const tell = (span: Spanned, parent: string | undefined): void => {
    const { span_data: said } = (span.toJSON() ?? {}) as { span_data?: unknown };
    told.push({ said, under: span.parentId === parent });
  };
  const inTrace = lib['withTrace'] as (name: string, fn: () => Promise<void>) => Promise<void>;
  await inTrace('t', async () => {
    const create = lib[`create${kind}Span`] as (options: Json, parent?: unknown) => Spanned;
    const around = lib[`with${kind}Span`] as (fn: (span: Spanned) => Promise<string>, options: Json) => Promise<string>;
    const outer = create({ data });
    tell(outer, undefined);
    tell(create({ data }, outer), outer.spanId);
    expect(await around(async (span) => (tell(span, undefined), 'through'), { data })).toBe('through');
    await expect(around(() => Promise.reject(new Error('no')), { data })).rejects.toThrow('no');
  });
  return told;
};

afterEach(() => {
  for (const library of [ours, published]) library.setTracingDisabled(true);
});

test.each(KINDS)(
  'a $kind span says what the published one says, and stands where it was made',
  async ({ kind, data }) => {
    for (const library of [ours, published]) library.setTracingDisabled(false);
    published.setTraceProcessors([]);
    const theirs = await spans(published, kind, data);
    expect(await spans(ours, kind, data)).toEqual(theirs);
    expect(theirs).toHaveLength(3);
  },
);
