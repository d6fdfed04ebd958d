/** The `baton` command as a person sees it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Agent,
  type AgentOutputItem,
  createCustomSpan,
  createPrices,
  run,
  Runner,
  setDefaultPrices,
  setTraceProcessors,
  setTracingDisabled,
  tool,
  TraceStoreProcessor,
  Usage,
  withCustomSpan,
  withTrace,
} from '../index.ts';
import { assistantMessage, functionCall, modelError, modelResponse, ScriptedModel } from '../testing/index.ts';
import { baton } from './baton.ts';
import { cost, duration, tokens } from './format.ts';
import { clip, colourful, fit, harmless, jsonLine, paintFor, plain, widthOf, wrap } from './terminal.ts';

const NOTHING = { type: 'object', properties: {}, required: [], additionalProperties: false } as const;
const EVIL = '\u001B]0;owned\u0007\u001B[2J\r\n\u009B31m\u202Eevil\u2066';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-cli-'));
  path = join(dir, 'traces.db');
});
afterEach(async () => {
  setTraceProcessors([]);
  setTracingDisabled(true);
  rmSync(dir, { recursive: true, force: true });
});

type Said = { readonly code: number; readonly out: string; readonly err: string };

async function say(args: readonly string[], { paint = plain, columns = 120 } = {}): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const code = await baton(args, { ...terminal, paint, columns });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** Leaves runs in the store: one by a hostile agent, and one that failed. */
async function leaveRuns(): Promise<void> {
  const processor = new TraceStoreProcessor({ path });
  setTraceProcessors([processor]);
  setTracingDisabled(false);
  const look = tool({
    name: 'look',
    description: '',
    parameters: NOTHING,
    strict: false,
    execute: () => withCustomSpan(async () => EVIL, { data: { name: `span ${EVIL}` } }),
  });
  const model = new ScriptedModel([[functionCall('look', {}, { callId: 'c' })], [assistantMessage(EVIL)]]);
  await run(new Agent({ name: `Agent ${EVIL}`, model, tools: [look] }), EVIL);
  const broken = new Agent({ name: 'Broken', model: new ScriptedModel([]) });
  await new Runner({ groupId: 'g' }).run(broken, 'hi').catch(() => undefined);
  await processor.shutdown();
}

const listed = async (): Promise<{ runId: string; traceId: string; agent: string; status: string }[]> =>
  JSON.parse((await say(['runs', '--store', path, '--json'])).out);

const runTimes = async (): Promise<readonly [number, number]> => {
  const [newest, oldest] = JSON.parse((await say(['runs', '--store', path, '--json'])).out);
  return [newest.startedAt, oldest.startedAt];
};

describe('runs', () => {
  test('are listed newest first, with what went wrong', async () => {
    await leaveRuns();
    const { code, out } = await say(['runs', '--store', path]);
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/run +began +status +agent +turns +time +tokens +cost/);
    expect(lines[1]).toMatch(/failed +Broken/);
    expect(lines[2]).toMatch(/✗ ./);
    expect(lines.at(-1)).toMatch(/finished +Agent .*2 /);
  });

  test('are found by status and agent', async () => {
    await leaveRuns();
    expect((await say(['runs', '--store', path, '--status', 'failed'])).out).not.toContain('finished');
    expect((await say(['runs', '--store', path, '--agent', 'Nobody'])).out).toMatch(/^No runs like that/);
    expect((await say(['runs', '--store', path, '--limit', '1', '--json'])).out.match(/"runId"/g)).toHaveLength(1);
  });
});

test(
  'runs of a time and of a group are found, and a narrow terminal leaves columns out',
  { timeout: 60_000 },
  async () => {
    await leaveRuns();
    const count = async (...more: string[]): Promise<number> =>
      JSON.parse((await say(['runs', '--store', path, '--json', ...more])).out.replace(/^No runs.*/, '[]')).length;
    expect(await count('--since', '1h')).toBe(2);
    expect(await count('--until', '1h')).toBe(0);
    expect(await count('--since', '2020-01-01', '--until', '2020-01-02T12:00Z')).toBe(0);
    expect(await count('--until', new Date().toISOString(), '--limit', '1')).toBe(1);
    const [newest, oldest] = await runTimes();
    expect(await count('--until', new Date(oldest).toISOString())).toBe(newest === oldest ? 2 : 1);
    expect(await count('--group', 'g')).toBe(1);
    expect(await count('--group', 'h')).toBe(0);
    for (const columns of [120, 100, 80, 70]) {
      const lines = (await say(['runs', '--store', path, '--agent', 'Broken'], { columns })).out.split('\n');
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      expect(lines[0]).toMatch(/^run .*began .*status .*agent .*cost$/);
    }
  },
);

