/** A run that failed last night: found, looked at, and gone on with, by commands alone. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { baton } from './baton.ts';
import { plain } from './terminal.ts';

const at = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-incident-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Said = { readonly code: number | null; readonly out: string; readonly err: string };

function start(args: readonly string[], env: Record<string, string> = {}): Said {
  const own = {
    INCIDENT_FOLDER: folder,
    BATON_TRACE_STORE: folder,
    NODE_ENV: 'production',
    NO_COLOR: '1',
    COLUMNS: '100',
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, ...own, ...env },
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}
const say = (...args: string[]): Said => start([at('./main.ts'), ...args]);

test('a run that failed is found, tells what happened and what it cost, and goes on', { timeout: 120_000 }, () => {
  writeFileSync(join(folder, 'down'), '');
  expect(start([at('./incident.fixture.ts')], { INCIDENT_SERVE: 'five' }).code).toBe(0);

  const found = say('runs', '--status', 'failed', '--since', '12h').out;
  const [, runId = ''] = /^(run_\w+) .* failed +Desk .*\$1\.00/m.exec(found) ?? [];
  expect(found).toContain('✗ Error in agent run: Error: 503 acme is over capacity');
  const trace = say('trace', runId, '--content').out;
  expect(trace).toMatch(/^✗ large: .*503 acme is over capacity/m);
  expect(trace).toMatch(/⚙ refund .*\n.*input: \{"order":"3"\}\n.*output: refunded/);

  const module = at('./incident.fixture.ts');
  expect(say('resume', module, runId)).toMatchObject({ code: 1, err: expect.stringContaining('503 acme is over') });
  rmSync(join(folder, 'down'));
  const again = say('resume', module, runId);
  expect(again).toMatchObject({ code: 0, out: `✓ ${runId} is finished\nDone.\n` });

  // Nothing was done twice, and the run is one: with all that it cost.
  expect(readFileSync(join(folder, 'paid.txt'), 'utf8').split('\n').toSorted().join('')).toBe('12345');
  expect(say('runs', '--status', 'failed').out).toMatch(/^No runs like that/);
  expect(say('trace', runId).out).toMatch(/in 3 segments · 2 turns · 1800→200 tokens · \$2\.00/);
  expect(say('resume', module, 'run_nope')).toMatchObject({ code: 1, err: expect.stringContaining('run_nope') });
});

test('a run that waits says for what, and how that is settled', { timeout: 120_000 }, () => {
  const module = at('./incident.fixture.ts');
  expect(start([module], { INCIDENT_SERVE: 'killed' }).code).toBe(null);
  expect(start([module], { INCIDENT_SERVE: 'asks' }).code).toBe(0);
  const flat = ({ code, out, err }: Said): Said => ({ code, out: out.replace(/\s+/g, ' '), err });
  const cut = flat(say('resume', module, 'killed'));
  expect(cut).toMatchObject({ code: 0, err: '' });
  expect(cut.out).toContain('⏸ killed waits for a person: refund {"order":"6"} (call c1) It began and was cut off');
  expect(cut.out).toContain('store.confirm(run, call, result)');
  const asked = flat(say('resume', module, 'asks'));
  expect(asked).toMatchObject({ code: 0, err: '' });
  expect(asked.out).toContain(
    '⏸ asks waits for a person: refund {"order":"7"} (call c1) To be approved: store.approve',
  );
  expect(readFileSync(join(folder, 'paid.txt'), 'utf8')).toBe('6\n');
});

test.each([
  [[], 2, /Which module/],
  [['nostore.mjs'], 2, /Which run\?/],
  [['nostore.mjs', 'r1'], 2, /exports no RunStore/],
])('what cannot be resumed is told: %j', async (args, code, told) => {
  writeFileSync(join(folder, 'nostore.mjs'), 'export default 3;');
  const err: string[] = [];
  const terminal = { out: (line: string) => void err.push(line), err: (line: string) => void err.push(line) };
  const paths = args.map((each) => (each.endsWith('js') ? join(folder, each) : each));
  expect(await baton(['resume', ...paths], { ...terminal, paint: plain, columns: 120 })).toBe(code);
  expect(err.join('\n')).toMatch(told);
});
