import { expect, test } from 'vitest';
import { anchorsOf, linkProblems, linksOf } from './links.ts';

test('links are read from prose, with the path from the root', () => {
  const text = 'See [a](a.md#one), [up](../README.md), [here](#two), [web](https://x.test/a.md).\n`[no](no.md)`\n';
  expect(linksOf('docs/b.md', text)).toEqual([
    { page: 'docs/b.md', target: 'docs/a.md', anchor: 'one' },
    { page: 'docs/b.md', target: 'README.md', anchor: undefined },
    { page: 'docs/b.md', target: 'docs/b.md', anchor: 'two' },
  ]);
});

test('a heading has the anchor that GitHub gives it', () => {
  expect([...anchorsOf('# What is there\n## `error-state`\n### Strict mode, always\n')]).toEqual([
    'what-is-there',
    'error-state',
    'strict-mode-always',
  ]);
});

test('links that lead nowhere and pages that nobody links are told', () => {
  const pages = new Map([
    ['README.md', '[a](docs/a.md) [gone](docs/gone.md)'],
    ['docs/a.md', '# A\n[b](b.md#nothing) [b](b.md#b) [c](../src/c.ts#L1)'],
    ['docs/b.md', '# B'],
    ['docs/README.md', '[a](a.md)'],
  ]);
  expect(linkProblems(pages, (path) => path !== 'docs/gone.md')).toEqual([
    'README.md links docs/gone.md, which does not exist',
    'docs/a.md links docs/b.md#nothing, and there is no such heading',
    'docs/b.md is not linked in README.md',
  ]);
});
