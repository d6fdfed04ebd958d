/** What logs have in a SQLite file. */
import type { Component } from '../../store/sqlite/component.ts';
import type { Command } from '../commands.ts';
import { beat, claim } from './leases.ts';
import { list, news, read } from './read.ts';
import { remove } from './remove.ts';
import { replace } from './replace.ts';
import { STEPS } from './schema.ts';
import { Statements } from '../../store/sqlite/statements.ts';
import { append, post } from './write.ts';

export const logTables: Component = {
  name: 'log',
  steps: STEPS,
  plan(plain) {
    // The word of `sqliteLog`, which made it.
    const command = plain as Command;
    return { prepared: command, isWrite: isWrite(command), rows: rowsOf(command), key: keyOf(command) };
  },
  open(connection) {
    const db = new Statements(connection);
    return (prepared) => execute(db, prepared as Command);
  },
};

function isWrite(command: Command): boolean {
  return command.do !== 'read' && command.do !== 'list' && command.do !== 'news';
}

function rowsOf(command: Command): number {
  return command.do === 'append' ? command.events.length + 1 : 1;
}

function keyOf(command: Command): string {
  const subject = 'runId' in command ? command.runId : 'worker' in command ? `${command.worker} beats` : '';
  return JSON.stringify(['log', command.tenant, subject]);
}

function execute(db: Statements, command: Command): unknown {
  switch (command.do) {
    case 'append':
      return append(db, command);
    case 'replace':
      return replace(db, command);
    case 'post':
      return post(db, command);
    case 'claim':
      return claim(db, command);
    case 'beat':
      return beat(db, command);
    case 'remove':
      return remove(db, command);
    case 'read':
      return read(db, command);
    case 'list':
      return list(db, command);
    case 'news':
      return news(db, command);
  }
}
