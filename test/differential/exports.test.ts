/** The list of missing exports in docs/compatibility.md is the true one. */
import { readFileSync } from 'node:fs';
import * as published from '@openai/agents';
import { expect, test } from 'vitest';
import * as ours from '../../src/index.ts';

const docs = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');

test('docs/compatibility.md lists exactly the exports of the published package that are not here', () => {
  const [, rest = ''] = docs.split('## Exports that are not here yet');
  const [section = ''] = rest.split('\n## ');
  const listed = [...section.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const here = new Set(Object.keys(ours));
  const missing = Object.keys(published).filter((name) => !here.has(name));
  expect(new Set(listed)).toEqual(new Set(missing));
});
