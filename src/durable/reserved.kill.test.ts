/** Killed between the reservation of a model call and its request, with its run stopped: nothing stays reserved. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RunStore } from '../index.ts';
import { budgetsIn, callOf, everybody, openLedger, openLog, reserved, systemOf } from './reserved.fixture.ts';

test.each(everybody)('what a call %s had reserved is given back by whoever takes the run up', async (whose) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-reserved-'));
  const args = [new URL('reserved.fixture.ts', import.meta.url).pathname, folder, whose];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  const [log, ledger] = [openLog(folder), openLedger(folder)];
  expect(await reserved(ledger, whose)).toEqual([callOf(whose)]);
  // Of the same name as the dead process: it takes back at once what that had.
  const { agent, options } = systemOf(whose, budgetsIn(ledger));
  const store = new RunStore({ log, agents: [agent], worker: 'w', resumeOptions: () => options });
  expect(await store.recover()).toMatchObject([{ runId: 'r1', outcome: { error: { message: 'enough' } } }]);
  expect(await reserved(ledger, whose)).toEqual([]);
  await Promise.all([log.close(), ledger.close()]);
  rmSync(folder, { recursive: true, force: true });
});
