/** Runs that book flights, for tests of durable runs; a run whose process dies. */
import { z } from 'zod';
import { Agent, type AnyAgent, type EventLog, run, RunStore, type Session, tool } from '../index.ts';
import { assistantMessage, functionCall, ScriptedModel } from '../testing/index.ts';

export type Made = { agent: AnyAgent; model: ScriptedModel; booked: string[] };

/** An agent that books once, and what it was told to book. */
export function booking(steps: ConstructorParameters<typeof ScriptedModel>[0], options: object = {}): Made {
  const booked: string[] = [];
  const model = new ScriptedModel(steps);
  const book = tool({
    name: 'book',
    description: 'Books a flight.',
    parameters: z.object({ flight: z.string() }),
    effect: 'once',
    ...options,
    execute: async ({ flight }) => {
      booked.push(flight);
      return `booked ${flight}`;
    },
  });
  return { agent: new Agent({ name: 'Desk', model, tools: [book] }) as unknown as AnyAgent, model, booked };
}

export const call = [functionCall('book', { flight: 'LH1' }, { callId: 'c1' })];
export const done = [assistantMessage('Done.')];

/** A run whose process died in its tool, after the tool had booked. `given`: options of the tool, and a `session`. */
export async function cutOff(log: EventLog, runId: string, given: object = {}): Promise<Made> {
  const { session, ...options } = given as { session?: Session };
  let hang = true;
  const made = booking([call, done], options);
  const [book] = made.agent.tools;
  if (book?.type !== 'function') throw new Error('There is a tool.');
  const dying = new RunStore({ log, leaseMs: 5000 });
  let inTool = (): void => undefined;
  const reached = new Promise<void>((resolve) => (inTool = resolve));
  const stuck = booking([call], {
    ...options,
    outputGuardrails: [
      {
        name: 'dies',
        run: async () => {
          inTool();
          if (hang) await new Promise(() => undefined);
          return { behavior: { type: 'allow' } };
        },
      },
    ],
  });
  const durable = { store: dying, runId };
  void run(stuck.agent, 'Book LH1.', { ...(session && { session }), durable }).catch(() => undefined);
  await reached;
  hang = false;
  await dying.drain({ timeoutMs: 1 });
  made.booked.push(...stuck.booked);
  (made.agent as Agent).model = new ScriptedModel([done]);
  return made;
}

/** What a worker that looks again and again takes over. */
export async function recovered(store: RunStore): Promise<unknown> {
  for (;;) {
    const taken = await store.recover();
    if (taken.length > 0) return taken;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
