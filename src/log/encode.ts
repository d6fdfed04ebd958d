/** A commit as a driver is given it: checked against the limits, and as text. */
import { UserError } from '../protocol/errors.ts';
import { DEFAULT_LIMITS, encodeEvent, encodeJson } from './codec.ts';
import type { Encoded, Limits } from './codec.ts';
import { LogError } from './errors.ts';
import type { AppendCommand, ReplaceCommand } from './commands.ts';
import type { Commit, LogLimits } from './types.ts';

/** @throws UserError for a limit that is none */
export function limitsOf(given: LogLimits, kind: string): Limits {
  const limitOf = (option: keyof Limits): number => {
    const value = given[option] ?? DEFAULT_LIMITS[option];
    if (value > 0) return value;
    throw new UserError(`${kind} option \`${option}\` must be more than 0. Got ${value}.`);
  };
  return {
    maxEventBytes: limitOf('maxEventBytes'),
    maxRunBytes: limitOf('maxRunBytes'),
    inlineBytes: limitOf('inlineBytes'),
  };
}

/** @throws UserError for what is no JSON; LogError `log/too-large` */
export function appendCommand(commit: Commit, to: { readonly tenant: string; readonly limits: Limits }): AppendCommand {
  const { runId, position, fence, create, status, waiting, snapshot, consumed = 0 } = commit;
  const { tenant, limits } = to;
  return {
    do: 'append',
    tenant,
    runId,
    position,
    fence,
    events: commit.events.map((event, n) => encodeEvent(event, `Event ${position + n} of run "${runId}"`, limits)),
    create,
    status,
    waiting: waiting === undefined ? undefined : encodeJson(waiting, '`waiting`', WHOLE).text,
    snapshot: encodeSnapshot(snapshot, limits),
    consumed,
    release: commit.release ?? false,
    maxRunBytes: roomOf(commit, limits),
  };
}

/** What a commit replaces. Undefined: nothing. @throws as `appendCommand` */
export function replaceCommand(
  { runId, snapshot, replaced = [] }: Commit,
  { tenant, limits }: { readonly tenant: string; readonly limits: Limits },
): ReplaceCommand | undefined {
  if (replaced.length === 0) return undefined;
  const events = replaced.map(({ position, event }) => ({
    position,
    event: encodeEvent(event, `Event ${position} of run "${runId}"`, limits),
  }));
  return { do: 'replace', tenant, runId, hasSnapshot: encodeSnapshot(snapshot, limits) !== undefined, events };
}

/** A snapshot saves time. One that is too large is no reason to fail a run that can do without. */
export function encodeSnapshot(
  snapshot: Commit['snapshot'],
  limits: Limits,
): { readonly at: number; readonly state: Encoded } | undefined {
  if (!snapshot) return undefined;
  try {
    return { at: snapshot.at, state: encodeJson(snapshot.state, 'The snapshot', limits) };
  } catch (error) {
    if (error instanceof LogError && error.code === 'log/too-large') return undefined;
    throw error;
  }
}

/** For the events with which a run stops and ends. */
const ROOM_TO_END = 64 * 1024;
const ENDS: ReadonlySet<Commit['status']> = new Set(['stopping', 'failed', 'cancelled']);

/** How large a run may be with this commit: one that is full can still say so, and end. */
export const roomOf = ({ status }: Commit, { maxRunBytes }: Limits): number =>
  maxRunBytes + (ENDS.has(status) ? ROOM_TO_END : 0);

/** Small, and read where blobs are not. */
const WHOLE: Limits = { maxEventBytes: DEFAULT_LIMITS.maxEventBytes, maxRunBytes: 0, inlineBytes: Infinity };
