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
  type Budgets,
  createBudgets,
  type EventLog,
  run,
  RunStore,
  sqliteLedger,
  sqliteLog,
  type Tool,
} from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';

/** Whose model call hangs; where it says "alone", that sub-agent's tool has the budget, and the run has none. */
export type Whose = 'its own' | 'of its sub-agent' | 'of its sub-agent alone' | "of its sub-agent's sub-agent alone";
const SUB_RUNS: Record<Whose, string> = {
  'its own': 'r1',
  'of its sub-agent': 'r1/m1/c0',
  'of its sub-agent alone': 'r1/m1/c0',
  "of its sub-agent's sub-agent alone": 'r1/m1/c0/m1/c0',
};
export const everybody = Object.keys(SUB_RUNS).filter((whose): whose is Whose => whose in SUB_RUNS);
/** The model call that hangs. */
export const callOf = (whose: Whose): string => `${SUB_RUNS[whose]}/m1`;
const isAlone = (whose: Whose): boolean => whose.endsWith(' alone');

const synchronous = 'normal' as const;
const path = (folder: string): string => join(folder, 'runs.db');
export const openLog = (folder: string): EventLog => sqliteLog({ path: path(folder), synchronous });
export const openLedger = (folder: string): BudgetLedger => sqliteLedger({ path: path(folder), synchronous });

export const budgetsIn = (ledger: BudgetLedger, more: object = {}) =>
  createBudgets({ ledger, limits: { run: { tokens: 1_000_000 } }, ...more });

/** Effects that have reserved and were not sent, of the run whose budget it is. */
export async function reserved(ledger: BudgetLedger, whose: Whose): Promise<string[]> {
  const { open } = await budgetsIn(ledger).balance({ run: isAlone(whose) ? SUB_RUNS[whose] : 'r1' });
  return open.filter(({ state }) => state === 'reserved').map(({ effect }) => effect);
}

type System = { readonly agent: AnyAgent; readonly options: { readonly budgets?: Budgets } };

/** Desk, which asks Sub, which asks another one, as far as needed; and the options of its run. */
export function systemOf(whose: Whose, budgets: Budgets): System {
  const depth = SUB_RUNS[whose].split('/c0').length - 1;
  let agent = agentOf(depth === 0 ? 'Desk' : `Sub ${depth}`);
  for (let above = depth - 1; above >= 0; above--) {
    const isOnly = isAlone(whose) && above === depth - 1;
    const asking = agent.asTool({ toolName: 'ask', toolDescription: 'Asks.', runOptions: isOnly ? { budgets } : {} });
    agent = agentOf(above === 0 ? 'Desk' : `Sub ${above}`, asking);
  }
  return { agent: agent as unknown as AnyAgent, options: isAlone(whose) ? {} : { budgets } };
}

function agentOf(name: string, asking?: Tool): Agent {
  const says = [assistantMessage('Done.')];
  const steps = asking ? [[functionCall('ask', { input: 'x' }, { callId: 'c1' })], says] : [says];
  return new Agent({ name, model: new ScriptedModel(steps), tools: asking ? [asking] : [] });
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
      if (id.effect !== callOf(whose)) return ledger.sent(id);
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
  const { agent, options } = systemOf(whose, budgetsIn(hanging));
  const ran = run(agent, 'Go.', { durable, ...options, signal: controller.signal });
  await atPoint;
  controller.abort(new Error('enough'));
  await ran;
}

const [, script, folder = '', whose = ''] = process.argv;
const known = everybody.find((each) => each === whose);
if (script === fileURLToPath(import.meta.url) && known) await main(folder, known);
