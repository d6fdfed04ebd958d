/** `npm pack` into a folder, for the scripts that look at what would be published. */
import { join } from 'node:path';
import { execute } from './script.ts';

export type Packed = {
  /** The tarball. */
  readonly file: string;
  /** Paths of the files in it. */
  readonly contents: readonly string[];
};

type PackReport = { filename: string; files: { path: string }[] };

/** Packs the project as it is on disk. dist/ must have been built. */
export async function pack(folder: string): Promise<Packed> {
  const args = ['pack', '--json', '--loglevel=error', '--ignore-scripts', '--pack-destination', folder];
  const { code, output } = await execute({ command: 'npm', args, quiet: true });
  if (code !== 0) throw new Error(`npm pack failed:\n${output}`);
  // Newer npm keys the report by package name, older npm gives a list.
  const report: Record<string, PackReport> | PackReport[] = JSON.parse(output.slice(output.search(/^[[{]/m)));
  const [first] = Object.values(report);
  if (!first) throw new Error(`npm pack reported no package:\n${output}`);
  return { file: join(folder, first.filename), contents: first.files.map(({ path }) => path) };
}
