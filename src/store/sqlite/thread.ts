/**
 * The program of the writer thread. Loaded when the first file is opened: it is as long as all the rest of a store.
 */

/** The bundled text of sqlite-thread.ts, which the build puts here. Run from the sources there is none. */
declare const BATON_SQLITE_WORKER: string | undefined;

/** What a `Worker` is made of: its text, or where its source is. */
export const program: { readonly text: string } | { readonly url: URL } =
  typeof BATON_SQLITE_WORKER === 'string'
    ? { text: BATON_SQLITE_WORKER }
    : { url: new URL('../../sqlite-thread.ts', import.meta.url) };
