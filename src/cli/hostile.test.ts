/** The `baton` command before files and spans that nobody meant to write. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as sdk from '../index.ts';
import { Agent, run, setTraceProcessors, setTracingDisabled, TraceStoreProcessor, withTrace } from '../index.ts';
import { assistantMessage, modelError, ScriptedModel } from '../testing/index.ts';
import { baton } from './baton.ts';
import { plain, widthOf } from './terminal.ts';

const SLOW = { timeout: 60_000 };
const KINDS = ['Response', 'Agent', 'Task', 'Turn', 'Function', 'Handoff', 'Generation', 'Custom', 'Guardrail'];

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'baton-hostile-'));
  path = join(dir, 'traces.db');
});
afterEach(() => {
  setTraceProcessors([]);
  setTracingDisabled(true);
  rmSync(dir, { recursive: true, force: true });
});

type Said = { readonly code: number; readonly out: string; readonly err: string };

async function say(args: readonly string[], columns = 120): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const code = await baton(args, { ...terminal, paint: plain, columns });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function stored(work: () => Promise<unknown>): Promise<TraceStoreProcessor> {
  const processor = new TraceStoreProcessor({ path, flushMs: 1 });
  setTraceProcessors([processor]);
  setTracingDisabled(false);
  await work();
  await processor.shutdown();
  return processor;
}

test('spans of plain JavaScript, with no name or another value in its place, are stored and drawn', SLOW, async () => {
  let traceId = '';
  const odd = [{}, { name: 42 }, { name: null, data: null, input: null, output: null }, { name: {}, data: 'text' }];
  const lib = sdk as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const processor = await stored(() =>
    withTrace('odd', async (trace) => {
      ({ traceId } = trace);
      for (const kind of KINDS)
        for (const data of odd) {
          await lib[`with${kind}Span`]?.((span: { setError(error: unknown): void }) => span.setError('plain text'), {
            data,
          });
          const left = lib[`create${kind}Span`]?.({ data }) as unknown as { start(): void };
          left.start();
        }
      await sdk.getGlobalTraceProvider().forceFlush();
    }),
  );
  expect(processor.dropped).toBe(0);
  for (const flags of [[], ['--content'], ['--json']]) {
    const { code, out, err } = await say(['trace', traceId, '--store', path, ...flags]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.match(/ …|"isOpen"/g)?.length).toBeGreaterThanOrEqual(KINDS.length * odd.length);
    expect(out).toContain('plain text');
  }
});

test('an error of the length of a page buries no other run, and is whole in JSON', SLOW, async () => {
  const page = `<html>${'x'.repeat(50_000)}END`;
  await stored(async () => {
    const model = new ScriptedModel([modelError(new Error(page))]);
    await run(new Agent({ name: 'A', model }), 'hi').catch(() => undefined);
    await run(new Agent({ name: 'Other', model: new ScriptedModel([[assistantMessage('x')]]) }), 'hi');
  });
  const list = await say(['runs', '--store', path]);
  expect(list.out.length).toBeLessThan(1500);
  expect(list.out).toMatch(/finished +Other/);
  expect(list.out).toContain('x…');
  const { out } = await say(['runs', '--status', 'failed', '--store', path, '--json']);
  const [{ runId }] = JSON.parse(out);
  expect(out).toContain('xEND');
  expect((await say(['trace', runId, '--store', path])).out.length).toBeLessThan(4000);
});

test('in a narrow terminal names of agents get shorter, wide ones too', SLOW, async () => {
  await stored(() =>
    run(new Agent({ name: '長い名前の代理人です', model: new ScriptedModel([[assistantMessage('x')]]) }), 'hi'),
  );
  for (const columns of [75, 70, 66, 60, 50]) {
    const lines = (await say(['runs', '--store', path], columns)).out.split('\n');
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    expect(lines[1]).toContain('長い');
  }
});

test('a beginning of several ids says how many there are', SLOW, async () => {
  const agent = (): Agent => new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('x')]]) });
  await stored(async () => {
    for (let n = 0; n < 3; n++) await run(agent(), 'hi');
  });
  expect(await say(['trace', 'run_', '--store', path])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^baton: 3 runs begin with "run_": run_/),
  });
});

test('a store is found by the name of its file, whatever that ends with', SLOW, async () => {
  path = join(dir, 'copy.sqlite');
  await stored(() => run(new Agent({ name: 'A', model: new ScriptedModel([[assistantMessage('x')]]) }), 'hi'));
  expect((await say(['runs', '--store', path])).out).toMatch(/finished +A/);
});

test.each(['12', '5', 'nov 3', '2026', '20:00', '2026-11-31x', '2026-11-25T99:00'])(
  'the time %j, of which a month or a day would be made, is refused',
  async (since) => {
    expect(await say(['runs', '--since', since, '--store', path])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give how long ago'),
    });
  },
);

const READERS = [['runs'], ['trace', 'run_x'], ['metrics']];

test.each<[string, RegExp, () => void]>([
  ['is not there', /There (is no trace store|are no metrics) at /, () => undefined],
  ['is no database', /no SQLite database/, () => writeFileSync(path, 'x'.repeat(5000))],
  ['is a folder', /cannot be (opened|made)/, () => mkdirSync(path)],
  ['is of a newer version', /Upgrade the package/, newer],
])('a store that %s is a failure that is told, in each command', SLOW, async (_, told, make) => {
  make();
  for (const reader of READERS) {
    const { code, out, err } = await say([...reader, '--store', path]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(told);
    expect(err).not.toContain('--store <');
  }
});

/** Leaves a file as a later version of the package may make it. */
function newer(): void {
  const db = new DatabaseSync(path);
  db.exec(`CREATE TABLE baton_migrations (component TEXT, version INTEGER, applied_at INTEGER);
    INSERT INTO baton_migrations VALUES ('trace', 99, 0), ('metrics', 99, 0)`);
  db.close();
}
