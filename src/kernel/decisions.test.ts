/** Whose word counts for which call. */
import { expect, test } from 'vitest';
import { model, started } from '../../test/kernel/script.ts';
import {
  answerTo,
  type Ask,
  decisionOn,
  fold,
  initialState,
  lastVerdictOn,
  type RunEvent,
  type State,
} from './index.ts';

/** Model calls one after the other, each with one call of `pay` under the same id. */
const calling = (k: number, callId = 'c0'): RunEvent[] => [
  { type: 'effect.requested', effect: { do: 'call_model', id: `m${k}`, k } },
  model(`m${k}`, [{ type: 'function_call', callId, name: 'pay', arguments: '{}', status: 'completed' }]),
  { type: 'reply.accepted', k },
];
const word = (more: object = {}): RunEvent => ({
  type: 'approval.decided',
  tool: 'pay',
  callId: 'c0',
  approved: true,
  ...more,
});
const after = (...events: RunEvent[]): State => fold([started(), ...events], initialState());
const said = (state: State): boolean | undefined => decisionOn(state, { callId: 'c0', tool: 'pay' })?.approved;

test('a word on a call says nothing of a later call of the same id', () => {
  expect(said(after(...calling(1), word()))).toBe(true);
  expect(said(after(...calling(1), word(), ...calling(2)))).toBe(undefined);
  expect(said(after(...calling(1), word(), ...calling(2), word({ approved: false })))).toBe(false);
  // Whoever answers late names the call that was meant.
  expect(said(after(...calling(1), ...calling(2), word({ k: 1 })))).toBe(undefined);
});

test('a word before there is a call of the id is on the first one', () => {
  expect(said(after(word(), ...calling(1)))).toBe(true);
  expect(said(after(word(), ...calling(1, 'other'), ...calling(2)))).toBe(true);
  expect(said(after(word(), ...calling(1), ...calling(2)))).toBe(undefined);
  expect(said(after(word({ tool: 'other' }), ...calling(1)))).toBe(undefined);
  // Nor is a word for a sub-agent's run ever one for this run.
  expect(said(after(word({ run: 'run/m1/c0' }), ...calling(1)))).toBe(undefined);
});

test('a word on all calls covers the agent that it was said of, or everybody', () => {
  const always = { sticky: true, callId: undefined };
  expect(said(after(word(always), ...calling(1)))).toBe(true);
  expect(said(after(word({ ...always, agent: 'A' }), ...calling(1), ...calling(2)))).toBe(true);
  expect(said(after(word({ ...always, agent: 'B' }), ...calling(1)))).toBe(undefined);
  // A word on one call beats it; of two words on all calls, the later counts.
  expect(said(after(word({ ...always, agent: 'A' }), ...calling(1), word({ approved: false })))).toBe(false);
  expect(said(after(word(always), word({ ...always, approved: false }), ...calling(1)))).toBe(false);
});

test('a word for a sub-agent is on the call that it asked for', () => {
  const ask = (k: number): Ask => ({ run: 'run/m1/c0', k, i: 0, callId: 's0', tool: 'pay', agent: 'pay/S' });
  const asking = (k: number): RunEvent[] => [
    { type: 'effect.requested', effect: { do: 'call_tool', id: 'm1/c0', k: 1, i: 0 } },
    { type: 'tool.waiting', id: 'm1/c0', asks: [ask(k)] },
  ];
  const forSub = word({ run: 'run/m1/c0', callId: 's0' });
  const first = after(...calling(1), ...asking(1), forSub);
  expect(answerTo(first, ask(1))?.approved).toBe(true);
  expect(answerTo(fold(asking(2), first), ask(2))).toBe(undefined);
  const sticky = after(...calling(1), ...asking(1), word({ sticky: true, agent: 'pay/S', callId: undefined }));
  expect(answerTo(sticky, ask(2))?.approved).toBe(true);
  expect(answerTo(sticky, { ...ask(2), agent: 'other/S' })).toBe(undefined);
});

test('a word on an attempt says nothing of an attempt of a later call of the same id', () => {
  const cut = after(...calling(1), word({ uncertain: 1, result: 'paid' }));
  expect(lastVerdictOn(cut, { callId: 'c0', tool: 'pay' })?.result).toBe('paid');
  expect(lastVerdictOn(fold(calling(2), cut), { callId: 'c0', tool: 'pay' })).toBe(undefined);
});

test('a copy that asks takes over no word from the run that it is a copy of', () => {
  const always = word({ sticky: true, callId: undefined });
  const copied = (once: 'ask' | 'run'): State =>
    after(always, ...calling(1), { type: 'run.forked', runId: 'copy', of: 'r', at: 4, once });
  expect(said(copied('ask'))).toBe(undefined);
  expect(said(copied('run'))).toBe(true);
});

test('a word before its call that says the arguments is on a call of those alone, however they are written', () => {
  const called = (k: number, args: string): RunEvent[] => [
    { type: 'effect.requested', effect: { do: 'call_model', id: `m${k}`, k } },
    model(`m${k}`, [{ type: 'function_call', callId: 'c0', name: 'pay', arguments: args, status: 'completed' }]),
    { type: 'reply.accepted', k },
  ];
  const seen = word({ arguments: '{"to":["Ann"],"note":null,"eur":1}' });
  expect(said(after(seen, ...called(1, '{"to":["Ann"],"note":null,"eur":1}')))).toBe(true);
  expect(said(after(seen, ...called(1, '{ "eur": 1, "note": null, "to": ["Ann"] }')))).toBe(true);
  for (const other of ['{"eur":9999,"note":null,"to":["Ann"]}', '{"eur":1', '[]']) {
    expect(said(after(seen, ...called(1, other)))).toBe(undefined);
    expect(said(after(...called(1, other), seen))).toBe(undefined);
  }
  // It waits for the call that it is on.
  const later = after(seen, ...called(1, '{}'), ...called(2, '{"eur":1,"note":null,"to":["Ann"]}'));
  expect(said(later)).toBe(true);
});
