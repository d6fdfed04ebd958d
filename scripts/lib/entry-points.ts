/** The entry points of the package, read from `exports` of package.json. */
import { readFileSync } from 'node:fs';
import { at } from './script.ts';

export type EntryPoint = {
  /** `index` for the root, else the subpath with dots for slashes: `testing`. */
  readonly name: string;
  /** As users write it: `@baton/agents/testing`. */
  readonly specifier: string;
  /** Paths from the root: `src/testing/index.ts`, `dist/testing/index.js`, `dist/testing/index.d.ts`. */
  readonly source: string;
  readonly script: string;
  readonly types: string;
};

type Manifest = { name: string; exports: Record<string, string | { types: string; default: string }> };

/** All entry points that are code. */
export function entryPoints(): readonly EntryPoint[] {
  const manifest: Manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return [];
    const script = target.default.replace('./', '');
    return [
      {
        name: subpath === '.' ? 'index' : subpath.slice(2).replaceAll('/', '.'),
        specifier: `${manifest.name}${subpath.slice(1)}`,
        source: script.replace(/^dist/, 'src').replace(/\.js$/, '.ts'),
        script,
        types: target.types.replace('./', ''),
      },
    ];
  });
}
