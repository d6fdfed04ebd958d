import { expect, test } from 'vitest';
import { Agent } from '../agent/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { MemorySession } from '../session/index.ts';
import { assistantMessage, modelResponse, ScriptedModel } from '../testing/index.ts';
import { run, Runner } from './index.ts';

const user = (content: string): AgentInputItem => ({ type: 'message', role: 'user', content });
const HISTORY = ['a', 'b', 'c', 'd'].map(user);

async function sent(
  own: MemorySession['sessionSettings'],
  config: MemorySession['sessionSettings'],
  option: MemorySession['sessionSettings'],
): Promise<unknown[]> {
  const model = new ScriptedModel([modelResponse([assistantMessage('ok')])]);
  const session = new MemorySession({ initialItems: HISTORY, sessionSettings: own });
  const runner = new Runner({ sessionSettings: config });
  await runner.run(new Agent({ name: 'A', model }), 'now', { session, sessionSettings: option });
  expect(await session.getItems()).toHaveLength(HISTORY.length + 2);
  const { input } = model.calls[0]?.request ?? {};
  return Array.isArray(input) ? input.map((item) => 'content' in item && item.content) : [];
}

test('a limit of the session, its runner or its run says how much the model gets; the session keeps all', async () => {
  expect(await sent(undefined, undefined, undefined)).toEqual(['a', 'b', 'c', 'd', 'now']);
  expect(await sent({ limit: 3 }, undefined, undefined)).toEqual(['b', 'c', 'd', 'now']);
  expect(await sent({ limit: 3 }, { limit: 2 }, undefined)).toEqual(['c', 'd', 'now']);
  expect(await sent({ limit: 3 }, { limit: 2 }, { limit: 1 })).toEqual(['d', 'now']);
  const countTokens = (): number => 10;
  expect(await sent({ limit: 3 }, { maxTokens: 20 }, { countTokens })).toEqual(['c', 'd', 'now']);
});

test('a limit below 0 fails the run and says which', async () => {
  const agent = new Agent({ name: 'A', model: new ScriptedModel([]) });
  const act = run(agent, 'x', { session: new MemorySession(), sessionSettings: { limit: -1 } });
  await expect(act).rejects.toThrow('sessionSettings.limit is -1');
});
