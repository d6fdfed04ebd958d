/** Asks a person, where there is one. */
import { createInterface } from 'node:readline/promises';
import type { Screen } from './screen.ts';

/** `true` or `false` as the person says; without a terminal nobody could, so the demo says yes, and says that it did. */
export async function askForApproval(screen: Screen): Promise<boolean> {
  const { paint } = screen;
  screen.rest();
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    screen.line(paint('yellow', '  Approve? [y/n] y'), '(no terminal: the demo answers itself)');
    return true;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    for (;;) {
      const answer = await terminal.question(`${screen.left()}${paint('yellow', '  Approve? [y/n]')} `);
      if (/^y(es)?$/i.test(answer.trim())) return true;
      if (/^no?$/i.test(answer.trim())) return false;
    }
  } finally {
    terminal.close();
  }
}
