/** What traces have in a SQLite file. */
import type { Component } from '../../store/sqlite/component.ts';
import type { RedactionOptions } from '../../wire/redaction.ts';
import type { Command } from './commands.ts';
import { erase } from './erase.ts';
import { prune } from './prune.ts';
import { readRuns, readTrace, readUsage } from './read.ts';
import { type Cleaning, cleaning, type Read, readBatch } from './redacted.ts';
import { STEPS } from './schema.ts';
import { Statements } from '../../store/sqlite/statements.ts';
import { ToldBefore } from './told-before.ts';
import { write } from './write.ts';

/** A command, and for a write what its text says, without secrets. */
type Prepared = { readonly command: Command; readonly batch?: Read };

/** One batch is a transaction of its own size: it is small enough to share one with others. */
const ROWS_OF_BATCH = 64;

export const traceTables: Component = {
  name: 'trace',
  steps: STEPS,
  plan(plain) {
    // The word of the trace store, which made it.
    const command = plain as Command;
    const prepared: Prepared =
      command.do === 'write' ? { command, batch: readBatch(command.batch, cleanerFor(command.redact)) } : { command };
    const isWrite = command.do === 'write' || command.do === 'prune' || command.do === 'erase';
    return { prepared, isWrite, rows: isWrite ? ROWS_OF_BATCH : 1, key: 'trace' };
  },
  open(connection) {
    const db = new Statements(connection);
    const toldBefore = new ToldBefore();
    return (prepared) => execute(db, toldBefore, prepared as Prepared);
  },
};

function execute(db: Statements, toldBefore: ToldBefore, { command, batch }: Prepared): unknown {
  switch (command.do) {
    case 'write':
      return batch && write(db, { tenant: command.tenant, toldBefore }, batch);
    case 'prune':
      return prune(db, command);
    case 'erase':
      return erase(db, command);
    case 'runs':
      return readRuns(db, command);
    case 'trace':
      return readTrace(db, command);
    case 'usage':
      return readUsage(db, command);
  }
}

const cleaners = new Map<string, Cleaning>();

/** A redactor is dear to make, and all batches of a process have the same options. */
function cleanerFor(options: RedactionOptions | false): Cleaning {
  const key = options === false ? '' : JSON.stringify({ ...options, patterns: (options.patterns ?? []).map(String) });
  const known = cleaners.get(key) ?? cleaning(options);
  cleaners.set(key, known);
  return known;
}
