/**
 * A process that runs agents on sessions that others use too, and says on stdout how each run ended. What a session
 * holds tells which run said it: `in:<run>`, a call, a result that is the run's id, `out:<run>`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  Agent,
  type AnyAgent,
  type EventLog,
  PostgresSession,
  postgresLog,
  RedisSession,
  run,
  RunStore,
  type SessionTurnOptions,
  SQLiteSession,
  sqliteLog,
  tool,
} from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

/** Where sessions are, and the log of durable runs. */
export type Place = { readonly kind: 'sqlite' | 'postgres' | 'redis'; readonly url: string; readonly logPath: string };
export type Job = {
  readonly place: Place;
  readonly name: string;
  readonly sessions: readonly string[];
  /** How many runs it starts; then it ends. */
  readonly runs: number;
  readonly policies: readonly NonNullable<SessionTurnOptions['onBusy']>[];
  readonly durable: boolean;
  /** How long a tool works, at most. */
  readonly workMs: number;
};
/** `joined`: it got the result of another run. `left`: a machine too busy to beat, so that others go on with it. */
export type Line = {
  readonly run: string;
  readonly session: string;
  readonly outcome: 'began' | 'working' | 'done' | 'joined' | 'busy' | 'interrupted' | 'left' | 'failed';
  readonly error?: string;
};

export const LEASE_MS = 15_000;
export type SharedSession = SQLiteSession | PostgresSession | RedisSession;

export function openSession({ kind, url }: Place, id: string): SharedSession {
  switch (kind) {
    case 'sqlite':
      return new SQLiteSession(id, { dbPath: url, synchronous: 'normal' });
    case 'postgres':
      return new PostgresSession(id, { connectionString: url, maxConnections: 3 });
    case 'redis':
      return new RedisSession(id, { url });
  }
}

export function openLog({ kind, url, logPath }: Place): EventLog {
  if (kind === 'postgres') return postgresLog({ connectionString: url, tenant: logPath, maxConnections: 3 });
  return sqliteLog({ path: kind === 'sqlite' ? url : logPath, synchronous: 'normal' });
}

/** Calls its tool once for each run and each input that joins it, and says what the tool gave. */
export function speaker(workMs: number, onWork: (runId: string) => void = () => undefined): AnyAgent {
  const work = tool({
    name: 'work',
    description: 'Works.',
    parameters: z.object({}),
    effect: 'idempotent',
    execute: async (_, __, details) => {
      const runId = String(details?.idempotencyKey).split('/')[0] ?? '';
      onWork(runId);
      await sleep(Math.random() * workMs);
      return runId;
    },
  });
  const reply = modelResponder(({ request: { input } }) => {
    const last = Array.isArray(input) ? input.at(-1) : undefined;
    if (last?.type !== 'function_call_result') return [functionCall('work', {}, { callId: crypto.randomUUID() })];
    const { output } = last;
    return [assistantMessage(`out:${typeof output === 'object' && 'text' in output ? output.text : String(output)}`)];
  });
  const model = new ScriptedModel(
    Array.from({ length: 10_000 }, () => reply),
    { record: false },
  );
  return new Agent({ name: 'Speaker', model, tools: [work] }) as unknown as AnyAgent;
}

async function main(job: Job): Promise<void> {
  const { place, name, sessions, policies, durable, workMs } = job;
  const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const where = new Map<string, string>();
  const onWork = (runId: string): void => say({ run: runId, session: where.get(runId) ?? '', outcome: 'working' });
  const agent = speaker(workMs, onWork);
  const open = new Map(sessions.map((id) => [id, openSession(place, id)]));
  const log = durable ? openLog(place) : undefined;
  const resumeOptions = ({ session = '' }): object => ({ session: open.get(session) });
  const store = log && new RunStore({ log, worker: name, leaseMs: LEASE_MS, agents: [agent], resumeOptions });
  let n = 0;
  const one = async (): Promise<void> => {
    while (n < job.runs) {
      const runId = `${name}-${n++}`;
      const session = sessions[Math.floor(Math.random() * sessions.length)] ?? '';
      where.set(runId, session);
      const onBusy = policies[Math.floor(Math.random() * policies.length)] ?? 'queue';
      say({ run: runId, session, outcome: 'began' });
      const options = { session: open.get(session), sessionTurn: { onBusy }, abortGraceMs: 20 };
      const asked = store ? agent : speaking(runId, workMs, onWork);
      try {
        const { state } = await run(asked, `in:${runId}`, {
          ...options,
          ...(store && { durable: { store, runId } }),
        });
        const isOwn = state.events.some((event) => event.type === 'run.started' && event.input === `in:${runId}`);
        say({ run: runId, session, outcome: isOwn ? 'done' : 'joined' });
      } catch (error) {
        say({ run: runId, session, ...outcomeOf(error) });
      }
    }
  };
  // Some meet within the process, too.
  await Promise.all([one(), one()]);
  await store?.close();
  for (const session of open.values()) await session.close();
}

/** Without a log there is no key of an effect that names the run: the tool is told. */
function speaking(runId: string, workMs: number, onWork: (runId: string) => void): AnyAgent {
  const own = speaker(workMs);
  const execute = async (): Promise<string> => {
    onWork(runId);
    await sleep(Math.random() * workMs);
    return runId;
  };
  own.tools.splice(0, 1, tool({ name: 'work', description: 'Works.', parameters: z.object({}), execute }));
  return own;
}

function outcomeOf(error: unknown): Pick<Line, 'outcome' | 'error'> {
  if (!(error instanceof Error)) return { outcome: 'failed', error: String(error) };
  if (error.name === 'AbortError') return { outcome: 'interrupted' };
  const code = 'code' in error ? String(error.code) : error.name;
  if (code === 'session/turn-taken') return { outcome: 'busy', error: error.message };
  if (code === 'durable/lease-lost') return { outcome: 'left' };
  return { outcome: 'failed', error: `${code}: ${error.message}` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(JSON.parse(process.argv[2] ?? '') as Job);
