import { expect, test } from 'vitest';
import { shippedDeclaration } from './declarations.ts';

test('an import of a Node module may lead nowhere', () => {
  const text = "import type { Readable } from 'node:stream';\nimport type { Item } from './item.ts';\n";
  expect(shippedDeclaration(text)).toBe(`// @ts-ignore: without @types/node it is any\n${text}`);
});

test('what can be disposed of brings the library of TypeScript that says how', () => {
  const text = 'export declare class A {\n    [Symbol.asyncDispose](): Promise<void>;\n}\n';
  expect(shippedDeclaration(text)).toBe(`/// <reference lib="esnext.disposable" />\n${text}`);
});

test('other declarations stay as they are', () => {
  const text = "import type { Item } from './item.ts';\nexport type Kept = Item;\n";
  expect(shippedDeclaration(text)).toBe(text);
});
