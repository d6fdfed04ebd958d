/** Finds the command and does it. Exit codes: 0 done, 1 failed, 2 not understood. */
import { AgentsError, UserError } from '../protocol/errors.ts';
import { COMMANDS } from './commands.ts';
import { harmless, type Terminal } from './terminal.ts';

/** @returns the exit code */
export async function baton([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    help(terminal);
    return name === undefined ? 2 : 0;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) {
    terminal.err(`baton: there is no command ${harmless(JSON.stringify(name))}.`);
    help({ ...terminal, out: terminal.err });
    return 2;
  }
  const command = await entry.load();
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(`${entry.summary}\n\n  ${command.usage}`);
    return 0;
  }
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (!(error instanceof AgentsError)) throw error;
    terminal.err(`${terminal.paint('red', 'baton:')} ${harmless(error.message)}`);
    if (error instanceof UserError) terminal.err(`\n  ${command.usage}`);
    return error instanceof UserError ? 2 : 1;
  }
}

function help({ out }: Pick<Terminal, 'out'>): void {
  out('baton <command> [options]\n');
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  for (const [name, { summary }] of Object.entries(COMMANDS)) out(`  ${name.padEnd(width)}  ${summary}`);
  out('\n`baton <command> --help` tells its options.');
}