describe('trace', () => {
  test('is a waterfall under a line of facts', async () => {
    await leaveRuns();
    const [, first] = await listed();
    const { out } = await say(['trace', first?.runId.slice(0, 16) ?? '', '--store', path]);
    expect(
      out
        .split('\n')
        .slice(3)
        .map((line) => line.replace(/█.*$/, '').trimEnd()),
    ).toEqual([
      '▶ Agent workflow (finished)',
      expect.stringMatching(/^└ ● Agent /),
      '  ├ · turn 1',
      '  │ ├ ✦ generation',
      '  │ └ ⚙ look',
      expect.stringMatching(/^ {2}│ {3}└ ◇ span /),
      '  └ · turn 2',
      '    └ ✦ generation',
    ]);
  });

  test('of a failed run begins with its errors', async () => {
    await leaveRuns();
    const [broken] = await listed();
    const { out } = await say(['trace', broken?.runId ?? '', '--store', path]);
    expect(out.replaceAll('\n  ', ' ').split('\n').slice(2, 6)).toEqual([
      '',
      expect.stringMatching(/^✗ generation: Error in model call .*UnexpectedModelCallError/),
      '',
      expect.stringMatching(/^✗ Agent workflow \(failed\)/),
    ]);
  });

  test('fits a narrow terminal', { timeout: 60_000 }, async () => {
    await leaveRuns();
    const [, first] = await listed();
    for (const columns of [80, 60, 40]) {
      const { out } = await say(['trace', first?.runId ?? '', '--store', path, '--content'], { columns });
      // The first line has the id and names, which are there to be copied.
      for (const line of out.split('\n').slice(1)) expect(widthOf(line)).toBeLessThanOrEqual(Math.max(columns, 54));
      expect(out).toContain(first?.traceId);
    }
  });

  test('tells an error and what was said in full, in as many lines as it takes', { timeout: 60_000 }, async () => {
    const processor = new TraceStoreProcessor({ path });
    setTraceProcessors([processor]);
    setTracingDisabled(false);
    const fault = `upstream ${'is over capacity, '.repeat(20)}request 4711`;
    const model = new ScriptedModel([modelError(new Error(fault))]);
    await run(new Agent({ name: 'A', model, instructions: 'word '.repeat(40).trim() }), 'hi').catch(() => undefined);
    await processor.shutdown();
    const [failed] = await listed();
    const flat = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ');
    const { out } = await say(['trace', failed?.runId ?? '', '--store', path, '--content'], { columns: 50 });
    expect(flat(out)).toContain(`Error: ${fault}`);
    expect(flat(out)).toContain(`instructions: ${'word '.repeat(40).trim()}`);
    expect(flat((await say(['runs', '--store', path], { columns: 50 })).out)).toContain(fault);
  });

  test(
    'draws spans that are nested deeper than the stack or the terminal, and says how many failed',
    { timeout: 60_000 },
    async () => {
      const processor = new TraceStoreProcessor({ path });
      setTraceProcessors([processor]);
      setTracingDisabled(false);
      await withTrace('deep', async () => {
        await run(new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('x')]]) }), 'hi');
        let parent: ReturnType<typeof createCustomSpan> | undefined;
        const spans = Array.from({ length: 6_000 }, (_, n) => {
          parent = createCustomSpan({ data: { name: `level ${n}` } }, parent);
          parent.start();
          return parent;
        });
        for (const span of spans.toReversed()) span.end();
        for (let n = 0; n < 30; n++)
          await withCustomSpan(() => Promise.reject(new Error(`no ${n}`)), { data: { name: 'bad' } }).catch(
            () => undefined,
          );
      });
      await processor.shutdown();
      const [only] = await listed();
      const { out } = await say(['trace', only?.traceId ?? '', '--store', path], { columns: 60 });
      const lines = out.split('\n');
      expect(lines.filter((line) => line.includes('level'))).toHaveLength(6_000);
      for (const line of lines.slice(1)) expect(widthOf(line)).toBeLessThanOrEqual(60);
      expect(lines).toContain('✗ and 10 more');
    },
  );

  test(
    'has the cost of a run on its line, with those of its sub-agents and guardrails',
    { timeout: 60_000 },
    async () => {
      const processor = new TraceStoreProcessor({ path });
      setTraceProcessors([processor]);
      setTracingDisabled(false);
      setDefaultPrices(createPrices({ catalog: false, models: { 'acme/small': { input: 1000, output: 1000 } } }));
      try {
        const priced = (...outputs: AgentOutputItem[][]): ScriptedModel => {
          const usage = new Usage({ inputTokens: 900, outputTokens: 100, totalTokens: 1000 });
          const model = new ScriptedModel(outputs.map((output) => modelResponse({ output, usage })));
          return Object.assign(model, { origin: { provider: 'acme', model: 'small' } });
        };
        const expert = new Agent({ name: 'Expert', model: priced([assistantMessage('yes')]) });
        const checker = new Agent({ name: 'Checker', model: priced([assistantMessage('fine')]) });
        const boss = new Agent({
          name: 'Boss',
          model: priced([functionCall('ask', { input: '?' }, { callId: 'c' })], [assistantMessage('done')]),
          tools: [expert.asTool({ toolName: 'ask', toolDescription: '' })],
          inputGuardrails: [
            {
              name: 'check',
              execute: async ({ input }) => ({
                tripwireTriggered: false,
                outputInfo: (await run(checker, input)).output,
              }),
            },
          ],
        });
        const { cost: known } = await run(boss, 'go');
        await processor.shutdown();
        const [only] = await listed();
        expect(known.usd).toBe(4);
        const { out } = await say(['trace', only?.runId ?? '', '--store', path]);
        expect(out.split('\n')[1]).toContain('3600→400 tokens · $4.00');
        expect(out).toMatch(/^▶ Agent workflow \(finished\) .* 3600→400 +\$4\.00$/m);
        expect(out.match(/▶ Agent workflow \(finished\) .* 900→100 +\$1\.00$/gm)).toHaveLength(2);
      } finally {
        setDefaultPrices(undefined);
      }
    },
  );
});

