/** Turns of runs, as cases for each kind of session. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, run, type Session, SessionBusy, type StreamedRunResult, tool } from '../index.ts';
import { assistantMessage, functionCall, modelError, modelResponder, ScriptedModel } from '../testing/index.ts';

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

export function gate(): { started: () => void; isStarted: Promise<void> } {
  let started = (): void => undefined;
  const isStarted = new Promise<void>((resolve) => (started = resolve));
  return { started, isStarted };
}

/** Answers with how much it was shown, after a call of a slow tool. */
export function counting(name: string, work: () => unknown = pause): Agent {
  const slow = tool({
    name: 'slow',
    description: 'Takes a while.',
    parameters: z.object({}),
    execute: async () => {
      await work();
      return name;
    },
  });
  const model = new ScriptedModel([
    [functionCall('slow', {}, { callId: `${name}-call` })],
    modelResponder(({ request: { input } }) => [
      assistantMessage(`${name} saw ${Array.isArray(input) ? input.length : 1}`),
    ]),
  ]);
  return new Agent({ name, model, tools: [slow] });
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await pause();
};

/** When a run was given this much to see. */
const pending = ({ state }: Streamed, count: number): Promise<void> => until(() => state.pendingInput.length === count);
type Streamed = { readonly state: { readonly pendingInput: unknown[] } };

type Held = { session: Session; hold: Promise<void>; then?: ReturnType<typeof modelError>; needsApproval?: boolean };

/** A run that is in a tool until it may go on. */
export async function held(name: string, { session, hold, then, needsApproval }: Held): Promise<StreamedRunResult> {
  const { started, isStarted } = gate();
  const agent = counting(name, () => {
    started();
    return hold;
  });
  const says = modelResponder(({ request: { input } }) => [
    assistantMessage(`${name} saw ${Array.isArray(input) ? input.length : 1}`),
  ]);
  const calls = [functionCall('slow', {}, { callId: `${name}-call` })];
  if (needsApproval) calls.push(functionCall('ask', {}, { callId: `${name}-ask` }));
  agent.model = new ScriptedModel([calls, then ?? says]);
  const execute = async (): Promise<string> => name;
  agent.tools.push(tool({ name: 'ask', description: 'Asks.', parameters: z.object({}), needsApproval: true, execute }));
  const streamed = await run(agent, name, { session, stream: true });
  await isStarted;
  return streamed;
}

export const shown = async (session: Session): Promise<string[]> =>
  (await session.getItems()).map((item) => {
    if (item.type === 'function_call' || item.type === 'function_call_result') return item.callId.replace('-call', '');
    const { content } = item as { content: string | { text?: string }[] };
    return typeof content === 'string' ? content : ((content[0]?.text ?? '').split(' ')[0] ?? '');
  });

