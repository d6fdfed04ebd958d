/** Processes that die by SIGKILL in the middle of a run, and others that go on: what the store tells of it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { baton } from '../../cli/baton.ts';
import { plain } from '../../cli/terminal.ts';
import { openTraceStore, type StoredSpan, type StoredTrace } from './index.ts';

const PROGRAM = join(import.meta.dirname, 'crash.fixture.ts');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-crash-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program; kills it where it says so. */
function life(...args: readonly string[]): Promise<string> {
  const { NODE_ENV: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const [what = '', ...rest] = args;
    const child = spawn(process.execPath, [PROGRAM, what, folder, ...rest], {
      env: { ...env, BATON_TRACE_STORE: folder },
    });
    let said = '';
    let wrong = '';
    child.stderr.on('data', (text: Buffer) => (wrong += text.toString()));
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('here')) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (wrong === '' && (code === 0 || signal === 'SIGKILL')) resolve(signal ?? said);
      else reject(new Error(`It ended with ${signal ?? code}: ${wrong}`));
    });
  });
}

async function traces(): Promise<StoredTrace[]> {
  const store = await openTraceStore({ path: join(folder, 'traces.db') });
  const ids = new Set((await store.runs()).map(({ traceId }) => traceId));
  const found = await Promise.all([...ids].map((id) => store.trace(id)));
  await store.close();
  return found.filter((trace) => trace !== undefined);
}

async function onlyTrace(): Promise<StoredTrace> {
  const [trace, ...more] = await traces();
  if (!trace || more.length > 0) throw new Error('There is one trace.');
  return trace;
}

const drawn = ({ spans }: StoredTrace): string[] =>
  spans.map(({ type, name, details }) => `${type} ${name} ${details?.outcome ?? ''}`.trim());

/** A tree: each parent is there, no id is there twice, and nothing ends before it starts. */
function checkTree(spans: readonly StoredSpan[]): void {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  expect(ids.size).toBe(spans.length);
  expect(spans.filter(({ parentId }) => parentId !== undefined && !ids.has(parentId))).toEqual([]);
  expect(spans.filter(({ startedAt, endedAt }) => endedAt < startedAt)).toEqual([]);
}

/** The process was not heard of for more than a minute: nobody waits for that here. */
function aMinuteLater(): void {
  const db = new DatabaseSync(join(folder, 'traces.db'));
  db.exec('UPDATE baton_trace_writers SET beat_at = beat_at - 61000');
  db.close();
}

async function shown(...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  await baton([...args, '--store', folder], { out, err: out, columns: 120, paint: plain });
  return lines.join('\n');
}

