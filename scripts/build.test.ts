import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dangling } from './build.ts';

const has = (...paths: readonly string[]) => {
  const files = new Set(paths.map((path) => join(path)));
  return (path: string): boolean => files.has(path);
};

test('an import of the build that leads to no file is found with its line', () => {
  const script = "import './a.js';\nexport * from '../gone.js';\nimport 'zod';";
  expect(dangling('dist/run/b.js', script, has('dist/run/a.js'))).toEqual([
    'dist/run/b.js:2 names ../gone.js, which does not exist',
  ]);
});

test('a declaration that names a .ts or .js file needs the declaration of it', () => {
  const types = "export * from './a.ts';\nexport type B = import('./b.js').B;\nexport * from './c.d.ts';";
  expect(dangling('dist/x.d.ts', types, has('dist/a.d.ts', 'dist/b.d.ts', 'dist/c.d.ts'))).toEqual([]);
  expect(dangling('dist/x.d.ts', types, has('dist/a.ts', 'dist/b.js'))).toHaveLength(3);
});