test('nothing that an agent said reaches the terminal as a control, in any command', { timeout: 60_000 }, async () => {
  await leaveRuns();
  const runs = await listed();
  const calls = [
    ['runs'],
    ['runs', '--json'],
    ...runs.flatMap(({ runId }) => [
      ['trace', runId, '--content'],
      ['trace', runId, '--json'],
    ]),
  ];
  for (const call of calls) {
    const { out } = await say([...call, '--store', path]);
    expect(out).not.toMatch(/[^\P{Cc}\n]|[\u202A-\u202E\u2066-\u2069]/u);
    if (call[1] !== runs[0]?.runId) expect(out).toContain('owned');
  }
  expect(runs[1]?.agent).toBe(`Agent ${EVIL}`);
});

test('harmless text is one line without controls, whatever it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(harmless(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      expect(JSON.parse(jsonLine([text]))).toEqual([text]);
    }),
  );
});

test('what is not seen is shown, in text and in JSON', () => {
  const smuggled = `pay\u{E0061}\u{E0062}\u{E0100}\u3164\u200B`;
  expect(harmless(smuggled)).toBe('pay·····');
  expect(jsonLine(smuggled)).toBe(String.raw`"pay\udb40\udc61\udb40\udc62\udb40\udd00\u3164\u200b"`);
  expect(JSON.parse(jsonLine(smuggled))).toBe(smuggled);
});

test('texts are cut, filled and parted by the columns that they take', () => {
  expect([widthOf('abc'), widthOf('日本'), widthOf('e\u0301'), widthOf('🚀')]).toEqual([3, 4, 1, 2]);
  expect(clip('日本語', 5)).toBe('日本…');
  expect(fit('日本', 6)).toBe('日本  ');
  expect(wrap('one two three four five six', 20, '  ')).toEqual(['one two three four', '  five six']);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 22, max: 60 }), (text, columns) => {
      const lines = wrap(text, columns, '  ');
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
    }),
  );
});

