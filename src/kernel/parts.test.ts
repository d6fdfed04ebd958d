/** Results of more than text as the output of a run. */
import { expect, test } from 'vitest';
import { model, planOf, started } from '../../test/kernel/script.ts';
import { type EventOf, fold, initialState, type RunEvent, type State, step } from './index.ts';

const CALL: RunEvent = { type: 'effect.requested', effect: { do: 'call_model', id: 'm1', k: 1 } };

test('a result of parts that is the output is asked for as its tool returned it; one of text is taken as it is', () => {
  const plan = {
    ...planOf(),
    agent: (key: string) => ({ ...planOf().agent(key), toolUse: 'stop_on_first_tool' as const }),
  };
  const after = (told: Pick<EventOf<'tool.returned'>, 'text' | 'output'>): State =>
    fold(
      [
        started(),
        CALL,
        model('m1', [{ type: 'function_call', callId: 'a', name: 't', arguments: '{}' }]),
        { type: 'reply.accepted', k: 1 },
        { type: 'effect.requested', effect: { do: 'call_tool', id: 'm1/c0', k: 1, i: 0 } },
        { type: 'tool.returned', id: 'm1/c0', ...told },
      ],
      initialState(),
    );
  const closed: RunEvent = { type: 'batch.closed', k: 1 };
  expect(step(after({ text: 'told' }), plan)).toEqual([
    closed,
    { type: 'output.chosen', k: 1, final: 'told', call: 0 },
  ]);
  expect(step(after({ output: [{ type: 'input_text', text: 'told' }] }), plan)).toEqual([
    closed,
    { type: 'effect.requested', effect: { do: 'choose_output', id: 'm1/choose', k: 1, call: 0 } },
  ]);
});
