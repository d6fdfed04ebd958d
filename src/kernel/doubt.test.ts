/** Calls that began and were cut off: what the kernel asks, and what it makes of the answers. */
import { expect, test } from 'vitest';
import { model, planOf, started } from '../../test/kernel/script.ts';
import {
  answerOn,
  answerTo,
  apply,
  askedCalls,
  fold,
  initialState,
  lastVerdictOn,
  type Plan,
  type RunEvent,
  type State,
  step,
  UNKNOWN,
} from './index.ts';

const calls = (...names: string[]): RunEvent =>
  model(
    'm1',
    names.map((name, n) => ({ type: 'function_call', callId: `c${n}`, name, arguments: '{}', status: 'completed' })),
  );
const callTool = (i: number, more: object = {}): RunEvent => ({
  type: 'effect.requested',
  effect: { do: 'call_tool', id: `m1/c${i}`, k: 1, i, ...more },
});
const asking: Plan = { ...planOf(), onUncertain: () => 'ask' };

/** Two calls are under way, the first is known to have begun, and the process ends. */
const CUT: RunEvent[] = [
  started(),
  { type: 'effect.requested', effect: { do: 'call_model', id: 'm1', k: 1 } },
  calls('book', 'look'),
  { type: 'reply.accepted', k: 1 },
  callTool(0),
  callTool(1),
  { type: 'effect.began', id: 'm1/c0' },
  { type: 'tool.returned', id: 'm1/c1', text: 'seen' },
  { type: 'run.recovered' },
];

/** Decides until there is nothing to decide. */
function settled(from: State, plan: Plan): { state: State; events: RunEvent[] } {
  let state = from;
  const events: RunEvent[] = [];
  for (let next = step(state, plan); next.length > 0; next = step(state, plan)) {
    events.push(...next);
    state = fold(next, state);
  }
  return { state, events };
}

const decided = (more: object): RunEvent => ({
  type: 'approval.decided',
  tool: 'book',
  callId: 'c0',
  approved: true,
  ...more,
});

test('a person is asked about what began, alone; finished results wait to keep the order of the model', () => {
  const { state, events } = settled(fold(CUT, initialState()), asking);
  expect(events.map(({ type }) => type)).toEqual(['effect.uncertain', 'batch.closed', 'run.paused']);
  expect(askedCalls(state).map(({ callId, status }) => [callId, status])).toEqual([['c0', 'unsure']]);
  expect(state.entries.length).toBe(2);

  const approved = fold([decided({ uncertain: 1 }), { type: 'run.resumed', maxTurns: 5 }], state);
  expect(settled(approved, asking).events).toEqual([callTool(0, { attempt: 2 })]);
  expect(settled(approved, asking).state.began).toEqual([]);

  const dropped = fold([decided({ uncertain: 1, approved: false }), { type: 'run.resumed', maxTurns: 5 }], state);
  expect(settled(dropped, asking).events).toEqual([callTool(0, { attempt: 2, refused: true })]);
});

test('a word on another attempt, another call or an approval says nothing of the one in doubt', () => {
  const { state } = settled(fold(CUT, initialState()), asking);
  const [call] = askedCalls(state);
  if (!call) throw new Error('There is a call in doubt.');
  const said = fold([decided({}), decided({ uncertain: 7 }), decided({ uncertain: 1, tool: 'other' })], state);
  expect(answerOn(said, call)).toBeUndefined();
  expect(lastVerdictOn(said, call)).toMatchObject({ uncertain: 7 });
  expect(answerOn(fold([decided({ uncertain: 1, result: 'booked' })], said), call)).toMatchObject({ result: 'booked' });
  // And the other way round: what became of an attempt is no approval.
  const other = { ...call, status: 'new' as const };
  expect(answerOn(fold([decided({ uncertain: 1 })], state), other)).toBeUndefined();
  expect(answerOn(fold([decided({})], state), other)).toMatchObject({ approved: true });
});

test('what a sub-agent asks about is answered for its run', () => {
  const ask = { run: 'r/m1/c1', k: 1, i: 0, callId: 'x', tool: 'pay' };
  const asked = fold(
    [...CUT.slice(0, 6), { type: 'tool.waiting', id: 'm1/c1', asks: [{ ...ask, uncertain: 2 }] }],
    initialState(),
  );
  const told = apply(asked, {
    type: 'approval.decided',
    run: ask.run,
    tool: 'pay',
    callId: 'x',
    approved: true,
    uncertain: 2,
  });
  expect(askedCalls(told).map(({ callId }) => callId)).toEqual(['c1']);
  expect(answerTo(told, { ...ask, uncertain: 2 })).toMatchObject({ approved: true });
  expect(answerTo(told, { ...ask, uncertain: 1 })).toBeUndefined();
  expect(answerTo(told, ask)).toBeUndefined();
  expect(lastVerdictOn(told, ask)).toBeUndefined();
});

test('the world can find out, and can answer that it does not know', () => {
  const plan: Plan = { ...planOf(), onUncertain: (_, { began }) => (began ? 'reconcile' : 'retry') };
  const { state, events } = settled(fold(CUT, initialState()), plan);
  expect(events).toEqual([callTool(0, { attempt: 2, reconcile: true })]);
  const unknown = apply(state, { type: 'effect.uncertain', id: 'm1/c0' });
  expect(unknown.calls[0]).toMatchObject({ status: 'unsure', attempt: 2 });
  expect(unknown.open).toEqual([]);
  // Lost again: what is known of the first attempt still holds.
  const again = settled(apply(state, { type: 'run.recovered' }), plan);
  expect(again.events).toEqual([callTool(0, { attempt: 3, reconcile: true })]);
  expect(apply(unknown, { type: 'effect.uncertain', id: 'm1/c0' })).toBe(unknown);
});

test('a run that is stopped says of what began that nobody knows', () => {
  const stop: RunEvent = { type: 'run.stopping', cause: 'abort', error: { name: 'AbortError', message: 'stop' } };
  const texts = (state: State): unknown[] =>
    settled(apply(state, stop), asking).events.flatMap((event) =>
      event.type === 'tool.returned' ? [[event.id, event.text === UNKNOWN]] : [],
    );
  const under = fold([...CUT.slice(0, 7), { type: 'run.recovered' }], initialState());
  expect(texts(under)).toEqual([
    ['m1/c0', true],
    ['m1/c1', false],
  ]);
  const { state } = settled(fold(CUT, initialState()), asking);
  expect(texts(fold([{ type: 'run.resumed', maxTurns: 5 }], state))).toEqual([['m1/c0', true]]);
});
