/**
 * A process that is killed by itself (SIGKILL) while a model call has reserved of a budget and is not sent, once its run
 * was stopped: `node reserved.fixture.ts <folder> <whose>`.
 */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import {
  Agent,
  type AnyAgent,
  type BudgetLedger,
  createBudgets,
  type EventLog,
  run,
  RunStore,
  sqliteLedger,
  sqliteLog,
} from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';

/** Whose model call hangs. */
export type Whose = 'its own' | 'of its sub-agent';

const synchronous = 'normal' as const;
const path = (folder: string): string => join(folder, 'runs.db');
export const openLog = (folder: string): EventLog => sqliteLog({ path: path(folder), synchronous });
export const openLedger = (folder: string): BudgetLedger => sqliteLedger({ path: path(folder), synchronous });

export const budgetsIn = (ledger: BudgetLedger, more: object = {}) =>
  createBudgets({ ledger, limits: { run: { tokens: 1_000_000 } }, ...more });

/** Effects of run `r1` that have reserved and were not sent. */
export async function reserved(ledger: BudgetLedger): Promise<string[]> {
  const { open } = await budgetsIn(ledger).balance({ run: 'r1' });
  return open.filter(({ state }) => state === 'reserved').map(({ effect }) => effect);
}

/** Desk asks Sub by a tool, or is the one whose call hangs. */
export function systemOf(whose: Whose): AnyAgent {
  const model = () => new ScriptedModel([[assistantMessage('Done.')]]);
  if (whose === 'its own') return new Agent({ name: 'Desk', model: model() }) as unknown as AnyAgent;
  const sub = new Agent({ name: 'Sub', model: model() });
  const ask = sub.asTool({ toolName: 'ask', toolDescription: 'Asks.' });
  const steps = [[functionCall('ask', { input: 'x' }, { callId: 'c1' })], [assistantMessage('Done.')]];
  return new Agent({ name: 'Desk', model: new ScriptedModel(steps), tools: [ask] }) as unknown as AnyAgent;
}

export const never = (): Promise<never> => new Promise(() => undefined);

/** A ledger whose user comes no further than between the reservation and the request. */
export function hangingAt(ledger: BudgetLedger, whose: Whose): { hanging: BudgetLedger; atPoint: Promise<void> } {
  let reached = (): void => undefined;
  const atPoint = new Promise<void>((resolve) => (reached = resolve));
  const hanging: BudgetLedger = {
    reserve: (reservation) => ledger.reserve(reservation),
    settle: (id, actual) => ledger.settle(id, actual),
    release: (id) => ledger.release(id),
    recover: (of) => ledger.recover(of),
    balance: (account) => ledger.balance(account),
    close: () => ledger.close(),
    sent: (id) => {
      if (whose !== 'its own' && !id.effect.startsWith('r1/m1/')) return ledger.sent(id);
      reached();
      return never();
    },
  };
  return { hanging, atPoint };
}

/** Tells once it holds that the run is to stop; from then on its user is dead. */
export function dyingWith(log: EventLog, die: () => void): EventLog {
  let isDead = false;
  return {
    ...portOf(log),
    async append(commit) {
      if (isDead) return never();
      const committed = await log.append(commit);
      isDead = commit.events.some(({ type }) => type === 'run.stopping');
      if (!isDead) return committed;
      die();
      return never();
    },
  };
}

async function main(folder: string, whose: Whose): Promise<void> {
  const { hanging, atPoint } = hangingAt(openLedger(folder), whose);
  const log = dyingWith(openLog(folder), () => process.kill(process.pid, 'SIGKILL'));
  const controller = new AbortController();
  const durable = { store: new RunStore({ log, worker: 'w' }), runId: 'r1' };
  const ran = run(systemOf(whose), 'Go.', { durable, budgets: budgetsIn(hanging), signal: controller.signal });
  await atPoint;
  controller.abort(new Error('enough'));
  await ran;
}

const [, script, folder = '', whose = ''] = process.argv;
if (script === fileURLToPath(import.meta.url)) await main(folder, whose === 'its own' ? whose : 'of its sub-agent');
