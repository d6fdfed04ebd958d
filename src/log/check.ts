/** What no driver takes. */
import { UserError } from '../protocol/errors.ts';
import { LogError } from './errors.ts';
import { placeOf } from './page.ts';
import type { Commit, LogStatus, RunQuery } from './types.ts';

/** @throws UserError when a commit says what cannot be; LogError `log/other-store` */
export function checkCommit(commit: Commit, store: string | undefined): void {
  const { runId, position, fence, create, snapshot, also = [], events, replaced = [] } = commit;
  checkName('runId', runId);
  checkCount('position', position);
  checkCount('fence', fence);
  if (!Array.isArray(events)) throw new UserError(`A commit needs an array of events. Got ${typeof events}.`);
  if (create) {
    checkName('create.agent', create.agent);
    checkName('create.worker', create.worker);
    if (position !== 0 || fence !== 0) {
      throw new UserError(
        `A commit that creates run "${runId}" has position 0 and fence 0. Got position ${position}, fence ${fence}.`,
      );
    }
  } else if (fence === 0) {
    throw new UserError(`A commit to run "${runId}" needs the fence of its lease. Claim the run, or set \`create\`.`);
  }
  if (snapshot && !(snapshot.at >= 0 && snapshot.at <= position + events.length)) {
    throw new UserError(
      `A snapshot of run "${runId}" at ${snapshot.at} cannot follow from a log of ${position + events.length} events.`,
    );
  }
  const unfit = replaced.find(
    (one) => !Number.isSafeInteger(one.position) || one.position < 0 || one.position >= position,
  );
  if (unfit) {
    throw new UserError(`A commit to run "${runId}" at ${position} cannot replace event ${unfit.position}.`);
  }
  for (const write of also) {
    if (write.store === store) continue;
    throw new LogError(
      'log/other-store',
      `A write of component "${write.component}" belongs into ${write.store}; the log is in ${store ?? 'memory'}. ` +
        'Nothing was changed. Make it after the commit, under an operation id.',
    );
  }
}

const STATUSES: readonly LogStatus[] = ['running', 'stopping', 'paused', 'finished', 'failed', 'cancelled'];

/** @throws UserError for a query that would find nothing, or all, by mistake */
export function checkQuery({ limit = 1, status = [], cursor }: RunQuery): void {
  if (!(Number.isSafeInteger(limit) && limit > 0)) {
    throw new UserError(`\`limit\` must be a whole number above 0. Got ${limit}.`);
  }
  const unknown = [status].flat().find((each) => !STATUSES.includes(each));
  if (unknown !== undefined) {
    throw new UserError(`\`status\` must be of ${STATUSES.join(', ')}. Got ${JSON.stringify(unknown)}.`);
  }
  if (cursor !== undefined) placeOf(cursor);
}

/** Databases compare text by its bytes, and some strings have none of their own. */
export function checkName(option: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !/[\0\p{Surrogate}]/u.test(value)) return;
  const got = typeof value === 'string' ? JSON.stringify(value) : typeof value;
  throw new UserError(`\`${option}\` must be a non-empty string of whole characters, without NUL. Got ${got}.`);
}

function checkCount(option: string, value: unknown): void {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return;
  throw new UserError(`\`${option}\` must be a whole number, 0 or more. Got ${String(value)}.`);
}

/** @throws UserError for no tenant or 'default' where one is required */
export function checkTenant(tenant: string, requireTenant: boolean): void {
  checkName('tenant', tenant);
  if (!requireTenant || tenant !== 'default') return;
  throw new UserError("The log needs option `tenant`, because `requireTenant` is set. 'default' is none.");
}
