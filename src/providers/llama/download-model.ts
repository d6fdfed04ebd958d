import type { DownloadModelOptions } from './file.ts';

/**
 * Fetches a model file, when you ask for it: no model does so by itself. It stands at `path` when it is whole and its
 * hash is right, not before. Not resumed: a download that broke begins anew.
 *
 * @returns `path`
 * @throws LocalModelError `local-model/download` or `local-model/checksum`; the signal's reason
 */
export async function downloadModel(options: DownloadModelOptions): Promise<string> {
  const { download } = await import('./file.ts');
  return download(options);
}
