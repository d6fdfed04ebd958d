/**
 * Which modules a TypeScript file names, and where: static, dynamic, type-only, re-exports and `import('…')` types.
 *
 * Read by a real parser: what stands in comments and strings is no import.
 */
import { parseSync } from 'oxc-parser';

/** A module that a file names. `start` and `end` enclose the specifier with its quotes; `line` counts from 1. */
export type Import = {
  readonly specifier: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
};

/** The syntax tree of a file. A file that does not parse is an error. */
export function parse(file: string, source: string): ReturnType<typeof parseSync> {
  const result = parseSync(file, source, { lang: 'ts', sourceType: 'module' });
  const error = result.errors[0];
  if (error) throw new Error(`${file} does not parse: ${error.message}`);
  return result;
}

/** All imports of a file, in the order of the text. Dynamic imports of a computed name are left out. */
export function importsOf(file: string, source: string): readonly Import[] {
  const spans = new Map<number, number>();
  const { module, program } = parse(file, source);
  for (const { moduleRequest } of module.staticImports) spans.set(moduleRequest.start, moduleRequest.end);
  for (const { moduleRequest } of module.dynamicImports) spans.set(moduleRequest.start, moduleRequest.end);
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest } of entries) if (moduleRequest) spans.set(moduleRequest.start, moduleRequest.end);
  }
  walk(program, (node) => {
    if (node.type === 'TSImportType' && isNode(node['source'])) spans.set(node['source'].start, node['source'].end);
  });
  return [...spans]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([start, end]) => {
      const text = source.slice(start, end);
      if (!/^(['"`])[^$]*\1$/.test(text)) return [];
      return [{ specifier: text.slice(1, -1), start, end, line: lineOf(source, start) }];
    });
}

/** The line of an offset, from 1. */
export function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

export type SyntaxNode = { readonly type: string; readonly start: number; readonly end: number } & {
  readonly [field: string]: unknown;
};

/** Visits every node of a tree, parents first. */
export function walk(tree: unknown, visit: (node: SyntaxNode) => void): void {
  if (Array.isArray(tree)) {
    for (const child of tree) walk(child, visit);
    return;
  }
  if (!isNode(tree)) return;
  visit(tree);
  for (const child of Object.values(tree)) if (typeof child === 'object') walk(child, visit);
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
