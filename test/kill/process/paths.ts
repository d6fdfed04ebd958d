/** What the processes of a kill test share: a folder with the log, the sessions and the ledger. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const database = (folder: string): string => join(folder, 'runs.db');

/** What user code began, by key: written at once, so that it outlives whoever wrote it. */
export class Ledger {
  readonly #file: string;
  constructor(folder: string) {
    this.#file = join(folder, 'ledger.txt');
  }

  add(key: string): void {
    appendFileSync(this.#file, `${key}\n`);
  }

  get keys(): string[] {
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').slice(0, -1) : [];
  }
}

export const runIdOf = (seed: number): string => `run-${seed}`;
