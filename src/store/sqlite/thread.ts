/**
 * The program of the writer thread. Loaded when the first file is opened: it is as long as all the rest of a store.
 */

/** The bundled text of sqlite-thread.ts, which the build puts here. Run from the sources there is none. */
declare const BATON_SQLITE_WORKER: string | undefined;

/** What a `Worker` is made of: its text, or where its source is. */
export const program: { readonly text: string } | { readonly url: URL } =
  typeof BATON_SQLITE_WORKER === 'string' ? { text: BATON_SQLITE_WORKER } : source();

/**
 * Node reads TypeScript by a WebAssembly module, each thread by its own. V8 compiles the calls out of such a module
 * anew when there were many; where threads do so at once, one frees what the other has freed, and the process dies
 * (decisions/109). So that they are not compiled anew; nothing of this is in the package.
 */
function source(): { readonly url: URL } {
  process.getBuiltinModule('node:v8').setFlagsFromString('--wasm-wrapper-tiering-budget=1000000000');
  return { url: new URL('../../sqlite-thread.ts', import.meta.url) };
}
