/**
 * Who has the turn of one session, and who waits for it: plain data and a pure decision. A store keeps the line and
 * replaces it by comparing and setting.
 *
 * T1 At most one key has the turn; each grant has a higher fence.
 * T2 First come, first served, but for whoever stopped to ask (its place expires) and for who may go first.
 * T3 Clocks decide liveness only: an expired holder loses the turn when another takes it, not before.
 */

export type Holder = {
  /** Who holds: the run's id, for a run in one process only with a part of its own. */
  readonly key: string;
  readonly runId: string;
  /** Milliseconds since 1970 by the store's clock; null: the run keeps it, whatever becomes of its process. */
  readonly until: number | null;
  readonly waitsFor?: string;
};
export type Waiter = { readonly key: string; readonly runId: string; readonly until: number };

export type Line = { readonly fence: number; readonly holder?: Holder; readonly waiting: readonly Waiter[] };
export const NOBODY: Line = { fence: 0, waiting: [] };

export type TurnCommand =
  | {
      readonly ask: 'take';
      readonly key: string;
      readonly runId: string;
      /** How long the turn lasts without a renewal. Absent: until it is ended. */
      readonly leaseMs?: number;
      /** How long the place in the line lasts without being asked for again. Absent: do not wait. */
      readonly waitMs?: number;
      /** Whether a new place is before all others. */
      readonly first?: boolean;
    }
  | { readonly ask: 'renew'; readonly key: string; readonly fence: number; readonly leaseMs: number }
  | { readonly ask: 'note'; readonly key: string; readonly fence: number; readonly waitsFor?: string | undefined }
  /** Also gives up a place in the line. Without a fence whatever the key has. */
  | { readonly ask: 'end'; readonly key: string; readonly fence?: number }
  | { readonly ask: 'break'; readonly runId: string };
type Take = TurnCommand & { ask: 'take' };

export type TurnAnswer = {
  /** Of the turn that was given. */
  readonly fence?: number;
  /** Who is before the asker. */
  readonly busy?: { readonly runId: string; readonly waitsFor?: string };
};

export type Decided = { readonly line: Line; readonly answer: TurnAnswer };

/** The same line where nothing changes. */
export function decideTurn(line: Line, command: TurnCommand, now: number): Decided {
  switch (command.ask) {
    case 'take':
      return take(line, command, now);
    case 'renew':
      return change(line, command, (holder) => ({ ...holder, until: now + command.leaseMs }));
    case 'note': {
      const { waitsFor } = command;
      return change(line, command, ({ key, runId, until }) => ({
        key,
        runId,
        until,
        // It may hold what a model made, and not every store takes half a character.
        ...(waitsFor !== undefined && { waitsFor: waitsFor.replace(/\p{Surrogate}/gu, '�') }),
      }));
    }
    case 'end': {
      const { key, fence } = command;
      const isOver = line.holder?.key === key && (fence === undefined || fence === line.fence);
      return without(line, isOver, (waiter) => waiter.key === key);
    }
    case 'break':
      return without(line, line.holder?.runId === command.runId, (waiter) => waiter.runId === command.runId);
  }
}

/** Whether this key may write: it has the turn under this fence. */
export const hasTurn = ({ fence, holder }: Line, turn: { readonly key: string; readonly fence: number }): boolean =>
  holder?.key === turn.key && fence === turn.fence;

/** Who has the turn and lives. */
export const livingHolder = ({ holder }: Line, now: number): Holder | undefined =>
  holder && (holder.until === null || holder.until > now) ? holder : undefined;

function take(line: Line, command: Take, now: number): Decided {
  const { key, runId, leaseMs, waitMs, first: isFirst } = command;
  const holder = livingHolder(line, now);
  const isOwn = holder?.key === key;
  const waiting = line.waiting.filter((waiter) => waiter.until > now || waiter.key === key);
  const first = waiting[0];
  const before = isOwn ? undefined : (holder ?? (first && first.key !== key ? first : undefined));
  if (!before) {
    const until = leaseMs === undefined ? null : now + leaseMs;
    const fence = line.fence + 1;
    const others = waiting.filter((waiter) => waiter.key !== key);
    return { line: { fence, holder: { key, runId, until }, waiting: others }, answer: { fence } };
  }
  const { waitsFor } = before === holder ? holder : {};
  const answer = { busy: { runId: before.runId, ...(waitsFor !== undefined && { waitsFor }) } };
  if (waitMs === undefined) return { line, answer };
  const place = waiting.find((waiter) => waiter.key === key);
  // Renewed in time, but not at each look.
  if (place && place.until - now > (waitMs * 2) / 3) return { line, answer };
  const own: Waiter = { key, runId, until: now + waitMs };
  const joined = isFirst ? [own, ...waiting] : [...waiting, own];
  const next = place ? waiting.map((waiter) => (waiter === place ? own : waiter)) : joined;
  return { line: { ...line, waiting: next }, answer };
}

function change(line: Line, turn: { key: string; fence: number }, next: (holder: Holder) => Holder): Decided {
  if (!line.holder || !hasTurn(line, turn)) return { line, answer: {} };
  return { line: { ...line, holder: next(line.holder) }, answer: { fence: line.fence } };
}

function without({ holder, ...line }: Line, isOver: boolean, isGone: (waiter: Waiter) => boolean): Decided {
  const waiting = line.waiting.filter((waiter) => !isGone(waiter));
  const kept = isOver || !holder ? {} : { holder };
  return { line: { ...line, ...kept, waiting }, answer: {} };
}
