/** Where sessions send their commands: the writer thread of a file, or a database in memory. */
import type { Synchronous } from '../../store/sqlite/database.ts';
import { failed, failureOf } from '../../store/sqlite/failure.ts';
import { openFile } from '../../store/sqlite/files.ts';
import { sessionError } from './commands.ts';
import type { Answer, Command } from './commands.ts';

export type Store = {
  readonly request: (command: Command, timeoutMs: number) => Promise<Answer>;
  /** Resolves when the database may have changed; at the latest when the signal fires. */
  readonly change: (signal: AbortSignal) => Promise<void>;
  /** Ends this use of the store; the last one ends its thread. */
  readonly release: () => Promise<void>;
};

/** @throws UserError when the file is open in this process with another `synchronous` */
export function openFileStore(path: string, synchronous: Synchronous): Store {
  const file = openFile(path, { synchronous });
  return {
    release: file.release,
    change: file.change,
    async request(command, timeoutMs) {
      const outcome = await file.request([{ component: 'session', command }], timeoutMs);
      if ('failure' in outcome) throw sessionError(outcome.failure);
      // The answer of `SessionDatabase`, which the thread has for this component.
      return outcome.answers[0] as Answer;
    },
  };
}

/** A database of its own, which ends with whoever holds it. */
export async function openMemoryStore(): Promise<Store> {
  // Loads SQLite, which this thread does not need for files.
  const [{ MEMORY, openDatabase }, { sessionTables }] = await Promise.all([
    import('../../store/sqlite/database.ts'),
    import('./tables.ts'),
  ]);
  const db = openDatabase(MEMORY, { components: [sessionTables] });
  db.ready('session');
  const waiting = new Set<() => void>();
  return {
    change: (signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          resolve();
        };
        signal.addEventListener('abort', wake, { once: true });
        waiting.add(wake);
        if (signal.aborted) wake();
      }),
    request: async (command) => {
      try {
        db.begin(true);
        const answer = db.execute({ ...sessionTables.plan(command), component: 'session' });
        db.commit();
        if (command.do === 'turn') for (const wake of waiting) wake();
        return answer as Answer;
      } catch (error) {
        db.rollback();
        throw sessionError(failureOf(failed(error, 'The session in memory')));
      }
    },
    release: async () => db.close(),
  };
}
