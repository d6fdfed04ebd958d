/** `run()` and `Runner.run`: what they take and give. */
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  Agent,
  AgentsError,
  type AgentInputItem,
  type AnyAgent,
  type IndividualRunOptions,
  MaxTurnsExceededError,
  run,
  type RunContext,
  Runner,
  type RunResult,
  RunState,
  type RunStreamEvent,
  stateOfError,
  type StreamedRunResult,
} from '@baton/agents';

type Account = { id: string };
const Order = z.object({ id: z.string() });
const agent = new Agent<Account>({ name: 'A' });
const orders = new Agent<Account, typeof Order>({ name: 'O', outputType: Order });
const runner = new Runner();
const context: Account = { id: 'a' };

test('a plain result without `stream`, a streamed one with it, either where it is not known', async () => {
  type Plain = RunResult<Account, Agent<Account>>;
  type Streamed = StreamedRunResult<Account, Agent<Account>>;
  expectTypeOf(await run(agent, 'x', { context })).toEqualTypeOf<Plain>();
  expectTypeOf(await run(agent, 'x', { context, stream: false })).toEqualTypeOf<Plain>();
  expectTypeOf(await run(agent, 'x', { context, stream: true })).toEqualTypeOf<Streamed>();
  expectTypeOf(await runner.run(agent, 'x', { context })).toEqualTypeOf<Plain>();
  expectTypeOf(await runner.run(agent, 'x', { context, stream: true })).toEqualTypeOf<Streamed>();
  const options: IndividualRunOptions<Account, Agent<Account>> = { context };
  expectTypeOf(await run(agent, 'x', options as IndividualRunOptions<Account, Agent<Account>>)).toEqualTypeOf<
    Plain | Streamed
  >();
  const stream: boolean = Math.random() > 0.5;
  expectTypeOf(await runner.run(agent, 'x', { context, stream })).toEqualTypeOf<Plain | Streamed>();
});

test('options may be undefined', async () => {
  expectTypeOf(await run(agent, 'x', undefined)).toEqualTypeOf<RunResult<unknown, Agent<Account>>>();
  expectTypeOf(await runner.run(agent, 'x', undefined)).toEqualTypeOf<RunResult<unknown, Agent<Account>>>();
});

test('a run begins with a text, items, or a state', async () => {
  const items: AgentInputItem[] = [{ role: 'user', content: 'Hi' }];
  await run(agent, items);
  const { state, history } = await run(agent, 'x', { context });
  expectTypeOf(state).toEqualTypeOf<RunState<Account, Agent<Account>>>();
  await run(agent, history);
  expectTypeOf(await run(agent, state)).toEqualTypeOf<RunResult<Account, Agent<Account>>>();
  expectTypeOf(await runner.run(agent, state, { stream: true })).toEqualTypeOf<
    StreamedRunResult<Account, Agent<Account>>
  >();
  // @ts-expect-error -- a number is no input
  await run(agent, 7);
  // @ts-expect-error -- items have a known type
  await run(agent, [{ type: 'mesage', content: 'x' }]);
});

test('misspelt and ill-typed options are refused', async () => {
  // @ts-expect-error -- maxTurn
  await run(agent, 'x', { maxTurn: 1 });
  // @ts-expect-error -- a text
  await run(agent, 'x', { maxTurns: '1' });
  // @ts-expect-error -- of the runner
  await run(agent, 'x', { workflowName: 'x' });
  // @ts-expect-error -- of the run
  expectTypeOf(new Runner({ maxTurns: 1 })).toEqualTypeOf<Runner>();
});

test('the members of a result', async () => {
  const result = await run(orders, 'x', { context });
  expectTypeOf(result.lastAgent).toEqualTypeOf<typeof orders | undefined>();
  expectTypeOf(result.runContext).toEqualTypeOf<RunContext<Account>>();
  expectTypeOf(result.interruptions[0]?.name).toEqualTypeOf<string | undefined>();
  expectTypeOf(result.lastResponseId).toEqualTypeOf<string | undefined>();
  const stream = await run(orders, 'x', { stream: true });
  for await (const event of stream) expectTypeOf(event).toEqualTypeOf<RunStreamEvent>();
  expectTypeOf(stream.error).toBeUnknown();
  expectTypeOf(stream.toTextStream()).toEqualTypeOf<ReadableStream<string>>();
});

test('a result can be passed on where less is known of its agent', async () => {
  const take = (result: RunResult<unknown, AnyAgent>): unknown => result.finalOutput;
  take(await run(orders, 'x', { context }));
  const takeState = (state: RunState<unknown, AnyAgent>): number => state.currentTurn;
  takeState((await run(orders, 'x', { context })).state);
});

test('a state that was stored is read with the agent that it belongs to', async () => {
  expectTypeOf(await RunState.fromString(orders, '')).toEqualTypeOf<RunState<unknown, typeof orders>>();
  const state = await RunState.fromStringWithContext(orders, '', (await run(orders, 'x', { context })).runContext);
  expectTypeOf(state).toEqualTypeOf<RunState<Account, typeof orders>>();
  expectTypeOf((await run(orders, state)).finalOutput).toEqualTypeOf<{ id: string } | undefined>();
});

test("a failed run's state can be run again", async () => {
  try {
    await run(orders, 'x');
  } catch (error) {
    if (error instanceof MaxTurnsExceededError && error.state) {
      const again = await run(orders, error.state, { maxTurns: 20 });
      expectTypeOf(again.finalOutput).toEqualTypeOf<{ id: string } | undefined>();
      expectTypeOf(error.state.history).toEqualTypeOf<AgentInputItem[]>();
    }
    if (error instanceof AgentsError) expectTypeOf(error.code).toEqualTypeOf<string>();
    const state = stateOfError(error);
    if (state) await run(orders, state);
  }
});

test('error handlers give an output of the agent, and get the context', async () => {
  await run(orders, 'x', {
    context,
    errorHandlers: {
      maxTurns: ({ context: given, runData, error }) => {
        expectTypeOf(given).toEqualTypeOf<RunContext<Account>>();
        expectTypeOf(runData.lastAgent).toEqualTypeOf<typeof orders | undefined>();
        expectTypeOf(error.message).toEqualTypeOf<string>();
        return { finalOutput: { id: given.context.id } };
      },
      modelRefusal: async () => undefined,
      default: () => undefined,
    },
  });
  // @ts-expect-error -- an order is asked for
  await run(orders, 'x', { errorHandlers: { maxTurns: () => ({ finalOutput: 'late' }) } });
  // @ts-expect-error -- no such kind
  await run(orders, 'x', { errorHandlers: { maxTurn: () => undefined } });
});
