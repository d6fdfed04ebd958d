/** What ledgers on a network have in common: options, failures, and answers that were lost. */
import { UserError } from '../../protocol/errors.ts';
import { persist, type Deadline, type Verdict } from '../../store/deadline.ts';
import { BudgetLedgerError } from './errors.ts';
import { idText } from './memory.ts';
import type { BudgetAmount, BudgetEntryId } from './types.ts';

/** What the driver of a database says that an error means. */
export type Meaning = {
  readonly kind: string;
  readonly message: string;
  readonly cause: Error;
  readonly again: boolean;
};

export type Attempt = {
  readonly deadline: Deadline;
  /** Whether an answer to the same was lost before. */
  readonly isRepeated: boolean;
  /** To be called before something is sent that changes the ledger. */
  readonly writes: () => void;
};

/**
 * Tries until there is an answer or the time is up. Operations carry tokens: what was done before its answer was lost is
 * not done twice.
 *
 * @throws BudgetLedgerError
 */
export function persistently<T>(
  { place, timeoutMs }: { place: string; timeoutMs: number },
  attempt: (how: Attempt) => Promise<T>,
  meaningOf: (thrown: unknown, asked: { place: string; deadline: Deadline; mayHaveWritten: boolean }) => Meaning,
): Promise<T> {
  const deadline: Deadline = { at: performance.now() + timeoutMs, ms: timeoutMs };
  let mayHaveWritten = false;
  let isRepeated = false;
  return persist(
    deadline,
    () => {
      mayHaveWritten = false;
      return attempt({ deadline, isRepeated, writes: () => (mayHaveWritten = true) });
    },
    (thrown) => {
      const verdict = judge(thrown, { place, deadline }, () => meaningOf(thrown, { place, deadline, mayHaveWritten }));
      if (verdict.error.code === 'budget/lost') isRepeated = true;
      return verdict;
    },
  );
}

function judge(
  thrown: unknown,
  { place, deadline }: { place: string; deadline: Deadline },
  read: () => Meaning,
): Verdict {
  if (thrown instanceof BudgetLedgerError || thrown instanceof UserError) return { error: thrown, again: false };
  const { kind, message, cause, again } = read();
  const errorOf = (said: string): BudgetLedgerError => new BudgetLedgerError(said, { code: `budget/${kind}`, cause });
  if (kind === 'lost') {
    const said =
      `The connection to ${place} was lost before it answered; what was asked may be booked or not. ` +
      'Nothing that it holds can be spent twice: look at balance().open.';
    return { error: errorOf(said), again: true };
  }
  if (kind === 'too-long') {
    const said =
      'A ledger got a tenant and an effect that are too long together; PostgreSQL takes about 2,600 bytes. ' +
      'Nothing was changed.';
    return { error: new UserError(said), again: false };
  }
  if (kind !== 'unreachable' || message !== '') return { error: errorOf(message), again };
  const said =
    `${place} could not be reached for ${deadline.ms} ms. Nothing was changed. ` +
    'See whether it runs, or raise timeoutMs.';
  return { error: errorOf(said), again };
}

export function closedError(place: string): BudgetLedgerError {
  return new BudgetLedgerError(`The ledger in ${place} is closed.`, { code: 'budget/closed' });
}

/** @throws UserError for amounts that no books hold */
export function checkAmount(amount: BudgetAmount, of: Omit<BudgetEntryId, 'tenant'>): void {
  const { nanoUsd, tokens } = amount;
  if (Number.isSafeInteger(nanoUsd) && nanoUsd >= 0 && Number.isSafeInteger(tokens) && tokens >= 0) return;
  throw new UserError(
    `The entry ${idText(of)} got ${nanoUsd} nano-dollars and ${tokens} tokens. Give integers, 0 or more.`,
  );
}
