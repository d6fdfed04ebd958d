/**
 * Import this file and `@baton/agents` and its subpaths mean the sources in src/, not the build.
 *
 * For Node 22.15 or newer; the scripts run on the repository's own Node.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { entryPoints } from './entry-points.ts';
import { at } from './script.ts';

const sources = new Map(entryPoints().map(({ specifier, source }) => [specifier, pathToFileURL(at(source)).href]));

registerHooks({
  resolve: (specifier, context, next) => next(sources.get(specifier) ?? specifier, context),
});
