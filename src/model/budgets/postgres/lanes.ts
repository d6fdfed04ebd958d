/**
 * Operations that come together go to the database together: one call, one lock of a busy account, one write to disk.
 *
 * A process has one call under way that touches accounts: it would only wait for itself. What notes that a request is
 * sent touches none, and does not wait behind them.
 */
import type { Deadline } from '../../../store/deadline.ts';
import { isStatementError, sqlState } from '../../../store/postgres/connections.ts';

/** As `functions.ts` describes it. */
export type Operation = { readonly do: 'reserve' | 'sent' | 'end' | 'recover'; readonly [key: string]: unknown };

export type Send = (
  deadline: Deadline,
  sql: string,
  values: unknown[],
) => Promise<readonly { [column: string]: unknown }[]>;

type Waiting = {
  readonly operation: Operation;
  readonly deadline: Deadline;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
};

const MOST_OPERATIONS = 64;
const DO = 'SELECT baton_budget_do($1) AS answers';

export class Lane {
  readonly #send: Send;
  readonly #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(send: Send) {
    this.#send = send;
  }

  ask(operation: Operation, deadline: Deadline): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, deadline, resolve, reject });
      if (this.#isBusy) return;
      this.#isBusy = true;
      // After all that was resolved in this turn of the event loop.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#go(this.#waiting.splice(0, MOST_OPERATIONS));
    this.#isBusy = false;
  }

  /** Never rejects. */
  async #go(batch: readonly Waiting[]): Promise<void> {
    const deadline = batch.reduce((a, b) => (a.at > b.deadline.at ? a : b.deadline), { at: 0, ms: 0 });
    try {
      const answers = await this.#do(
        deadline,
        batch.map(({ operation }) => operation),
      );
      batch.forEach(({ resolve }, at) => resolve(answers[at]));
    } catch (error) {
      // One of them the database does not take. The others must not suffer for it.
      const isOfOne = batch.length > 1 && isStatementError(error) && !/^(40|53|55|57|25)/.test(sqlState(error) ?? '');
      for (const { operation, deadline: own, resolve, reject } of batch) {
        if (isOfOne) this.#do(own, [operation]).then(([answer]) => resolve(answer), reject);
        else reject(error);
      }
    }
  }

  async #do(deadline: Deadline, operations: readonly Operation[]): Promise<readonly unknown[]> {
    const [row] = await this.#send(deadline, DO, [JSON.stringify(operations)]);
    const answers = row?.['answers'];
    if (!Array.isArray(answers) || answers.length !== operations.length)
      throw new Error('The answer lacks operations.');
    return answers;
  }
}
