import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openScreen, type Screen } from './screen.ts';

/** A screen of 20 columns that remembers what was written. */
function open({ isTTY = false, env = {} } = {}): { screen: Screen; written(): string } {
  const out = Object.assign(new PassThrough(), { columns: 20, isTTY });
  const chunks: string[] = [];
  out.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  // The screen needs a stream that knows its width; the rest of a terminal it does not use.
  return { screen: openScreen(out as unknown as NodeJS.WriteStream, env), written: () => chunks.join('') };
}

test('text that comes in pieces is wrapped between words, and each line keeps its gutter', () => {
  const { screen, written } = open();
  screen.gutter('| ');
  for (const piece of ['The head', 'phones are ', 'on their', ' way to you.\nThanks']) screen.text(piece);
  screen.rest();
  expect(written()).toBe('| The headphones\n| are on their way\n| to you.\n| Thanks\n');
});

test('no control sequence of a model or a tool reaches the terminal, also not in two pieces', () => {
  const { screen, written } = open({ isTTY: true });
  screen.text('a\u001b');
  screen.text('[2Jb\u0007\u202ec\u009b31m');
  screen.line('', 'x\u001b]0;title\u0007\r\nHead\u200b');
  expect(written()).not.toMatch(/[^\P{C}\n]/u);
  expect(written()).toBe('a[2Jbc31m\n x ]0;title Head\n');
});

test('a line is cut to the width of the terminal', () => {
  const { screen, written } = open();
  screen.line('get_quote', '{"symbol":"ACME","exchange":"NYSE"}');
  expect(written()).toBe('get_quote {"symbol"…\n');
});

test('there are colours on a terminal only, and none where NO_COLOR is set', () => {
  expect(open({ isTTY: true }).screen.paint('red', 'x')).toBe('\u001b[31mx\u001b[0m');
  expect(open({ isTTY: true, env: { NO_COLOR: '1' } }).screen.paint('red', 'x')).toBe('x');
  expect(open().screen.paint('red', 'x')).toBe('x');
});

test('without a terminal nothing moves', () => {
  const { screen, written } = open();
  screen.busy('thinks');
  screen.rest();
  expect(written()).toBe('');
});
