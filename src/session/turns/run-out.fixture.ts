import { expect } from 'vitest';
import type { AgentInputItem } from '../../protocol/items.ts';
import type { Session } from '../types.ts';
import type { TurnAwareSession } from './types.ts';

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const callOf: AgentInputItem = { type: 'function_call', callId: 'c1', name: 'book', arguments: '{}' };
const resultOf: AgentInputItem = {
  type: 'function_call_result',
  callId: 'c1',
  name: 'book',
  status: 'completed',
  output: 'booked',
};

/** A run stands still until its turn has run out, somebody takes its call away, and it goes on. */
export async function expectFencedByChange(
  session: Session & TurnAwareSession,
  { runOut, change }: { runOut: () => Promise<void> | void; change: 'popItem' | 'clearSession' },
): Promise<void> {
  const turn = await session.takeTurn({ runId: 'r1' });
  await turn.within(() => session.addItems([user('Book.'), callOf]));
  await runOut();
  // Nobody has taken it yet, so it may still be written in.
  await turn.within(() => session.addItems([]));
  await session[change]();
  const late = await turn.within(() => session.addItems([resultOf])).catch((error: unknown) => error);
  expect(late).toMatchObject({ code: 'session/fenced' });
  expect(await session.getItems()).toEqual(change === 'popItem' ? [user('Book.')] : []);
  await turn.end();
  await (await session.takeTurn({ runId: 'r2', onBusy: 'reject' })).end();
}
