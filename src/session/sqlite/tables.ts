/** What sessions have in a SQLite file. */
import type { Component } from '../../store/sqlite/component.ts';
import { isWrite, rowsOf } from './commands.ts';
import type { Command } from './commands.ts';
import { prepare, SessionDatabase } from './database.ts';
import type { Prepared } from './database.ts';
import { STEPS } from './schema.ts';

export const sessionTables: Component = {
  name: 'session',
  steps: STEPS,
  plan(plain) {
    // The word of `SQLiteSession`, which made it.
    const command = plain as Command;
    return {
      prepared: prepare(command),
      isWrite: isWrite(command),
      rows: rowsOf(command),
      key: JSON.stringify(['session', command.tenant, command.session]),
    };
  },
  open(db, path) {
    const sessions = new SessionDatabase(db, path);
    return (prepared) => sessions.execute(prepared as Prepared);
  },
};
