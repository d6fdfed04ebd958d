import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { conversation } from './fixture.ts';
import type { ConversationResult } from './replay.ts';
import { bar, clip, harmless, painter } from './terminal.ts';
import { addResult, NOTHING } from './totals.ts';
import { openView } from './view.ts';
import type { Screen } from './view.ts';

const result = (more: Partial<ConversationResult> = {}): ConversationResult => ({
  conversation: conversation([]),
  verdict: 1,
  verdictEqual: true,
  toolOutputs: 3,
  mismatches: [],
  passedThrough: 0,
  states: [],
  failure: undefined,
  ...more,
});

function paper(more: Partial<Screen> = {}) {
  const written: string[] = [];
  return { screen: { ...more, write: (text: string) => void written.push(text) }, text: () => written.join('') };
}

const options = { total: 2, modelCalls: () => 7, elapsed: () => 1500 };

test('recorded text loses everything that a terminal could obey', () => {
  expect(harmless('a\u001b[2Jb\u0007\u009bc\r\nd\u202ee\u200bf\t g')).toBe('a [2Jb c d e f g');
});

test('a text is cut to the columns it has, wide characters counted twice', () => {
  expect(clip('abcdef', 6)).toBe('abcdef');
  expect(clip('abcdef', 5)).toBe('abcd…');
  expect(clip('日本語', 6)).toBe('日本語');
  expect(clip('日本語', 5)).toBe('日本…');
  expect(clip('日本語', 4)).toBe('日…');
});

test('a bar is never longer or shorter than its cells', () => {
  expect([bar(0, 4), bar(0.5, 4), bar(2, 4)]).toEqual(['░░░░', '██░░', '████']);
});

test('there are no colours where NO_COLOR asks for none', () => {
  expect(painter({ NO_COLOR: '1' })('red', 'x')).toBe('x');
  expect(painter({ NO_COLOR: '' })('red', 'x')).toBe('\u001b[31mx\u001b[0m');
});

test('away from a terminal each finished conversation is a plain line', () => {
  const { screen, text } = paper();
  const view = openView({ ...options, screen, env: {} });
  view.event({ kind: 'started', index: 0, conversation: conversation([]) });
  view.event({ kind: 'user', index: 0, text: 'Hi' });
  view.event({ kind: 'finished', index: 0, result: result() });
  const mismatch = { call: 0, recorded: 'a', produced: 'b' };
  view.event({ kind: 'finished', index: 1, result: result({ mismatches: [mismatch], verdict: undefined }) });
  view.end();
  expect(text()).toBe(
    '1/2 task 0, trial 0: equal, verdict 1 (recorded 1), tool outputs 3/3\n' +
      '2/2 task 0, trial 0: DIFFERENT, verdict none (recorded 1), tool outputs 2/3\n',
  );
});

test('on a terminal the picture has progress, marks and the conversation, no line longer than the screen', () => {
  const { screen, text } = paper({ isTTY: true, columns: 60, rows: 30 });
  const view = openView({ ...options, screen, env: { NO_COLOR: '1' } });
  view.event({ kind: 'started', index: 0, conversation: conversation([]) });
  view.event({ kind: 'finished', index: 0, result: result() });
  view.event({ kind: 'started', index: 1, conversation: conversation([]) });
  view.event({ kind: 'user', index: 1, text: `Hello\u001b[31m ${'there '.repeat(40)}` });
  view.event({ kind: 'call', index: 1, name: 'calculate', argumentsText: `{"expression":"${'1 + '.repeat(40)}1"}` });
  view.event({ kind: 'assistant', index: 1, text: 'It' });
  view.event({ kind: 'assistant', index: 1, text: 'It is 41.' });
  view.end();
  const picture = stripVTControlCharacters(text()).replaceAll('\r', '');
  const lines = picture.split('\n');
  expect(lines.every((line) => line.length < 60)).toBe(true);
  expect(lines).toContain('●▸');
  expect(lines).toContain('agent     It is 41.');
  expect(picture).not.toContain('agent     It\n');
  expect(picture).toContain(' 1/2');
  expect(picture).toContain('customer  Hello [31m there');
  expect(picture).toContain('→ calculate {"expression"');
  expect(picture).toContain('model calls 7   1.5 s');
});

test('the cursor comes back at the end, and a dumb terminal gets lines', () => {
  const live = paper({ isTTY: true });
  openView({ ...options, screen: live.screen, env: {} }).end();
  expect(live.text().endsWith('\u001b[?25h')).toBe(true);
  const dumb = paper({ isTTY: true });
  openView({ ...options, screen: dumb.screen, env: { TERM: 'dumb' } }).end();
  expect(dumb.text()).toBe('');
});

test('totals count conversations, verdicts and outputs that are equal', () => {
  const mismatch = { call: 0, recorded: 'a', produced: 'b' };
  const results = [
    result(),
    result({ verdictEqual: false }),
    result({ mismatches: [mismatch] }),
    result({ failure: 'x' }),
  ];
  expect(results.reduce(addResult, NOTHING)).toEqual({
    conversations: 4,
    verdictsEqual: 3,
    toolOutputs: 12,
    toolOutputsEqual: 11,
    allEqual: 1,
  });
});
