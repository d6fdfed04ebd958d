/** The store's tables on a database in memory. */
import { openDatabase } from '../../store/sqlite/database.ts';
import type { Command } from './commands.ts';
import { traceTables } from './tables.ts';

/** Carries out commands, each in a transaction of its own. */
export function openTables(): (command: Command) => unknown {
  const db = openDatabase(':memory:', { components: [traceTables] });
  db.ready('trace');
  return (command) => {
    db.begin(true);
    const answer = db.execute({ ...traceTables.plan(command), component: 'trace' });
    db.commit();
    return answer;
  };
}
