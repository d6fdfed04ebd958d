/** What every driver says when it refuses. */
import { LogError } from './errors.ts';

export const unknownRun = (runId: string): LogError =>
  new LogError(
    'log/unknown-run',
    `There is no run "${runId}" of this tenant. Check the id, the tenant and the store; a removed run is gone.`,
  );

export const existingRun = (runId: string): LogError =>
  new LogError(
    'log/exists',
    `There is a run "${runId}" already. Resume it, or start the new one under an id of its own.`,
  );

export const conflict = (runId: string, { expected, head }: { expected: number; head: number }): LogError =>
  new LogError(
    'log/conflict',
    `The log of run "${runId}" has ${head} events, not ${expected}: somebody else appended. Nothing was changed. ` +
      'Read the log and go on from its end.',
  );

export const fenced = (runId: string, { fence, current }: { fence: number; current: number }): LogError =>
  new LogError(
    'log/fenced',
    (fence === current
      ? `The lease of run "${runId}" (fence ${fence}) was given back.`
      : `The lease of run "${runId}" went to another worker: its fence is ${current}, not ${fence}.`) +
      ' Nothing was changed. Begin no further effect of the run; claim it before you go on.',
  );

export const ended = (runId: string, status: string): LogError =>
  new LogError('log/ended', `Run "${runId}" is ${status} and reads nothing more. Nothing was posted.`);

export const notEnded = (runId: string, status: string): LogError =>
  new LogError(
    'log/not-ended',
    `Run "${runId}" is ${status}; only runs that are over are removed. Cancel it first, or set evenOpen. ` +
      'No run was removed.',
  );

export const tooLarge = (what: string, { bytes, limit, option }: { bytes: number; limit: number; option: string }) =>
  new LogError(
    'log/too-large',
    `${what} has ${bytes} bytes of JSON; ${option} is ${limit}. Nothing was changed. ` +
      'Keep large results elsewhere and give the model a reference, or raise the limit.',
  );

export const corrupt = (runId: string, positions: readonly number[], where: string): LogError =>
  new LogError(
    'log/corrupt',
    `${where}: the log of run "${runId}" is unreadable or incomplete at position ${shown(positions)}. ` +
      'It was kept as it is. Restore the store from a backup, or repair these rows.',
    { positions },
  );

const shown = (positions: readonly number[]): string =>
  positions.slice(0, 10).join(', ') + (positions.length > 10 ? ` and ${positions.length - 10} more` : '');

export const closed = (): LogError => new LogError('log/closed', 'The log was closed before the call. Open another.');
