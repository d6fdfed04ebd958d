/**
 * A copy of a run has a branch of the session for itself, from where the copy begins: what it says does not come after
 * what the original said since then.
 */
import { type Committed, type EventOf, fold, initialState, toArray } from '../kernel/index.ts';
import type { AgentInputItem } from '../protocol/items.ts';
import { node } from '../protocol/node.ts';
import { type BranchAwareSession, isBranchAwareSession, type Session } from '../session/index.ts';
import { DurableError } from './errors.ts';
import type { ResumeOptions } from './types.ts';

type Branchable = BranchAwareSession & Required<Pick<BranchAwareSession, 'onBranch'>>;

const canBranch = (session: Session | undefined): session is Branchable =>
  isBranchAwareSession(session) && typeof session.onBranch === 'function';

/** The options with the session as this run has it: on its own branch, where it has one. */
export function onOwnBranch<T extends Pick<ResumeOptions, 'session'>>(options: T, branch: string | undefined): T {
  const { session } = options;
  return branch !== undefined && canBranch(session) ? { ...options, session: session.onBranch(branch) } : options;
}

type Copied = {
  events: readonly Committed[];
  cut: number;
  session: Session | undefined;
  sessionId: string | undefined;
};

/**
 * Makes the branch of a copy, where the session is the original's and can have one.
 *
 * @returns whether there is one now
 * @throws DurableError `durable/no-fork-point` where the session does not hold what the run left there
 */
export async function makeBranch(name: string, { events, cut, session, sessionId }: Copied): Promise<boolean> {
  if (!canBranch(session) || (await session.getSessionId()) !== sessionId) return false;
  await session.createBranch(name, { at: await placeIn(session, events, cut), stays: true });
  return true;
}

/** Takes the branch of a copy away that did not come to be. */
export async function dropBranch(session: Session | undefined, name: string): Promise<void> {
  if (canBranch(session)) await session.deleteBranch(name);
}

/** How many items the session had when the run was there. */
async function placeIn(session: Session, events: readonly Committed[], cut: number): Promise<number> {
  const isLoaded = (event: Committed): event is EventOf<'session.loaded'> => event.type === 'session.loaded';
  const before = events.slice(0, cut).findLast(isLoaded);
  // A copy from before the history was read gets what the original read.
  const loaded = before ?? events.slice(cut).find(isLoaded);
  const items = await session.getItems();
  if (!loaded) return items.length;
  const { fresh, stored } = loaded;
  const state = fold(events.slice(0, cut), initialState());
  const made = toArray(state.produced, 0, state.savedTo).map(({ item }) => item);
  const saved: readonly AgentInputItem[] = before && state.inputSaved ? [...state.fresh, ...made] : [];
  if (saved.length === 0 && stored !== undefined) return stored;
  const least = (stored ?? loaded.items.length - fresh.length) + saved.length;
  const last = saved.at(-1) ?? loaded.items.findLast((_, n) => !fresh.includes(n));
  if (!last) return least;
  // Runs in its tools may have said something in between.
  for (let n = Math.max(1, least); n <= items.length; n++) if (isSame(items[n - 1], last)) return n;
  throw new DurableError(
    'durable/no-fork-point',
    state.runId,
    `Session "${await session.getSessionId()}" does not hold what run ${state.runId} left there until event ${cut}: it was on ` +
      'another branch, or was changed. Give fork() a session of its own: { session }.',
  );
}

/** Sessions keep calls without the ids that a provider gave them. */
function isSame(a: AgentInputItem | undefined, b: AgentInputItem): boolean {
  const plain = (item: AgentInputItem | undefined): unknown => JSON.parse(JSON.stringify({ ...item, id: undefined }));
  return node.util.isDeepStrictEqual(plain(a), plain(b));
}