/** What holds for turns of runs, whichever session they are on. `make` gives what opens one session, as often as asked. */
export function turnCases(make: () => () => Session): void {
  test('runs at once on one session come one after the other, and each sees all before it', async () => {
    const open = make();
    const session = open();
    const names = ['a', 'b', 'c', 'd'];
    const results = await Promise.all(names.map((name) => run(counting(name), name, { session: open() })));
    const said = await shown(session);
    const order = [0, 4, 8, 12].map((at) => said[at] ?? '');
    // First come, first served.
    expect(order).toEqual(names);
    // Input, call, result and answer of each stand together.
    expect(said).toEqual(order.flatMap((name) => [name, name, name, name]));
    for (const [n, name] of names.entries())
      expect(results[n]?.finalOutput).toBe(`${name} saw ${order.indexOf(name) * 4 + 3}`);
  });

  test('with onBusy reject a second run fails at once, and says which run it met', async () => {
    const open = make();
    let goOn = (): void => undefined;
    let started = (): void => undefined;
    const inTool = new Promise<void>((resolve) => (started = resolve));
    const hold = new Promise<void>((resolve) => (goOn = resolve));
    const first = run(
      counting('a', () => {
        started();
        return hold;
      }),
      'a',
      { session: open() },
    );
    await inTool;
    const second = run(counting('b'), 'b', { session: open(), sessionTurn: { onBusy: 'reject' } });
    const error = await second.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SessionBusy);
    const waited = run(counting('c'), 'c', { session: open(), sessionTurn: { turnTimeoutMs: 20 } });
    await expect(waited).rejects.toBeInstanceOf(SessionBusy);
    const aborted = run(counting('d'), 'd', { session: open(), signal: AbortSignal.timeout(20) });
    await expect(aborted).rejects.toThrow('timeout');
    goOn();
    const { state } = await first;
    expect(error).toMatchObject({ runId: JSON.parse(state.toString()).run.runId });
    expect(await shown(open())).toEqual(['a', 'a', 'a', 'a']);
    await run(counting('e'), 'e', { session: open(), sessionTurn: { onBusy: 'reject' } });
  });

  test('a run that is started in a tool of the run that has the turn joins it', async () => {
    const open = make();
    const outer = counting('outer', () => run(counting('inner'), 'inner', { session: open() }));
    await run(outer, 'outer', { session: open(), sessionTurn: { turnTimeoutMs: 1000 } });
    const said = await shown(open());
    expect(said.filter((text) => text === 'inner')).toHaveLength(4);
    expect(said.at(-1)).toBe('outer');
  });

  test('a run that fails or waits for a person gives the turn back; the latter takes it again', async () => {
    const open = make();
    const failing = new Agent({ name: 'failing', model: new ScriptedModel([modelError(new Error('broken'))]) });
    await expect(run(failing, 'x', { session: open() })).rejects.toThrow('broken');
    const asking = new Agent({
      name: 'asking',
      model: new ScriptedModel([[functionCall('ask', {}, { callId: 'c' })], [assistantMessage('done')]]),
      tools: [
        tool({
          name: 'ask',
          description: 'Asks.',
          parameters: z.object({}),
          needsApproval: true,
          execute: async () => 'ok',
        }),
      ],
    });
    const { state, interruptions } = await run(asking, 'asks', { session: open() });
    for (const item of interruptions) state.approve(item);

    let goOn = (): void => undefined;
    let started = (): void => undefined;
    const inTool = new Promise<void>((resolve) => (started = resolve));
    const hold = new Promise<void>((resolve) => (goOn = resolve));
    const between = run(
      counting('b', () => {
        started();
        return hold;
      }),
      'b',
      { session: open() },
    );
    await inTool;
    const busy = run(asking, state, { session: open(), sessionTurn: { onBusy: 'reject' } });
    await expect(busy).rejects.toBeInstanceOf(SessionBusy);
    // The state is as it was, and goes on another time.
    const resumed = run(asking, state, { session: open() });
    goOn();
    await between;
    expect((await resumed).finalOutput).toBe('done');
    expect((await shown(open())).slice(-2)).toEqual(['c', 'done']);
  });
  test('a run that interrupts another goes next; the other answers its calls and keeps what it did', async () => {
    const open = make();
    const { started, isStarted } = gate();
    const hanging = run(
      counting('a', () => {
        started();
        return new Promise(() => undefined);
      }),
      'a',
      { session: open(), abortGraceMs: 5 },
    );
    const ended = hanging.catch((error: unknown) => error);
    await isStarted;
    // It came before, and yet it is not next.
    const waiting = run(counting('w'), 'w', { session: open() });
    await pause();
    const result = await run(counting('b'), 'b', { session: open(), sessionTurn: { onBusy: 'interrupt' } });
    expect(await ended).toMatchObject({ name: 'AbortError', message: expect.stringContaining('interrupted') });
    await waiting;
    expect(await shown(open())).toEqual([...'aaa', ...'bbbb', ...'wwww']);
    const outcome = (await open().getItems()).find(({ type }) => type === 'function_call_result');
    expect(outcome).toMatchObject({ callId: 'a-call', status: 'incomplete' });
    expect(result.finalOutput).toBe('b saw 6');
    // Where nobody has the turn there is nobody to interrupt.
    await run(counting('c'), 'c', { session: open(), sessionTurn: { onBusy: 'interrupt' } });
  });

  test('runs that are merged are one run: it sees both inputs, and both callers get its result', async () => {
    const open = make();
    const { started: goOn, isStarted: hold } = gate();
    const first = await held('a', { session: open(), hold });
    const sessionTurn = { onBusy: 'merge' as const };
    const merged = ['b', 'c'].map((name) => run(counting(name), name, { session: open(), sessionTurn }));
    const controller = new AbortController();
    const { signal } = controller;
    const left = run(counting('d'), 'd', { session: open(), sessionTurn, signal }).catch((error: unknown) => error);
    await pending(first, 3);
    controller.abort(new Error('enough'));
    expect(await left).toMatchObject({ message: 'enough' });
    goOn();
    await first.completed;
    const results = await Promise.all(merged);
    expect([first, ...results].map(({ finalOutput }) => finalOutput)).toEqual(Array(3).fill('a saw 6'));
    // Whoever stopped to wait had said what it said.
    const all = await shown(open());
    expect(all.slice(0, 3)).toEqual(['a', 'a', 'a']);
    expect(all.slice(3, 6).toSorted()).toEqual(['b', 'c', 'd']);
    expect(all.slice(6)).toEqual(['a']);
    await run(counting('e'), 'e', { session: open(), sessionTurn });
  });

  test('input that comes after the last model call has a run of its own', async () => {
    const open = make();
    const { started: goOn, isStarted: hold } = gate();
    const model = new ScriptedModel([
      modelResponder(async () => {
        await hold;
        return [assistantMessage('a')];
      }),
    ]);
    const agent = new Agent({ name: 'a', model });
    const first = await run(agent, 'a', { session: open(), stream: true });
    await until(() => model.calls.length > 0);
    const second = run(counting('b'), 'b', { session: open(), sessionTurn: { onBusy: 'merge' } });
    await pending(first, 1);
    goOn();
    await first.completed;
    expect(first.finalOutput).toBe('a');
    expect((await second).finalOutput).toBe('b saw 5');
    expect(await shown(open())).toEqual([...'aa', ...'bbbb']);
  });

  test('who joins a run that fails gets its error', async () => {
    const open = make();
    const { started: goOn, isStarted: hold } = gate();
    const first = await held('a', { session: open(), hold, then: modelError(new Error('broken')) });
    const failing = first.completed.catch((error: unknown) => error);
    const second = run(counting('b'), 'b', { session: open(), sessionTurn: { onBusy: 'merge' } });
    const other = second.catch((error: unknown) => error);
    await pending(first, 1);
    goOn();
    expect(await failing).toMatchObject({ message: 'broken' });
    expect(await other).toBe(await failing);
  });

  test('who joins a run that comes to wait for a person gets its questions, and is heard when it goes on', async () => {
    const open = make();
    const { started: goOn, isStarted: hold } = gate();
    const first = await held('a', { session: open(), hold, needsApproval: true });
    const second = run(counting('b'), 'b', { session: open(), sessionTurn: { onBusy: 'merge' } });
    await pending(first, 1);
    goOn();
    await first.completed;
    const { interruptions, state } = await second;
    expect(interruptions).toHaveLength(1);
    for (const item of interruptions) state.approve(item);
    const agent = state.currentAgent as Agent;
    // Two calls and their results, and both inputs.
    expect((await run(agent, state, { session: open() })).finalOutput).toBe('a saw 6');
  });

  test('a run that is merged within a tool of the run that has the turn is a run of its own', async () => {
    const open = make();
    const sessionTurn = { onBusy: 'merge' as const };
    await run(
      counting('o', () => run(counting('i'), 'i', { session: open(), sessionTurn })),
      'o',
      { session: open() },
    );
    expect((await shown(open())).filter((text) => text === 'i')).toHaveLength(4);
  });
}
