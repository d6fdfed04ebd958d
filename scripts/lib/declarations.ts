/**
 * What tsc cannot write into a declaration file, so that a project compiles with `skipLibCheck: false` and without
 * `@types/node`: an import of a Node module may lead nowhere (its types are then `any`), and `Symbol.asyncDispose` comes
 * with a library of TypeScript that a project need not have asked for (decisions/119).
 */

const NODE_IMPORT = /^(?:import|export) .* from 'node:[^']+';$/gm;

/** The text of a declaration file as it is shipped. */
export function shippedDeclaration(text: string): string {
  const lenient = text.replaceAll(NODE_IMPORT, '// @ts-ignore: without @types/node it is any\n$&');
  return /\bSymbol\.(async)?[dD]ispose\b/.test(lenient)
    ? `/// <reference lib="esnext.disposable" />\n${lenient}`
    : lenient;
}
