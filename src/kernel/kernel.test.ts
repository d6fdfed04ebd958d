/** What single events and states mean: the corners that whole runs seldom reach. */
import { expect, test } from 'vitest';
import { handled, model, planOf, ran, started, worldOf } from '../../test/kernel/script.ts';
import type { ModelItem } from '../protocol/items.ts';
import {
  apply,
  callIndex,
  drive,
  type Effect,
  fold,
  initialState,
  resultText,
  type RunEvent,
  type State,
  step,
  toArray,
} from './index.ts';

const CALL: RunEvent = { type: 'effect.requested', effect: { do: 'call_model', id: 'm1', k: 1 } };

const replied = (output: ModelItem[]): State =>
  fold([started(), CALL, model('m1', output), { type: 'reply.accepted', k: 1 }], initialState());
const kinds = (output: ModelItem[]): string[] => toArray(replied(output).entries).map(({ kind }) => kind);

test('tools that ran at the provider are used tools, texts are none', () => {
  const text: ModelItem = {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'x' }],
  };
  expect(replied([{ type: 'hosted_tool_call', name: 'web_search_call' }, text]).usedTools).toEqual({ A: true });
  expect(replied([text]).usedTools).toEqual({});
});

test('each kind of item in a reply shows as what it is', () => {
  // Built by adapters of vendors; the kernel looks at their type alone.
  const of = (type: string | undefined): ModelItem => ({ type, callId: 'x', content: [], role: 'assistant' }) as never;
  expect(kinds([of('reasoning'), of('compaction'), of('tool_search_call'), of('tool_search_output')])).toEqual([
    'reasoning',
    'compaction',
    'tool_search_call',
    'tool_search_output',
  ]);
  expect(kinds(['hosted_tool_call', 'computer_call', 'shell_call', 'apply_patch_call', 'program'].map(of))).toEqual(
    Array.from({ length: 5 }, () => 'tool_call'),
  );
  expect(
    kinds(
      [
        'function_call_result',
        'computer_call_result',
        'shell_call_output',
        'apply_patch_call_output',
        'program_output',
      ].map(of),
    ),
  ).toEqual(Array.from({ length: 5 }, () => 'tool_output'));
  expect(kinds([of('unknown'), of(undefined), of('message')])).toEqual(['other', 'message', 'message']);
});

test('a result belongs to its call: name, id, namespace, caller', () => {
  const call = {
    type: 'function_call',
    callId: 'c',
    name: 't',
    namespace: 'n',
    arguments: '{}',
    caller: { type: 'direct' },
  } as ModelItem;
  const log: RunEvent[] = [
    started(),
    CALL,
    model('m1', [call]),
    { type: 'reply.accepted', k: 1 },
    { type: 'effect.requested', effect: { do: 'call_tool', id: 'm1/c0', k: 1, i: 0 } },
    { type: 'tool.returned', id: 'm1/c0', text: 'ok' },
    { type: 'batch.closed', k: 1 },
  ];
  expect(toArray(fold(log, initialState()).entries).at(-1)?.item).toEqual({
    type: 'function_call_result',
    name: 't',
    namespace: 'n',
    callId: 'c',
    status: 'completed',
    output: { type: 'text', text: 'ok' },
    caller: { type: 'direct' },
  });
});

test('what settled late changes nothing', () => {
  const state = fold([started()], initialState());
  expect(apply(state, { type: 'effect.settled_late', id: 'm1', summary: 'ok' })).toBe(state);
});

test('an effect id tells the index of its call, where it speaks of one', () => {
  expect([callIndex('m1/c0'), callIndex('m12/c34'), callIndex('m1/c2/ask'), callIndex('save3')]).toEqual([
    0, 34, 2, -1,
  ]);
});

test('an effect that must not be repeated ends a recovered run with an error that names it', async () => {
  const plan = { ...planOf(), onUncertain: () => 'fail' as const };
  const { world, log } = worldOf([]);
  const cut = fold([started(), CALL], initialState());
  const end = await drive(apply(cut, { type: 'run.recovered' }), plan, world);
  expect(end.status).toBe('failed');
  expect(end.stop).toMatchObject({ cause: 'uncertain', id: 'm1', error: { name: 'SystemError' } });
  expect(end.stop?.error.message).toContain('"call_model" (r/m1)');
  expect(log.some(({ type }) => type === 'effect.requested')).toBe(false);
});

