/** What sessions have in a SQLite file. */
import type { Component } from '../../store/sqlite/component.ts';
import { isWrite, rowsOf } from './commands.ts';
import type { Command } from './commands.ts';
import { prepare, SessionDatabase } from './database.ts';
import type { Prepared } from './database.ts';
import { erase, isErase } from './erase.ts';
import type { EraseCommand } from './erase.ts';
import { STEPS } from './schema.ts';

export const sessionTables: Component = {
  name: 'session',
  steps: STEPS,
  plan(plain) {
    // The word of `SQLiteSession` or `sqliteSessions`, which made it.
    const command = plain as Command | EraseCommand;
    const session = 'session' in command ? command.session : '';
    const key = JSON.stringify(['session', command.tenant, session]);
    if (isErase(command)) {
      const isList = command.do === 'list';
      return { prepared: { erasing: command }, isWrite: !isList, rows: isList ? 1 : command.most, key };
    }
    return { prepared: { asked: prepare(command) }, isWrite: isWrite(command), rows: rowsOf(command), key };
  },
  open(db, path) {
    const sessions = new SessionDatabase(db, path);
    return (prepared) => {
      const { asked, erasing } = prepared as { readonly asked?: Prepared; readonly erasing?: EraseCommand };
      if (erasing) return erase(db, erasing);
      return asked && sessions.execute(asked);
    };
  },
};
