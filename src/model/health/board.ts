/** Where processes tell each other which endpoints rest, and how much they ask of them. */
import type { Closed } from './breaker.ts';

/** What a process knows of an endpoint. Nothing of a prompt, an answer or a key is in it. */
export type HealthReport = {
  /** Endpoint, model and the label of the credential: the same in all processes that have the same routes. */
  readonly key: string;
  /** Why it rests, and for how many milliseconds from now. `null`: it was asked, and is well again. Absent: nothing new. */
  readonly rests?: { readonly why: Closed['why']; readonly forMs: number } | null;
  /** What was asked since the last report. */
  readonly requests: number;
  readonly tokens: number;
};

/** What others say of it. */
export type HealthView = {
  readonly key: string;
  readonly rests?: { readonly why: Closed['why']; readonly forMs: number };
  /** What other processes asked within the last minute, or a little more. */
  readonly requests: number;
  readonly tokens: number;
};

/**
 * A board that processes share. Times are relative, so that clocks need not agree.
 *
 * No call waits for it, and what it throws fails none: a process that cannot reach it goes by what it knows itself.
 */
export interface HealthBoard {
  /** How often it is looked at while calls are made, in milliseconds. @default 1000 */
  readonly everyMs?: number;
  /** Says what is new, and gives what others said of the same endpoints. `me` names the process. */
  exchange(me: string, reports: readonly HealthReport[]): Promise<readonly HealthView[]>;
  close(): Promise<void>;
}

const MINUTE = 60_000;
/** Of the uses that are added up: a minute is up to 65 seconds. */
export const SLOT_MS = 5000;

type Noted = {
  rests?: { why: Closed['why']; until: number };
  uses: { by: string; at: number; requests: number; tokens: number }[];
};

/**
 * A board for the routers of one process, such as one a tenant with the same keys.
 *
 * @param now milliseconds: for tests @default performance.now
 * @example
 * ```ts
 * import { createRouter, memoryHealthBoard } from '@baton/agents';
 * import { ScriptedModel } from '@baton/agents/testing';
 *
 * const healthBoard = memoryHealthBoard();
 * createRouter({ healthBoard, models: { main: new ScriptedModel([]) } });
 * ```
 */
export function memoryHealthBoard(now: () => number = () => performance.now()): HealthBoard {
  const all = new Map<string, Noted>();
  return {
    async exchange(me, reports) {
      const at = now();
      return reports.map(({ key, rests, requests, tokens }): HealthView => {
        const noted = all.get(key) ?? { uses: [] };
        all.set(key, noted);
        if (rests === null) delete noted.rests;
        else if (rests && (noted.rests?.until ?? 0) < at + rests.forMs) {
          noted.rests = { why: rests.why, until: at + rests.forMs };
        }
        noted.uses = noted.uses.filter((use) => at - use.at < MINUTE);
        if (requests + tokens > 0) noted.uses.push({ by: me, at, requests, tokens });
        const others = noted.uses.filter(({ by }) => by !== me);
        const { why, until = 0 } = noted.rests ?? {};
        return {
          key,
          ...(why && until > at && { rests: { why, forMs: until - at } }),
          requests: others.reduce((sum, use) => sum + use.requests, 0),
          tokens: others.reduce((sum, use) => sum + use.tokens, 0),
        };
      });
    },
    async close() {
      all.clear();
    },
  };
}
