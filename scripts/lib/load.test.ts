import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadOf } from './load.ts';

test('what an import loads at once is followed through imports and re-exports, and what is asked for late is not', () => {
  const files = new Map([
    ['index.js', "export { a } from './core.js';\nexport * from './b/b.js';"],
    ['core.js', "import { join } from 'node:path';\nexport const a = () => import('./late.js');"],
    [join('b', 'b.js'), "import '../core.js';\nimport 'zod';\nimport 'fs';"],
  ]);
  const load = loadOf('dist', 'index.js', (path) => {
    const source = files.get(path.slice('dist'.length + 1));
    if (source === undefined) throw new Error(`${path} is not to be read`);
    return source;
  });
  expect(load.files).toEqual(['index.js', 'core.js', 'b/b.js']);
  expect(load.builtins).toEqual(['fs', 'path']);
  expect(load.bytes).toBe([...files.values()].join('').length);
});
