/** Modules that people name on the command line. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../protocol/errors.ts';

export type Imported = { readonly path: string; readonly exported: Readonly<Record<string, unknown>> };

/** @throws UserError where there is no such file, or it cannot be imported */
export async function importModule(module: string): Promise<Imported> {
  const path = resolve(module);
  if (!existsSync(path)) throw new UserError(`There is no file ${path}.`);
  try {
    return { path, exported: (await import(pathToFileURL(path).href)) as Record<string, unknown> };
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new UserError(`${path} cannot be imported: ${said}`);
  }
}

export const exportsOf = ({ exported }: Imported): string => Object.keys(exported).toSorted().join(', ') || 'none';
