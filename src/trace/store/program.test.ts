/** Programs that say nothing of traces: what is in the store when they have ended, and what is not there. */
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTraceStore, type StoredTrace } from './index.ts';

const PROGRAM = join(import.meta.dirname, 'program.fixture.ts');
const LONG = { timeout: 60_000 };

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-traces-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

type Ended = { readonly stdout: string; readonly stderr: string; readonly code: number | string | null };

function program(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { NODE_ENV: _, BATON_TRACE_STORE: __, ...rest } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { cwd: dir, env: { ...rest, ...env } }, (error, stdout, stderr) =>
      resolve({ stdout, stderr, code: error ? (error.signal ?? error.code ?? null) : 0 }),
    );
  });
}

async function stored(path = join(dir, '.baton', 'traces.db')): Promise<StoredTrace[]> {
  const store = await openTraceStore({ path });
  const runs = await store.runs({ limit: 1000 });
  const traces: StoredTrace[] = [];
  for (const { runId } of runs) traces.push(...[await store.trace(runId)].filter((trace) => trace !== undefined));
  await store.close();
  return traces;
}

test('a program without any setting has its run in the file when it has ended, for its owner alone', LONG, async () => {
  expect(await program()).toEqual({ stdout: '{"hasSqlite":false}\n', stderr: '', code: 0 });
  const [trace] = await stored();
  expect(trace?.runs).toMatchObject([
    { agent: 'Calculator', status: 'finished', turns: 2, toolCalls: 1, modelCalls: 2, segments: 1 },
  ]);
  expect(trace?.spans.map(({ type, name }) => `${type} ${name}`)).toEqual([
    'task Agent workflow',
    'agent Calculator',
    'turn turn 1',
    'generation generation',
    'function add',
    'turn turn 2',
    'generation generation',
  ]);
  const calls = trace?.spans.filter(({ type }) => type === 'generation') ?? [];
  expect(calls[1]?.content).toMatchObject({
    instructions: 'You add.',
    input: [{ content: 'What is 2 + 2?' }, { name: 'add' }, { output: { text: 'sum 4' } }],
    output: [{ role: 'assistant' }],
  });
  expect(statSync(join(dir, '.baton')).mode & 0o777).toBe(0o700);
  for (const file of readdirSync(join(dir, '.baton'))) {
    expect([file, statSync(join(dir, '.baton', file)).mode & 0o777]).toEqual([file, 0o600]);
  }
  expect(readFileSync(join(dir, '.baton', '.gitignore'), 'utf8')).toBe('*\n');
});

test.each([
  ['BATON_TRACE_STORE=off', [], { BATON_TRACE_STORE: 'off' }],
  ['NODE_ENV=test', [], { NODE_ENV: 'test' }],
  ['OPENAI_AGENTS_DISABLE_TRACING=1', [], { OPENAI_AGENTS_DISABLE_TRACING: '1' }],
  ['tracingDisabled', ['disabled'], {}],
  ['a processor of its own', ['replaced'], {}],
])('%s leaves no file', LONG, async (_name, args, env) => {
  expect(await program(args, env)).toMatchObject({ stderr: '', code: 0 });
  expect(existsSync(join(dir, '.baton'))).toBe(false);
});

test('BATON_TRACE_STORE names the folder', LONG, async () => {
  await program([], { BATON_TRACE_STORE: join(dir, 'deep', 'folder') });
  expect(existsSync(join(dir, '.baton'))).toBe(false);
  expect(await stored(join(dir, 'deep', 'folder', 'traces.db'))).toHaveLength(1);
});

test.each([
  ['below a file', () => join(dir, 'file', 'x')],
  ['under /proc', () => '/proc/baton/x'],
  ['whose file is a folder', () => folder('traces.db', mkdirSync)],
  ['whose file is a device', () => folder('traces.db', (path) => symlinkSync('/dev/null', path))],
])('in a folder %s, where there can be no file, the program runs as ever, with one warning', LONG, async (_, make) => {
  writeFileSync(join(dir, 'file'), 'no folder');
  const { stdout, stderr, code } = await program(['', '3'], { BATON_TRACE_STORE: make() });
  expect({ stdout, code }).toEqual({ stdout: '{"hasSqlite":false}\n', code: 0 });
  expect(stderr.match(/\[baton\] .*/g)).toEqual([expect.stringContaining('[baton] Traces are kept in memory')]);
});

function folder(name: string, make: (path: string) => void): string {
  mkdirSync(join(dir, 'there'));
  make(join(dir, 'there', name));
  return join(dir, 'there');
}

test('what was flushed before a kill is there', LONG, async () => {
  expect(await program(['killed'])).toMatchObject({ code: 'SIGKILL' });
  const [trace] = await stored();
  expect(trace?.runs).toMatchObject([{ status: 'finished' }]);
  expect(trace?.spans).toHaveLength(7);
});

test('four processes that write at once lose nothing', LONG, async () => {
  const ended = await Promise.all(Array.from({ length: 4 }, () => program(['', '25'])));
  expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(Array.from({ length: 4 }, () => [0, '']));
  const traces = await stored();
  expect(traces).toHaveLength(100);
  expect(traces.map(({ spans }) => spans.length)).toEqual(Array.from({ length: 100 }, () => 7));
});