test('an error handler that a crash cut off is asked again, and its output ends the run', async () => {
  const plan = { ...planOf(), handles: () => true };
  const cut: RunEvent[] = [
    started({ maxTurns: 0 }),
    {
      type: 'run.stopping',
      cause: 'maxTurns',
      error: {
        name: 'MaxTurnsExceededError',
        message: 'The run did not end within maxTurns (0). Resume its state with more.',
      },
    },
    { type: 'effect.requested', effect: { do: 'handle_error', id: 'm0/error', kind: 'maxTurns' } },
    { type: 'run.recovered' },
  ];
  const { world, log } = worldOf([handled('m0/error', 'sorry')]);
  const end = await drive(fold(cut, initialState()), plan, world);
  expect(log[0]).toEqual({
    type: 'effect.requested',
    effect: { do: 'handle_error', id: 'm0/error', kind: 'maxTurns', attempt: 2 },
  });
  expect(end).toMatchObject({ status: 'finished', output: { text: 'sorry', source: 'handler' } });
});

test('a save that a crash cut off while the run was stopping is asked again as a second attempt', async () => {
  const cut: RunEvent[] = [
    started({ session: true }),
    { type: 'session.loaded', id: 'load', items: [{ type: 'message', role: 'user', content: 'hi' }], fresh: [0] },
    { type: 'run.stopping', cause: 'abort', error: { name: 'AbortError', message: 'enough' } },
    { type: 'effect.requested', effect: { do: 'save_session', id: 'save0', to: 0 } },
    { type: 'run.recovered' },
  ];
  const { world, log } = worldOf([{ type: 'session.saved', id: 'save0', to: 0 }]);
  const end = await drive(fold(cut, initialState()), planOf(), world);
  expect(log[0]).toMatchObject({ effect: { id: 'save0', attempt: 2 } });
  expect(end.status).toBe('cancelled');
});

test('a stop that comes twice, or after the end, changes nothing', async () => {
  const abort: RunEvent = { type: 'run.stopping', cause: 'abort', error: { name: 'AbortError', message: 'enough' } };
  const { world, log } = worldOf([], [started(), abort, { ...abort, error: { name: 'AbortError', message: 'again' } }]);
  const end = await drive(initialState(), planOf(), world);
  expect(end.stop?.error.message).toBe('enough');
  expect(log.filter(({ type }) => type === 'run.stopping')).toHaveLength(1);
  const late = worldOf([], [abort, { type: 'input.staged', items: [] }]);
  expect(await drive(end, planOf(), late.world)).toBe(end);
  expect(late.log).toEqual([]);
});

test('two calls under one id with different arguments end the run; equal ones are one call', async () => {
  const call = (args: string): ModelItem => ({ type: 'function_call', callId: 'c', name: 't', arguments: args });
  const reused = worldOf([model('m1', [call('{"a":1}'), call('{"a":2}')])], [started()]);
  const end = await drive(initialState(), planOf(), reused.world);
  expect(end.stop).toMatchObject({ cause: 'model_behavior' });
  expect(reused.log.filter(({ type }) => type === 'effect.requested')).toHaveLength(1);

  const same = worldOf(
    [model('m1', [call('{}'), call('{}')]), { type: 'tool.returned', id: 'm1/c0', text: 'x' }, ran('m2', 'done')],
    [started()],
  );
  expect(await drive(initialState(), planOf(), same.world)).toMatchObject({
    status: 'finished',
    output: { text: 'done' },
  });
  expect(same.log).toContainEqual({ type: 'reply.accepted', k: 1, ignored: [1] });
});

test('a result as text: its text, else the JSON of what it is', () => {
  const item = (output: unknown): ModelItem =>
    ({ type: 'function_call_result', name: 't', callId: 'c', status: 'completed', output }) as never;
  expect(resultText(item('plain'))).toBe('plain');
  expect(resultText(item({ type: 'text', text: 'told' }))).toBe('told');
  expect(resultText(item([{ type: 'input_text', text: 'x' }]))).toBe('[{"type":"input_text","text":"x"}]');
  expect(resultText({ type: 'compaction', encrypted_content: 'z' } as never)).toContain('compaction');
});

test('a run that was never started has nothing to decide, and says so when it is driven', async () => {
  expect(step(initialState(), planOf())).toEqual([]);
  await expect(drive(initialState(), planOf(), worldOf([]).world)).rejects.toThrow('has nothing to do');
});

test('a listener that throws stops the run with its error', async () => {
  const { world, log } = worldOf([ran('m1', 'done')], [started()], ({ type }) => {
    if (type === 'effect.requested') throw new Error('listener');
  });
  const end = await drive(initialState(), planOf(), world);
  expect(end).toMatchObject({ status: 'failed', stop: { cause: 'callback', id: 'listener' } });
  expect(log.at(-1)).toEqual({ type: 'run.failed' });
});

