/** The `baton` command as a person sees it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Agent,
  run,
  setTraceProcessors,
  setTracingDisabled,
  tool,
  TraceStoreProcessor,
  withCustomSpan,
} from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';
import { baton } from './baton.ts';
import { cost, duration, tokens } from './format.ts';
import { colourful, harmless, jsonLine, paintFor, plain } from './terminal.ts';

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
  await run(new Agent({ name: 'Broken', model: new ScriptedModel([]) }), 'hi').catch(() => undefined);
  await processor.shutdown();
}

const listed = async (): Promise<{ runId: string; agent: string; status: string }[]> =>
  JSON.parse((await say(['runs', '--store', path, '--json'])).out);

describe('runs', () => {
  test('are listed newest first, with what went wrong', async () => {
    await leaveRuns();
    const { code, out } = await say(['runs', '--store', path]);
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/run +began +status +agent +turns +time +tokens +cost/);
    expect(lines[1]).toMatch(/failed +Broken/);
    expect(lines[2]).toMatch(/✗ ./);
    expect(lines[3]).toMatch(/finished +Agent .*2 /);
  });

  test('are found by status and agent', async () => {
    await leaveRuns();
    expect((await say(['runs', '--store', path, '--status', 'failed'])).out).not.toContain('finished');
    expect((await say(['runs', '--store', path, '--agent', 'Nobody'])).out).toMatch(/^No runs like that/);
    expect((await say(['runs', '--store', path, '--limit', '1', '--json'])).out.match(/"runId"/g)).toHaveLength(1);
  });
});

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
    expect(out.split('\n').slice(2, 6)).toEqual([
      '',
      expect.stringMatching(/^✗ generation: Error in model call .*UnexpectedModelCallError/),
      '',
      expect.stringMatching(/^✗ Agent workflow \(failed\)/),
    ]);
  });

  test('fits a narrow terminal', async () => {
    await leaveRuns();
    const [, first] = await listed();
    const { out } = await say(['trace', first?.runId ?? '', '--store', path, '--content'], { columns: 80 });
    for (const line of out.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(80);
  });
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
      expect(harmless(text)).not.toMatch(/[\p{Cc}\u202A-\u202E\u2028\u2029\u2066-\u2069]/u);
      expect(JSON.parse(jsonLine([text]))).toEqual([text]);
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
  [['trace'], 2, /Which run\?/],
  [['graph', 'nowhere.ts'], 2, /There is no file .*nowhere\.ts/],
  [['\u001B[2Jx'], 2, /there is no command "\\u001b\[2Jx"/],
])('%j is refused kindly', async (args, code, message) => {
  const said = await say([...args, ...(args[0] === 'runs' && args.length === 1 ? ['--store', dir] : [])]);
  expect(said).toMatchObject({ code, out: '', err: expect.stringMatching(message) });
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
