/** What a command of `baton` is. */
import type { Terminal } from './terminal.ts';

export type Command = {
  /** Its arguments and options, a line each. */
  readonly usage: string;
  /** Does it and gives the exit code. @throws UserError and other AgentsErrors, which are told without a stack */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>;
};

/** A command in the list: what it is for, and where it is. */
export type Entry = { readonly summary: string; readonly load: () => Promise<Command> };
