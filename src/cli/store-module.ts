/** The `RunStore` of a module that people name on the command line. */
import type { RunStore } from '../durable/index.ts';
import { UserError } from '../protocol/errors.ts';
import { exportsOf, importModule } from './module.ts';

/**
 * As much of a store as a command needs. It is known by its members and not by its class: a module may have a copy of
 * the package of its own.
 */
export type ModuleStore<Act extends 'recover' | 'resume'> = Pick<RunStore, Act | 'worker' | 'drain' | 'close'>;

/** @throws UserError where the module cannot be imported or exports no store */
export async function storeOf<Act extends 'recover' | 'resume'>(
  module: string | undefined,
  act: Act,
): Promise<ModuleStore<Act>> {
  if (module === undefined) throw new UserError('Which module? Give the path of a file that exports a RunStore.');
  const imported = await importModule(module);
  const { default: main, store = main } = imported.exported;
  const given: unknown = typeof store === 'function' ? await (store as () => unknown)() : store;
  if (isStore(given, act)) return given;
  throw new UserError(
    `${imported.path} exports no RunStore. Write \`export default new RunStore({ log, agents })\`, or export it as ` +
      `"store", or a function that gives it. Its exports: ${exportsOf(imported)}.`,
  );
}

function isStore<Act extends 'recover' | 'resume'>(value: unknown, act: Act): value is ModuleStore<Act> {
  if (typeof value !== 'object' || value === null) return false;
  const { [act]: acts, drain, close, worker: name } = value as { [member in keyof RunStore]?: unknown };
  return [acts, drain, close].every((member) => typeof member === 'function') && typeof name === 'string';
}

/** A module may keep timers and sockets, which must not keep a command from its end. */
export function endSoon(code: number): void {
  setTimeout(() => process.exit(code), 1000).unref();
}
