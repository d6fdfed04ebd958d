/** Conversations whose runs are kept in a log, and decided again from it: the record must say the same. */
import type { AnyAgent, RunStore } from './sdk.ts';
import { openStore } from './sdk.ts';

export type Keeping = {
  /** The option that keeps the run of a message. */
  option(conversation: number, message: number): { store: RunStore; runId: string };
  /** Decides the run again from its log. @throws where the log says something else */
  check(conversation: number, message: number, agent: AnyAgent): Promise<void>;
  close(): Promise<void>;
};

export function openKeeping(path: string): Keeping {
  const store = openStore(path);
  // The file may be of an earlier replay.
  const replay = Date.now().toString(36);
  const idOf = (conversation: number, message: number): string => `${replay}-${conversation}-${message}`;
  return {
    option: (conversation, message) => ({ store, runId: idOf(conversation, message) }),
    async check(conversation, message, agent) {
      const { status } = await store.replay(idOf(conversation, message), { agent });
      if (status !== 'finished') throw new Error(`The log of message ${message} ends ${status}.`);
    },
    close: () => store.close(),
  };
}
