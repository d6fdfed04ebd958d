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

const dataOf = (json: object | null): unknown => (json as { span_data?: unknown } | null)?.span_data;

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

/** Those of which the published types ask for options, and its functions do not. */
const NAMELESS = ['Function', 'Custom', 'Guardrail'];

test.each(NAMELESS)(
  'plain JavaScript may leave out the options of a %s span, as in the published package',
  async (kind) => {
    const said = [];
    for (const library of [ours, published]) {
      library.setTracingDisabled(false);
      const lib = library as unknown as Library;
      const around = lib[`with${kind}Span`] as (fn: (span: Spanned) => Promise<object | null>) => Promise<object>;
      const create = lib[`create${kind}Span`] as () => Spanned;
      said.push(
        await library.withTrace('t', async () =>
          [await around(async (span) => span.toJSON()), create().toJSON()].map(dataOf),
        ),
      );
    }
    expect(said[0]).toEqual(said[1]);
    expect(said[0]?.[0]).toMatchObject({ type: kind.toLowerCase() });
  },
);

test('nor need they give options for the kinds where the published functions throw', async () => {
  ours.setTracingDisabled(false);
  const lib = ours as unknown as Library;
  await ours.withTrace('t', async () => {
    for (const kind of ['Turn', 'Transcription', 'Speech']) {
      const around = lib[`with${kind}Span`] as (fn: (span: Spanned) => Promise<object | null>) => Promise<object>;
      expect(await around(async (span) => span.toJSON())).toMatchObject({ object: 'trace.span' });
    }
  });
});
