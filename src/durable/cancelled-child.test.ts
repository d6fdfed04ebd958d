import { expect, test } from 'vitest';
import { Agent, type AnyAgent, type EventLog, memoryLog, run, RunStore } from '../index.ts';
import { portOf } from '../log/port.fixture.ts';
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '../testing/index.ts';

test('a sub-agent that was cancelled in a process that died tells the next one why', async () => {
  const controller = new AbortController();
  /** The caller, whose sub-agent is stopped by the program around it while its model works. */
  const made = (signal?: AbortSignal): AnyAgent => {
    const answer = modelResponder(() => {
      controller.abort(new Error('the shop has closed'));
      return new Promise(() => undefined);
    });
    const sub = new Agent({ name: 'Sub', model: new ScriptedModel([answer]) });
    const runOptions = { ...(signal && { signal }), abortGraceMs: 1 };
    const tools = [sub.asTool({ toolName: 'sub', runOptions })];
    const model = new ScriptedModel([
      [functionCall('sub', { input: 'go' }, { callId: 'c1' })],
      [assistantMessage('no')],
    ]);
    return new Agent({ name: 'Caller', model, tools }) as unknown as AnyAgent;
  };
  const log = memoryLog();
  // The process dies before it can say what came of the call.
  const dying: EventLog = {
    ...portOf(log),
    append: (commit) =>
      commit.events.some(({ type }) => type === 'tool.failed') ? new Promise(() => undefined) : log.append(commit),
  };
  const first = new RunStore({ log: dying, leaseMs: 5000 });
  void run(made(controller.signal), 'hi', { durable: { store: first, runId: 'r1' } }).catch(() => undefined);
  await expect.poll(async () => (await log.read('r1/m1/c0'))?.info.status).toBe('cancelled');
  await first.drain({ timeoutMs: 1 });

  const [recovered] = await new RunStore({ log, agents: [made()] }).recover();
  expect(recovered).toMatchObject({
    runId: 'r1',
    outcome: { error: { message: expect.stringContaining('the shop has closed') } },
  });
});