test('colours are there for a person who did not say no', () => {
  expect(paintFor({}, true)).toBe(colourful);
  expect(paintFor({ NO_COLOR: '1' }, true)).toBe(plain);
  expect(paintFor({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(plain);
  expect(paintFor({ TERM: 'dumb' }, true)).toBe(plain);
  expect(paintFor({}, false)).toBe(plain);
  expect(paintFor({ FORCE_COLOR: '1' }, false)).toBe(colourful);
});

test.each([
  [['runs'], 1, /There is no trace store at .*BATON_TRACE_STORE/],
  [['runs', '--limit', '0'], 2, /--limit is "0"\. Give a whole number from 1 to 1000/],
  [['runs', '--status', 'odd'], 2, /Give one of running, paused/],
  [['runs', '--wrong'], 2, /--wrong/],
  [['runs', 'extra'], 2, /one argument too many: "extra"/],
  [['runs', '--since', 'tomorrow'], 2, /--since is "tomorrow"\. Give how long ago \(30m, 12h, 7d\)/],
  [['trace'], 2, /Which run\?/],
  [['graph', 'nowhere.ts'], 2, /There is no file .*nowhere\.ts/],
  [['\u001B[2Jx'], 2, /there is no command "\\u001b\[2Jx"/],
])('%j is refused kindly', async (args, code, message) => {
  const said = await say([...args, ...(args[0] === 'runs' && args.length === 1 ? ['--store', dir] : [])]);
  expect(said).toMatchObject({ code, out: '', err: expect.stringMatching(message) });
});

test('a run that is not there is a failure, not a misunderstanding', async () => {
  await leaveRuns();
  const said = await say(['trace', 'run_nope', '--store', path]);
  expect(said).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^baton: No run or trace "run_nope" in/) });
  expect(said.err).not.toContain('--content');
});

test('help lists the commands, and each tells its options', async () => {
  expect((await say(['--help'])).out).toMatch(/runs .*\n.*trace .*\n.*metrics .*\n.*alerts .*\n.*graph /);
  expect((await say([])).code).toBe(2);
  expect((await say(['trace', '--help'])).out).toContain('baton trace <id');
});

test('a graph has each agent once, with handoffs, agents as tools, tools and guardrails', async () => {
  const index = join(import.meta.dirname, '..', 'index.ts');
  const file = join(dir, 'agents.ts');
  writeFileSync(
    file,
    `import { Agent, handoff } from ${JSON.stringify(index)};
    const writer = new Agent({ name: 'Writer "W"' });
    const refunds = new Agent({ name: 'Refunds' });
    export const triage = Agent.create({ name: 'Triage', handoffs: [handoff(refunds)], tools: [writer.asTool({ toolName: 'write' })],
      inputGuardrails: [{ name: 'No homework', execute: async () => ({ tripwireTriggered: false, outputInfo: {} }) }] });
    refunds.handoffs.push(triage);
    export const other = 1;`,
  );
  expect((await say(['graph', file])).out.split('\n')).toEqual([
    'flowchart LR',
    '  a0["Triage"]',
    '  a1["Refunds"]',
    '  a2["Writer #34;W#34;"]',
    '  g3{{"No homework"}}',
    '  a0 --> a1',
    '  a0 -.->|as a tool| a2',
    '  a0 --- g3',
    '  a1 --> a0',
  ]);
  expect((await say(['graph', file, '--format', 'dot'])).out).toContain(
    String.raw`a2 [shape=box, label="Writer \"W\""];`,
  );
  expect((await say(['graph', file, '--export', 'other'])).err).toMatch(
    /exports no agent named "other"\. Its exports: other, triage/,
  );
});

test('numbers are short and say what is not known', () => {
  expect([0, 999, 1500, 61_000, 7_300_000].map(duration)).toEqual(['0 ms', '999 ms', '1.50 s', '1 m 1 s', '2 h 1 m']);
  expect([tokens(0, 0), tokens(12, 3), tokens(12_345, 1_234_567)]).toEqual(['', '12→3', '12.3k→1.2M']);
  expect([cost(0, 0), cost(0, 1), cost(12_000_000, 0), cost(12_000_000, 2), cost(2_500_000_000, 0)]).toEqual([
    '$0',
    '',
    '$0.0120',
    '≥ $0.0120',
    '$2.50',
  ]);
});
