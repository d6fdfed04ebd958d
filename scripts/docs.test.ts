import { expect, test } from 'vitest';
import { blocksOf, docstringsOf } from './docs.ts';

const fence = '```';

test('ts blocks are found with the line of their fence; other languages are not looked at', () => {
  const page = [
    '# Title',
    `${fence}ts`,
    'const a = 1;',
    fence,
    `${fence}js`,
    'no',
    fence,
    `${fence}ts no-run`,
    'b',
    fence,
  ];
  expect(blocksOf('docs/a.md', page.join('\n'))).toEqual([
    { page: 'docs/a.md', line: 2, code: 'const a = 1;\n', run: true },
    { page: 'docs/a.md', line: 8, code: 'b\n', run: false },
  ]);
});

test('a block in a list loses its indentation, and a longer fence may hold a shorter one', () => {
  const list = `- item\n  ${fence}ts\n  if (a) {\n    b();\n  }\n  ${fence}\n`;
  expect(blocksOf('a.md', list)[0]?.code).toBe('if (a) {\n  b();\n}\n');
  const nested = `${fence}\`ts\n${fence}\n${fence}\`\n`;
  expect(blocksOf('a.md', nested)[0]?.code).toBe(`${fence}\n`);
});

test('a word that is not known beside ts is an error with its place', () => {
  expect(() => blocksOf('a.md', `\n${fence}ts norun\n${fence}\n`)).toThrow('a.md:2: "ts norun" is unknown');
});

test('docstrings keep their lines, and code outside of them is no page', () => {
  const source = `const f = 1;\n/**\n * Says.\n *\n * ${fence}ts\n * run();\n * ${fence}\n */\nconst g = 2;`;
  expect(blocksOf('src/a.ts', docstringsOf(source))).toEqual([
    { page: 'src/a.ts', line: 5, code: 'run();\n', run: true },
  ]);
});