describe('a run whose process is killed in a tool', () => {
  test('is there up to the last flush, and interrupted once its process is not heard of', async () => {
    expect(await life('plain')).toBe('SIGKILL');
    expect((await onlyTrace()).runs).toMatchObject([{ status: 'running', agent: 'Desk' }]);
    aMinuteLater();
    const trace = await onlyTrace();
    checkTree(trace.spans);
    expect(drawn(trace)).toEqual([
      'task Agent workflow interrupted',
      'agent Desk interrupted',
      'turn turn 1',
      'generation generation',
      'function look',
      'turn turn 2 interrupted',
      'generation generation',
      'function book interrupted',
    ]);
    expect(trace.runs).toMatchObject([{ status: 'interrupted', agent: 'Desk', turns: 2, toolCalls: 1, segments: 0 }]);
    expect(await shown('runs')).toContain('interrupted');
    expect(await shown('runs', '--status', 'running')).toContain('No runs like that');
    expect(await shown('runs', '--status', 'interrupted')).toContain(trace.runs[0]?.runId);
    expect(await shown('trace', trace.traceId)).toMatch(/interrupted.*\n[^]*▶ Agent workflow \(interrupted\)/);
  });

  test('goes on in another under the same trace, where it is durable; what was cut off is marked', async () => {
    expect(await life('durable')).toBe('SIGKILL');
    aMinuteLater();
    expect(await life('recover')).toBe('done\n');
    const trace = await onlyTrace();
    checkTree(trace.spans);
    expect(drawn(trace)).toEqual([
      'task Agent workflow interrupted',
      'agent Desk interrupted',
      'turn turn 1',
      'generation generation',
      'function look',
      'turn turn 2 interrupted',
      'generation generation',
      'function book interrupted',
      'task Agent workflow finished',
      'agent Desk',
      'turn turn 2',
      'function book',
      'turn turn 3',
      'generation generation',
    ]);
    expect(trace.runs).toMatchObject([{ status: 'finished', segments: 2, turns: 3, toolCalls: 2, modelCalls: 3 }]);
    const [lost, next] = trace.spans.filter(({ type }) => type === 'task');
    expect(next?.details?.links).toEqual([{ traceId: trace.traceId, spanId: lost?.spanId }]);
    expect(await shown('runs')).toContain('finished');
  });

  test('is whole with its sub-agent, in which it was cut off', async () => {
    expect(await life('nested')).toBe('SIGKILL');
    aMinuteLater();
    expect((await onlyTrace()).runs.map(({ agent, status }) => `${agent ?? ''} ${status}`)).toEqual([
      'Boss interrupted',
      'Desk interrupted',
    ]);
    expect(await life('recover', 'r1', 'nested')).toBe('done\n');
    const trace = await onlyTrace();
    checkTree(trace.spans);
    expect(trace.runs).toMatchObject([
      { agent: 'Boss', status: 'finished', segments: 2, turns: 2, toolCalls: 1, modelCalls: 5 },
      { agent: 'Desk', status: 'finished', segments: 2, turns: 3, toolCalls: 2, parentRunId: 'r1' },
    ]);
    const tasks = trace.spans.filter(({ type }) => type === 'task').map(({ details }) => details?.outcome);
    expect(tasks).toEqual(['interrupted', 'interrupted', 'finished', 'finished']);
  });

  test('comes to its end without task and turn spans too', async () => {
    expect(await life('flat')).toBe('SIGKILL');
    aMinuteLater();
    expect((await onlyTrace()).runs).toMatchObject([{ status: 'interrupted' }]);
    expect(await life('recover', 'r1', 'flat')).toBe('done\n');
    const trace = await onlyTrace();
    checkTree(trace.spans);
    expect(trace.runs).toMatchObject([{ status: 'finished', segments: 2, endedAt: expect.any(Number) }]);
    expect(drawn(trace).filter((line) => line.startsWith('agent'))).toEqual([
      'agent Desk interrupted',
      'agent Desk finished',
    ]);
  });
});

test('a run that pauses, is killed, and resumed by two processes from one state: one trace, linked, no id twice', async () => {
  expect(await life('ask')).toBe('SIGKILL');
  aMinuteLater();
  const before = await onlyTrace();
  expect(before.runs).toMatchObject([{ status: 'paused', segments: 1 }]);
  expect(await Promise.all([life('answer'), life('answer')])).toEqual(['Done.\ndone\n', 'Done.\ndone\n']);
  const trace = await onlyTrace();
  expect(trace.traceId).toBe(before.traceId);
  checkTree(trace.spans);
  expect(drawn(trace).slice(0, 7)).toEqual(drawn(before));
  expect(trace.spans).toHaveLength(7 + 2 * 6);
  expect(trace.runs).toMatchObject([{ status: 'finished', segments: 3 }]);
  const [paused, ...tasks] = trace.spans.filter(({ type }) => type === 'task');
  const links = [{ traceId: trace.traceId, spanId: paused?.spanId }];
  expect(tasks.map(({ details }) => [details?.outcome, details?.links])).toEqual([
    ['finished', links],
    ['finished', links],
  ]);
  expect(new Set(tasks.map(({ details }) => details?.segmentId)).size).toBe(2);
});
