/** What people answer who speak to a run from outside, by its store: the same for the same call as in build.ts. */
import { AlreadyDecided, type AnyAgent, type RunStore } from '../../../src/index.ts';
import { answersOf } from '../build.ts';
import type { Reach } from '../reach.ts';
import type { SystemSpec } from '../systems.ts';

type Asked = { spec: SystemSpec; agent: AnyAgent; happened: Reach['happened'] };

export async function decideOutside(store: RunStore, runId: string, { spec, agent, happened }: Asked): Promise<void> {
  const state = await store.state(runId, { agent });
  for (const { item, answer } of answersOf(spec, state.getInterruptions(), happened)) {
    const { callId = '' } = item;
    try {
      if (answer.say === 'happened') await store.confirm(runId, callId, answer.result);
      else if (answer.say === 'yes') await store.approve(runId, callId, answer.options);
      else await store.reject(runId, callId, answer.options);
    } catch (error) {
      // Decided in a life before this one, which did not get as far as to go on.
      if (!(error instanceof AlreadyDecided)) throw error;
    }
  }
}
