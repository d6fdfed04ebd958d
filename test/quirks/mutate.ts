/** Our own sources with a defect planted in them, as a module. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** One change of one file: what stands there, exactly once, and what stands there instead. */
export type Change = { readonly file: string; readonly from: string; readonly to: string };

/** Bundles an entry and imports it. Without a change it is the code as it is. */
export async function load(entry: string, change?: Change): Promise<unknown> {
  let planted = change === undefined;
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    packages: 'external',
    logLevel: 'silent',
    plugins: [
      {
        name: 'plant',
        setup: ({ onLoad }) => {
          if (!change) return;
          onLoad({ filter: new RegExp(`${change.file.replaceAll('.', '\\.')}$`) }, async ({ path }) => {
            const { readFile } = await import('node:fs/promises');
            const source = await readFile(path, 'utf8');
            const parts = source.split(change.from);
            if (parts.length !== 2) throw new Error(`${change.file} has ${parts.length - 1} times: ${change.from}`);
            planted = true;
            return { contents: parts.join(change.to), loader: 'ts' };
          });
        },
      },
    ],
  });
  if (!planted) throw new Error(`${entry} does not reach ${String(change?.file)}.`);
  const code = Buffer.from(outputFiles[0]?.contents ?? '').toString('base64');
  return await import(/* @vite-ignore */ `data:text/javascript;base64,${code}`);
}
