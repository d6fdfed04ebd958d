/** What Node loads for an import of a built file, before anything of it is used. */
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { parse } from './imports.ts';

export type Load = {
  /** Built files, by their paths from `folder`, the entry first. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** Node's modules, without `node:`. */
  readonly builtins: readonly string[];
};

/** Follows static imports; those that are asked for late are left out. */
export function loadOf(folder: string, entry: string, read = (path: string) => readFileSync(path, 'utf8')): Load {
  const files = new Set([entry]);
  const builtins = new Set<string>();
  let bytes = 0;
  for (const file of files) {
    const source = read(join(folder, file));
    bytes += Buffer.byteLength(source);
    for (const specifier of staticImports(file, source)) {
      if (specifier.startsWith('.')) files.add(posix.join(posix.dirname(file), specifier));
      else if (isBuiltin(specifier)) builtins.add(specifier.replace('node:', ''));
    }
  }
  return { files: [...files], bytes, builtins: [...builtins].toSorted() };
}

function staticImports(file: string, source: string): readonly string[] {
  const { module } = parse(file, source);
  const exported = module.staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest));
  return [...module.staticImports.map(({ moduleRequest }) => moduleRequest), ...exported].flatMap((request) =>
    request ? [request.value] : [],
  );
}
