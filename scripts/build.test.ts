import { expect, test } from 'vitest';
import { rewrite } from './build.ts';

test('declarations name .js files wherever they named .ts files of the project', () => {
  const before = [
    "import type { A } from './a.ts';",
    "export * from '../b.ts';",
    "export declare const c: import('./c.ts').C | typeof import('./d.d.ts');",
    "export { e } from 'package/e.ts';",
    "/** import './f.ts' */",
    '',
  ].join('\n');
  const after = before
    .replace("'./a.ts'", "'./a.js'")
    .replace("'../b.ts'", "'../b.js'")
    .replace("import('./c.ts')", "import('./c.js')");
  expect(rewrite('x.d.ts', before)).toBe(after);
});
