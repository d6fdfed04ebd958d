/**
 * Events once stored are public: the logs in this folder fold to the states that are stored with them, for ever.
 *
 * A log is never rewritten. When a new shape of events comes, add a file: BATON_GOLDEN=0.2 writes `0.2.json` of
 * today's runs; it refuses to replace a file.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Committed, fold, initialState, type State, toArray } from '../../src/kernel/index.ts';
import { logsOf, RUNS } from './runs.ts';

type Golden = { [run: string]: { [runId: string]: { log: Committed[]; state: unknown } } };

const here = new URL('.', import.meta.url).pathname;

/** What a release may not change of what an old log means. Fields that are new in a later state are not compared. */
function meaning(state: State): unknown {
  const { status, agent, turn, input, output, stop, approvals, savedTo, calls, entries, produced, request, checks } =
    state;
  return JSON.parse(
    JSON.stringify({
      status,
      agent,
      turn,
      input,
      output,
      stop,
      approvals: approvals.map((approval) => ({ ...approval, k: undefined, agent: undefined })),
      savedTo,
      calls: calls.map(({ callId, tool, status: of, outcome, item }) => ({ callId, tool, status: of, outcome, item })),
      entries: toArray(entries),
      produced: toArray(produced).map(({ item }) => item),
      request: toArray(request),
      checks: toArray(checks),
    }),
  ) as unknown;
}

const wanted = process.env['BATON_GOLDEN'];
if (wanted !== undefined) {
  const file = `${here}${wanted}.json`;
  if (existsSync(file))
    throw new Error(`${file} is there already. Golden logs are never rewritten: name a new release.`);
  const golden: Golden = {};
  for (const [name, run] of Object.entries(RUNS)) {
    const logs = Object.entries(await logsOf(run));
    golden[name] = Object.fromEntries(
      logs.map(([id, log]) => [id, { log, state: meaning(fold(log, initialState())) }]),
    );
  }
  writeFileSync(file, `${JSON.stringify(golden, null, 1)}\n`);
}

const files = globSync('*.json', { cwd: here });

test('there are golden logs', () => {
  expect(files).toContain('0.1.json');
});

for (const file of files) {
  const golden = JSON.parse(readFileSync(`${here}${file}`, 'utf8')) as Golden;
  for (const [name, runs] of Object.entries(golden)) {
    test(`${file}: ${name}: the log still means what it meant`, () => {
      for (const { log, state } of Object.values(runs)) expect(meaning(fold(log, initialState()))).toEqual(state);
    });
  }
}

/** Sentences may be put better; what they are about may not change. */
const reworded = (state: unknown): unknown =>
  JSON.parse(JSON.stringify(state), (key, value: unknown) => {
    if (key === 'message') return 'worded';
    return typeof value === 'string' && value.startsWith('Your last answer was not accepted') ? 'asked again' : value;
  }) as unknown;

test('the runs of today, as their logs say, end as those of the newest golden logs', async () => {
  const newest = JSON.parse(readFileSync(`${here}${files.toSorted().at(-1)}`, 'utf8')) as Golden;
  for (const [name, run] of Object.entries(RUNS)) {
    const logs = await logsOf(run);
    expect(Object.keys(logs), name).toEqual(Object.keys(newest[name] ?? {}));
    for (const [id, log] of Object.entries(logs)) {
      expect(reworded(meaning(fold(log, initialState()))), name).toEqual(reworded(newest[name]?.[id]?.state));
    }
  }
});