test('a listener that throws at the end of a run changes nothing of the end', async () => {
  const { world, log } = worldOf([ran('m1', 'done')], [started()], ({ type }) => {
    if (type === 'run.finished') throw new Error('listener');
  });
  const end = await drive(initialState(), planOf(), world);
  expect(end).toMatchObject({ status: 'finished', output: { text: 'done' } });
  expect(log.at(-1)).toEqual({ type: 'run.finished' });
});

test('a run that forgets all but its log after each commit ends as one that does not', async () => {
  const { world, log } = worldOf([ran('m1', 'done')], [started()]);
  const end = await drive(initialState(), planOf(), { ...world, forget: () => fold(log, initialState()) });
  expect(end).toMatchObject({ status: 'finished', output: { text: 'done' } });
});

test('a model call that a budget refused stops the run for that, not for the fault of the model', () => {
  const error = { name: 'BudgetExceededError', message: 'spent' };
  const refused: RunEvent = { type: 'model.failed', id: 'm1', cause: 'budget', error };
  const state = fold([started(), CALL, refused], initialState());
  expect(step(state, planOf())[0]).toMatchObject({ type: 'run.stopping', cause: 'budget', error });
});

test('a fork is another run from there on, with the plan that it was given', () => {
  const log: RunEvent[] = [
    started({ segment: { id: 's1' } }),
    CALL,
    ran('m1', 'done'),
    { type: 'run.forked', runId: 'other', of: 'r', at: 3, once: 'ask' },
    { type: 'plan.recorded', plan: { hash: 'x' } },
  ];
  const state = fold(log, initialState());
  expect(state).toMatchObject({ runId: 'other', fork: { of: 'r', at: 3 }, plan: { hash: 'x' }, stage: 'reply' });
  expect(state.segment).toBeUndefined();
});

const check = (index: number): RunEvent => ({
  type: 'effect.requested',
  effect: { do: 'check', id: `m1/out${index}`, point: 'output', k: 1, index },
});
const answered: RunEvent[] = [started(), CALL, ran('m1', 'done'), { type: 'reply.accepted', k: 1 }];

test('output checks that a crash cut off have their say, and the first of the list that objects counts', async () => {
  const plan = { ...planOf(), agent: (name: string) => ({ ...planOf().agent(name), outputChecks: 2 }) };
  const cut: RunEvent[] = [
    ...answered,
    check(0),
    check(1),
    { type: 'check.returned', id: 'm1/out1', name: 'second', verdict: 'errored', info: { why: 1 } },
    { type: 'run.recovered' },
  ];
  const { world, log } = worldOf([{ type: 'check.returned', id: 'm1/out0', name: 'first', verdict: 'tripped' }]);
  const end = await drive(fold(cut, initialState()), plan, world);
  expect(log[0]).toMatchObject({ effect: { id: 'm1/out0', attempt: 2 } });
  expect(end).toMatchObject({ status: 'failed', stop: { cause: 'output_check', id: 'm1/out0' } });
  expect(end.stop?.error.message).toBe('Guardrail first: tripped');
});

test('a tool output that is withheld is replaced in what is shown and in what is kept, also where a filter parted them', () => {
  const handOver: ModelItem = { type: 'function_call', callId: 'h', name: 'transfer', arguments: '{}' };
  const call: ModelItem = { type: 'function_call', callId: 'c', name: 't', arguments: '{}' };
  const moved: ModelItem = {
    type: 'function_call_result',
    name: 'transfer',
    callId: 'h',
    status: 'completed',
    output: 'B',
  };
  const log: RunEvent[] = [
    started(),
    CALL,
    { ...model('m1', [handOver]), calls: [{ at: 0, kind: 'handoff', to: 'B', dynamic: true }] } as RunEvent,
    { type: 'reply.accepted', k: 1 },
    { type: 'effect.requested', effect: { do: 'hand_off', id: 'm1/c0', k: 1, i: 0 } },
    { type: 'handoff.returned', id: 'm1/c0', to: 'B', item: moved, edit: [] },
    { type: 'effect.requested', effect: { do: 'call_model', id: 'm2', k: 2 } },
    model('m2', [call]),
    { type: 'reply.accepted', k: 2 },
    { type: 'effect.requested', effect: { do: 'call_tool', id: 'm2/c0', k: 2, i: 0 } },
    { type: 'tool.returned', id: 'm2/c0', text: 'the secret' },
    { type: 'batch.closed', k: 2 },
    { type: 'output.chosen', k: 2, final: 'the secret', call: 0 },
    { type: 'items.withheld', k: 2, calls: [0], text: 'hidden' },
  ];
  const state = fold(log, initialState());
  expect(JSON.stringify(state)).not.toContain('the secret');
  expect(toArray(state.entries).at(-1)?.item).toMatchObject({ callId: 'c', output: 'hidden' });
  expect(toArray(state.produced)).toHaveLength(4);
  expect(toArray(state.request)).toHaveLength(3);
});

