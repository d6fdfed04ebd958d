/** What a model call had reserved of a budget, where its run is stopped and nobody asks the model again. */
import { describe, expect, test } from 'vitest';
import { memoryLedger, run, RunStore } from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { kinds, logOf } from './logs.fixture.ts';
import { budgetsIn, dyingWith, everybody, hangingAt, reserved, systemOf, type Whose } from './reserved.fixture.ts';

describe.each(kinds)('a run in a log in %s, with a budget', { timeout: 30_000 }, (kind) => {
  const open = logOf(kind);

  test.each(everybody)(
    'stopped while a call %s has reserved, its process dead, gives that back when taken up',
    async (whose) => {
      const log = open();
      const ledger = memoryLedger();
      const { hanging, atPoint } = hangingAt(ledger, whose);
      let isDead = false;
      const dying = dyingWith(log, () => (isDead = true));
      const { agent, options } = systemOf(whose, budgetsIn(hanging));
      const controller = new AbortController();
      const durable = { store: new RunStore({ log: dying, worker: 'w' }), runId: 'r1' };
      void run(agent, 'Go.', { ...options, durable, signal: controller.signal }).catch(() => undefined);
      await atPoint;
      expect(await reserved(ledger, whose)).toHaveLength(1);
      controller.abort(new Error('enough'));
      await expect.poll(() => isDead, { timeout: 10_000 }).toBe(true);

      const anew = systemOf(whose, budgetsIn(ledger));
      const resumeOptions = () => anew.options;
      const second = new RunStore({ log, agents: [anew.agent], worker: 'w', resumeOptions });
      expect(await second.recover()).toMatchObject([{ runId: 'r1', outcome: { error: { message: 'enough' } } }]);
      expect(await reserved(ledger, whose)).toEqual([]);
    },
  );

  test.each(everybody)(
    'stopped while a call %s has reserved and comes no further, gives that back first',
    async (whose) => {
      const ledger = memoryLedger();
      const { hanging, atPoint } = hangingAt(ledger, whose);
      const durable = { store: new RunStore({ log: open() }), runId: 'r1' };
      const controller = new AbortController();
      const { signal } = controller;
      const { agent, options } = systemOf(whose, budgetsIn(hanging));
      const ran = run(agent, 'Go.', { ...options, durable, signal, abortGraceMs: 1 });
      await atPoint;
      controller.abort(new Error('enough'));
      await expect(ran).rejects.toThrow('enough');
      expect(await reserved(ledger, whose)).toEqual([]);
    },
  );

  const aside: readonly Whose[] = ['its own', 'of its sub-agent alone'];
  test.each(aside)('gives back what a process that is dead had set aside for a last call %s', async (whose) => {
    const log = open();
    const ledger = memoryLedger();
    const { hanging, atPoint } = hangingAt(ledger, whose);
    const tells = { onExceed: 'tell-the-model' };
    const { agent, options } = systemOf(whose, budgetsIn(hanging, tells));
    const durable = { store: new RunStore({ log: portOf(log), worker: 'w' }), runId: 'r1' };
    void run(agent, 'Go.', { durable, ...options }).catch(() => undefined);
    await atPoint;
    expect(await reserved(ledger, whose)).toHaveLength(2);
    const anew = systemOf(whose, budgetsIn(ledger, tells));
    const second = new RunStore({ log, agents: [anew.agent], worker: 'w', resumeOptions: () => anew.options });
    await second.cancel('r1', 'enough');
    await second.recover();
    expect((await second.list()).runs[0]?.status).toBe('cancelled');
    expect(await reserved(ledger, whose)).toEqual([]);
  });
});
