/**
 * A module as `baton worker` takes it: an agent whose tool waits until a file is there. Started by itself, it starts a
 * run.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Agent, run, RunStore, sqliteLog, tool } from '../index.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

const folder = process.env['WORKER_FOLDER'] ?? '';

const work = tool({
  name: 'work',
  description: 'Works.',
  parameters: z.object({ what: z.string() }),
  effect: 'idempotent',
  execute: async ({ what }, _context, details) => {
    appendFileSync(join(folder, 'ledger.txt'), `begin ${what} ${process.pid} ${details?.attempt ?? 0}\n`);
    while (!existsSync(join(folder, 'gate'))) await sleep(10);
    appendFileSync(join(folder, 'ledger.txt'), `end ${what} ${process.pid} ${details?.attempt ?? 0}\n`);
    return `did ${what}`;
  },
});

const reply = modelResponder(({ request: { input } }) =>
  Array.isArray(input) && input.some(({ type }) => type === 'function_call_result')
    ? [assistantMessage('Done.')]
    : [functionCall('work', { what: 'it' }, { callId: 'c1' })],
);
const model = new ScriptedModel(Array.from({ length: 20 }, () => reply));
const agent = new Agent({ name: 'Desk', model, tools: [work] });
const log = sqliteLog({ path: join(folder, 'runs.db'), synchronous: 'normal' });
export const store = new RunStore({ log, agents: [agent as never], leaseMs: 3000 });

const runId = process.env['WORKER_RUN'];
if (runId !== undefined) await run(agent, 'Work.', { durable: { store, runId } }).catch(() => undefined);