test('input for a run that was never started is kept, and there is nothing to do', async () => {
  const { world, log } = worldOf([], [{ type: 'input.staged', items: [] }]);
  await expect(drive(initialState(), planOf(), world)).rejects.toThrow('has nothing to do in stage "admit"');
  expect(log).toHaveLength(1);
});

test('an answer of the wrong kind closes its effect and says nothing else', () => {
  const state = fold([started(), CALL], initialState());
  const wrong = apply(state, { type: 'check.returned', id: 'm1', name: 'c', verdict: 'tripped' });
  expect(wrong).toEqual({ ...state, open: [] });
});

test('a plan that speaks of no call is no plan, and a call that no plan speaks of is shown and not made', () => {
  const output: ModelItem[] = [
    { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Hi' }] },
    { type: 'function_call', callId: 'c', name: 't', arguments: '{}' },
  ];
  const replied: RunEvent = {
    type: 'model.replied',
    id: 'm1',
    reply: { output, usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 } },
    calls: [
      { at: 0, kind: 'function' },
      { at: 7, kind: 'handoff', to: 'B' },
    ],
  };
  const state = fold([started(), CALL, replied, { type: 'reply.accepted', k: 1 }], initialState());
  expect([state.calls, state.stage]).toEqual([[], 'answer']);
  expect(toArray(state.entries).map(({ kind }) => kind)).toEqual(['message', 'tool_call']);
});

test('a blocked output that no single call gave withholds the results of all calls, with the words of its check', () => {
  const call = (callId: string): ModelItem => ({ type: 'function_call', callId, name: 't', arguments: '{}' });
  const plan = { ...planOf(), agent: (key: string) => ({ ...planOf().agent(key), outputChecks: 1 }) };
  const requested = (effect: Effect): RunEvent => ({ type: 'effect.requested', effect });
  const state = fold(
    [
      started(),
      CALL,
      model('m1', [call('a'), call('b')]),
      { type: 'reply.accepted', k: 1 },
      requested({ do: 'call_tool', id: 'm1/c0', k: 1, i: 0 }),
      requested({ do: 'call_tool', id: 'm1/c1', k: 1, i: 1 }),
      { type: 'tool.returned', id: 'm1/c0', text: 'secret a' },
      { type: 'tool.returned', id: 'm1/c1', text: 'secret b' },
      { type: 'batch.closed', k: 1 },
      requested({ do: 'choose_output', id: 'm1/choose', k: 1 }),
      { type: 'output.chosen', id: 'm1/choose', k: 1, final: 'secret a and b' },
      requested({ do: 'check', id: 'm1/out0', point: 'output', k: 1, index: 0 }),
      { type: 'check.returned', id: 'm1/out0', name: 'out', verdict: 'tripped', blocked: 'Hidden.' },
    ],
    initialState(),
  );
  expect(step(state, plan)[0]).toEqual({ type: 'items.withheld', k: 1, calls: [0, 1], text: 'Hidden.' });
});

test('a run that failed to read its history reads it when it goes on, with a session and not without', () => {
  const failedToLoad: RunEvent[] = [
    { ...started(), session: true } as RunEvent,
    { type: 'effect.requested', effect: { do: 'load_session', id: 'load' } },
    { type: 'effect.failed', id: 'load', error: { name: 'Error', message: 'no network' } },
    { type: 'run.stopping', cause: 'session', error: { name: 'Error', message: 'no network' } },
    { type: 'run.failed' },
  ];
  const resumed = (session: boolean): RunEvent => ({ type: 'run.resumed', maxTurns: 5, ...(session && { session }) });
  const stageOf = (...more: RunEvent[]): string => fold([...failedToLoad, ...more], initialState()).stage;
  expect(stageOf(resumed(true))).toBe('load');
  expect(stageOf(resumed(false))).toBe('admit');
  const loaded: RunEvent[] = [
    resumed(true),
    { type: 'effect.requested', effect: { do: 'load_session', id: 'load' } },
    { type: 'session.loaded', id: 'load', items: [], fresh: [] },
    { type: 'run.failed' },
  ];
  expect(stageOf(...loaded, resumed(true))).toBe('admit');
});

test('a copy knows the branch of its session, where it has one of its own', () => {
  const forked: RunEvent = { type: 'run.forked', runId: 'copy', of: 'run', at: 1, once: 'ask' };
  expect(fold([started(), forked], initialState()).fork).toEqual({ of: 'run', at: 1, once: 'ask' });
  expect(fold([started(), { ...forked, branch: 'copy' }], initialState())).toMatchObject({
    runId: 'copy',
    fork: { branch: 'copy' },
  });
});
