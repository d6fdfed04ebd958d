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
      const question = `${screen.left()}${paint('yellow', '  Approve? [y/n]')} `;
      const answer = await terminal.question(question);
      if (/^y(es)?$/i.test(answer.trim())) return true;
      if (/^no?$/i.test(answer.trim())) return false;
    }
  } catch {
    // Ctrl-C or Ctrl-D: a terminal that asks keeps them to itself, and to the rest of the demo they are one signal.
    terminal.close();
    process.kill(process.pid, 'SIGINT');
    return await new Promise<never>(() => {});
  } finally {
    terminal.close();
  }
}
