import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  type AnyAgent,
  defineToolInputGuardrail,
  defineToolOutputGuardrail,
  handoff,
  memoryLog,
  run,
  RunStore,
  tool,
} from '../index.ts';
import { booking, call, done } from './booking.fixture.ts';
import { planChanges } from './plan-changes.ts';
import { planRecord } from './plan-record.ts';

type Made = {
  pay?: string;
  refund?: string;
  checks?: string[];
  inParallel?: boolean;
  output?: string[];
  toolChecks?: string[];
};

function desk({ pay = 'Pays, in euros.', refund = 'Refunds.', ...made }: Made = {}): AnyAgent {
  const { checks = ['On topic'], inParallel = true, output = [], toolChecks = ['Limits'] } = made;
  const verdict = () => ({ tripwireTriggered: false });
  const allow = { run: async () => ({ behavior: { type: 'allow' as const } }) };
  const tools = [
    tool({
      name: 'pay',
      description: pay,
      parameters: z.object({ amount: z.number() }),
      inputGuardrails: toolChecks.map((name) => defineToolInputGuardrail({ name, ...allow })),
      outputGuardrails: [defineToolOutputGuardrail({ name: 'No card numbers', ...allow })],
      execute: () => 'ok',
    }),
  ];
  const handoffs = [handoff(new Agent({ name: 'Refund' }), { toolDescriptionOverride: refund })];
  return new Agent({
    name: 'Desk',
    tools,
    handoffs,
    inputGuardrails: checks.map((name) => ({ name, runInParallel: inParallel, execute: verdict })),
    outputGuardrails: output.map((name) => ({ name, execute: verdict })),
  }) as unknown as AnyAgent;
}

test.each<[Made, string[]]>([
  [{}, []],
  [{ pay: 'Pays, in cents.' }, ['description of tool "pay" of agent "Desk" changed']],
  [{ refund: 'Asks the boss.' }, ['description of handoff "transfer_to_Refund" of agent "Desk" changed']],
  [
    { checks: ['Polite'] },
    ['guardrail "On topic" on input of agent "Desk" is gone', 'guardrail "Polite" on input of agent "Desk" is new'],
  ],
  [{ inParallel: false }, ['guardrail "On topic" on input of agent "Desk" changed']],
  [{ output: ['No secrets'] }, ['guardrail "No secrets" on output of agent "Desk" is new']],
  [{ toolChecks: [] }, ['guardrail "Limits" on input of tool "pay" of agent "Desk" is gone']],
])('agents that changed by %j', (made, changes) => {
  expect(planChanges(planRecord(desk()) as never, planRecord(desk(made)))).toEqual(changes);
});

test('a tool that is gone is told once', () => {
  const bare = (desk() as unknown as Agent).clone({ tools: [] }) as unknown as AnyAgent;
  const [before, after] = [planRecord(desk()), planRecord(bare)];
  const changes = planChanges(before as never, after).filter((change) => !change.startsWith('guardrail'));
  expect(changes).toEqual(['tool "pay" of agent "Desk" is gone']);
});

test('what an older version did not record is not taken for a change', () => {
  const older = Object.fromEntries(
    Object.entries(planRecord(desk())).map(([key, { instructions, output, model, tools, handoffs }]) => [
      key,
      { instructions, output, model, tools, handoffs },
    ]),
  );
  expect(planChanges(older, planRecord(desk()))).toEqual([]);
  expect(planChanges(older, planRecord(desk({ pay: 'Pays, in cents.' })))).toEqual([]);
});

test('a run whose tool means something else by now is not gone on with where that is to be refused', async () => {
  const log = memoryLog();
  const { agent } = booking([call], { needsApproval: true });
  await run(agent, 'Book LH1.', { durable: { store: new RunStore({ log }), runId: 'r1' } });
  const changed = booking([done], { needsApproval: true, description: 'Books a flight, and a hotel.' });
  const store = new RunStore({ log, agents: [changed.agent], onPlanChange: 'refuse' });
  await store.approve('r1', 'c1');
  await expect(store.resume('r1')).rejects.toThrow('description of tool "book" of agent "Desk" changed');
  expect(changed.booked).toEqual([]);
});
