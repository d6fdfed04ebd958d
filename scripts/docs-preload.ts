/**
 * What runs before a code block of the documentation, or an example: `node --import ./scripts/docs-preload.ts file`.
 *
 * No network beyond loopback; `@baton/agents` is src/; and with BATON_DOCS=1 the default model provider is an offline
 * one, set through the public API. What it answers is told by comments of the file that runs, see
 * lib/offline-model.ts. A block that names its own model is left alone.
 */
import './lib/offline.ts';
import './lib/on-source.ts';
import { readFileSync } from 'node:fs';
import { at } from './lib/script.ts';
import { offlineProvider, scriptOf } from './lib/offline-model.ts';

if (process.env['BATON_DOCS'] === '1') {
  const main = process.argv[1];
  const steps = main === undefined ? [] : scriptOf(readFileSync(main, 'utf8'));
  const sdk: Record<string, unknown> = await import(at('src', 'index.ts'));
  const set = sdk['setDefaultModelProvider'];
  if (typeof set !== 'function') throw new Error('src/index.ts does not export setDefaultModelProvider.');
  set(offlineProvider(steps));
}
