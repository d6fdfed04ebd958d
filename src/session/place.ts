/** Where a store keeps the sessions of a tenant, as a place that can forget: the same for every store. */
import { UserError } from '../protocol/errors.ts';
import { SessionError } from './errors.ts';
import type { ErasablePlace, Erasure } from '../store/erase.ts';

/** A place of sessions. Branches of a session are its own: they are erased, and stay, together. */
export type SessionPlace = Required<ErasablePlace>;

/** What a store knows of a session without reading it. */
export type Listed = {
  readonly id: string;
  /** When its newest item was saved, in milliseconds since 1970. Undefined: it has none, or nobody knows. */
  readonly savedAt?: number | undefined;
  /** Whether a run has the turn. */
  readonly isHeld?: boolean | undefined;
};

/** What a driver has to do. */
export type PlaceStore = {
  /** The session and its branches, or all of the tenant after an id, in an order of the store's own, a page at a time. */
  list(of: { readonly family: string } | { readonly after: string }): Promise<readonly Listed[]>;
  /** A chunk of one session. @throws SessionError `session/turn-taken` where a run other than these has the turn */
  eraseChunk(id: string, runs: readonly string[]): Promise<{ readonly more: boolean }>;
  /** After erasing: that nothing is left in files. */
  scrub?(): Promise<void>;
  close(): Promise<void>;
};

export function sessionPlace(store: PlaceStore): SessionPlace {
  const eraseAll = async (sessions: readonly Listed[], runs: readonly string[]): Promise<number> => {
    for (const { id } of sessions) while ((await store.eraseChunk(id, runs)).more);
    return sessions.length;
  };
  /** One that a run has taken up meanwhile is not idle. */
  const eraseIdle = (family: readonly Listed[]): Promise<number> =>
    eraseAll(family, []).catch((error: unknown) => {
      if (error instanceof SessionError && error.code === 'session/turn-taken') return 0;
      throw error;
    });
  /** What is erased is not seen again, so pages begin after what was looked at. */
  async function* pages(): AsyncGenerator<readonly Listed[]> {
    for (let after = ''; ;) {
      const page = await store.list({ after });
      const last = page.at(-1);
      if (!last) return;
      yield page;
      after = last.id;
    }
  }
  return {
    name: 'sessions',
    async erase({ sessions, runs, all = false }: Erasure) {
      let erased = 0;
      if (all) for await (const page of pages()) erased += await eraseAll(page, runs);
      else for (const id of sessions) erased += await eraseAll(await store.list({ family: id }), runs);
      await store.scrub?.();
      return erased;
    },
    async prune({ before }) {
      if (!Number.isFinite(before)) throw new UserError(`prune needs a time as \`before\`. Got ${before}.`);
      const isIdle = ({ savedAt, isHeld }: Listed): boolean => !isHeld && (savedAt === undefined || savedAt < before);
      let erased = 0;
      for await (const page of pages()) {
        const old = page.filter((one) => one.savedAt !== undefined && isIdle(one));
        for (const id of new Set(old.map((one) => rootOf(one.id)))) {
          const family = await store.list({ family: id });
          if (family.every(isIdle)) erased += await eraseIdle(family);
        }
      }
      return erased;
    },
    close: () => store.close(),
  };
}

/** As `BranchedSession` names what it keeps. */
const BRANCHES = '/branches';
const BRANCH = '/branch/';

const rootOf = (id: string): string => id.replace(/\/(branches|branch\/[^/]*)$/, '');

/** Ids of a session and its branches, for stores that compare text by its bytes: two ids, and a range. */
export const familyOf = (id: string): readonly [own: string, log: string, from: string, to: string] => [
  id,
  id + BRANCHES,
  id + BRANCH,
  // The character after '/'.
  `${id}/branch0`,
];
