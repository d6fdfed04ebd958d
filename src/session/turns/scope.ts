/** In which turns code works: what it writes carries their fences, and runs that it starts join them. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A turn as those see it who work in it. */
export type OpenTurn = {
  /** Names the session's store: the same for all objects that are the same session. */
  readonly session: unknown;
  readonly key: string;
  readonly fence: number;
  readonly isEnded: boolean;
};

/** Grows while its code runs: a run gets its turn after it has begun. */
export type TurnScope = { readonly turns: OpenTurn[]; readonly outer: TurnScope | undefined };

const storage = /* @__PURE__ */ new AsyncLocalStorage<TurnScope>();

export const newScope = (): TurnScope => ({ turns: [], outer: storage.getStore() });

export const inScope = <T>(scope: TurnScope, work: () => T): T => storage.run(scope, work);

/** The turn on this session that this code works in. */
export function currentTurn(session: unknown): OpenTurn | undefined {
  for (let scope = storage.getStore(); scope; scope = scope.outer) {
    const turn = scope.turns.find((each) => each.session === session && !each.isEnded);
    if (turn) return turn;
  }
  return undefined;
}

/** What a write says of the turn that it is made in. */
export function currentFence(session: unknown): { key: string; fence: number } | undefined {
  const turn = currentTurn(session);
  return turn && { key: turn.key, fence: turn.fence };
}
