/**
 * A process that runs random systems durably: `node worker.js <folder> <store>`. It opens the store, says `ready`, and
 * takes one job a line from its input. Each life of a run is told where it dies; see points.ts. A life that
 * comes to its end says `done`, one that lost its run `again`, and the process waits for its next job.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AnyAgent,
  type Budgets,
  DurableError,
  LogError,
  MemorySession,
  run,
  type RunState,
  RunStore,
  stateOfError,
} from '../../../src/index.ts';
import { build, decide } from '../build.ts';
import { hash, random } from '../random.ts';
import type { Reach } from '../reach.ts';
import { type SystemSpec, systemOf } from '../systems.ts';
import { decideOutside } from './decide-outside.ts';
import { mutated } from './mutants.ts';
import {
  hasBudget,
  isDecidedOutside,
  Ledger,
  openBudgets,
  openLog,
  openSession,
  type Place,
  pointsFile,
  subjectsOf,
} from './paths.ts';
import { Probe } from './probe.ts';
import { probedSession } from './probed-session.ts';
import type { Job } from './workers.ts';

type Handle = RunState<unknown, AnyAgent>;

const [folder = '', store = ''] = process.argv.slice(2);
const place: Place = { folder, store: store === 'postgres' ? 'postgres' : 'sqlite' };
const log = openLog(place);
let opened: Budgets | undefined;
const budgets = (): Budgets => (opened ??= openBudgets(place));

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function reachOf(job: Job, probe: Probe, ledger: Ledger): Reach & { controller: AbortController } {
  const controller = new AbortController();
  const r = random(hash(`${job.runId} ${job.life}`));
  const isSlow = job.order.do === 'be killed';
  return {
    controller,
    performed: (key) => ledger.add(key),
    acts: (key, attempt) => ledger.add(`act ${key} ${attempt}`),
    abort: () => controller.abort(new Error('a tool aborted the run')),
    happened: (key) => ledger.lines.includes(key),
    at: (subject, phase) => probe.at({ subject, phase }),
    // From a tenth of a millisecond to twenty, each decade as likely as another. One that is to stand still takes no time,
    // so that it does not stand where a tool was handed its call and has not said so yet: nobody could take that back.
    ...(isSlow && { pause: () => sleep(10 ** (r() * 2.3 - 1)) }),
  };
}

async function live(job: Job, spec: SystemSpec): Promise<void> {
  const { runId, worker, leaseMs, order, mutant } = job;
  const subjects = subjectsOf(spec);
  const probe = new Probe({
    file: pointsFile(place, runId),
    order,
    subjectOf: (tool) => subjects.get(tool),
    stopping: () => say('stopping'),
  });
  const ledger = new Ledger(place, runId);
  const reach = reachOf(job, probe, ledger);
  const runs = new RunStore({ log: probe.watched(mutated(log, mutant)), worker, leaseMs });
  const apart = spec.session === 'plain';
  const session = spec.session === 'none' ? undefined : probedSession(openSession(place, runId, apart), probe, apart);
  const { root, options, input } = build(spec, reach, {
    session: session ?? new MemorySession(),
    signal: reach.controller.signal,
  });
  const { happened } = reach;
  const given = {
    ...options,
    stream: false as const,
    context: { user: 1 },
    ...(hasBudget(spec) && { budgets: budgets() }),
  };
  try {
    await finish();
  } finally {
    await runs.drain({ timeoutMs: 0 });
    await session?.close();
  }

  async function finish(): Promise<void> {
    const known = (await log.read(runId, { limit: 0 }))?.info.status;
    // Whoever resumes a run that failed asks for another try: it ended before this life.
    if (known === 'finished' || known === 'failed' || known === 'cancelled') return;
    if (known !== undefined) probe.when = 'recovery';
    // Nobody goes on with half of the answers: what would be done then is another order of things, and a right one.
    if (known === 'paused' && isDecidedOutside(spec)) {
      await decideOutside(runs, runId, { spec, agent: root, happened });
      // While this process stood still, another may have ended the run: no other try is asked for.
      if (await isOver(runId)) return;
    }
    let state =
      known === undefined
        ? await stateOf(run(root, input, { ...given, durable: { store: runs, runId } } as never))
        : await stateOf(runs.resume(runId, { ...given, agent: root } as never));
    for (let round = 0; state.status === 'paused' && round < 40; round++) {
      if (isDecidedOutside(spec)) {
        await decideOutside(runs, runId, { spec, agent: root, happened });
        if (await isOver(runId)) return;
        state = await stateOf(runs.resume(runId, { ...given, agent: root } as never));
      } else {
        decide(spec, state, happened);
        state = await stateOf(run(root, state, { ...given, durable: { store: runs } } as never));
      }
    }
  }
}

const stateOf = async (ran: Promise<unknown>): Promise<Handle> => ((await ran) as { state: Handle }).state;

/** The run is somebody else's by now, or this process is late: another life goes on with it. */
const LOST: ReadonlySet<string> = new Set([
  'durable/lease-lost',
  'durable/owned',
  'durable/closed',
  'durable/moved',
  // Who stood still decides on what another has ended meanwhile.
  'durable/not-waiting',
  'log/fenced',
  'log/conflict',
  // The life before it died while it created the run, and the database finished what it had been sent.
  'log/exists',
  'log/busy',
]);
const codeOf = (error: unknown): string =>
  error instanceof DurableError || error instanceof LogError ? error.code : '';

const isOver = async (runId: string): Promise<boolean> => {
  const status = (await log.read(runId, { limit: 0 }))?.info.status;
  return status === 'finished' || status === 'failed' || status === 'cancelled';
};
/** On one line, with its causes. */
const textOf = (error: unknown): string =>
  error instanceof Error
    ? `${String(error.stack)} ${error.cause === undefined ? '' : textOf(error.cause)}`.replaceAll('\n', ' ¶ ')
    : String(error);

say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as Job;
  say('began');
  try {
    await live(job, systemOf(job.seed));
    say('done');
  } catch (error) {
    const code = codeOf(error);
    // Runs that fail are over, too: anything else is an error of this test.
    if (LOST.has(code)) say(`again ${code}`);
    else if (stateOfError(error) && (await isOver(job.runId))) say('done');
    else say(`wrong ${textOf(error)}`);
  }
}
await opened?.close();
await log.close();
