/**
 * What an import costs a user: what Node loads for it; bundled, minified and gzipped, per import; and what an install
 * costs on disk.
 *
 * Limits stand in size-limits.json. What the code imports late, and Node's own modules, are not counted.
 */
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { loadOf } from './lib/load.ts';
import { pack } from './lib/pack.ts';
import { at, built, conclude, execute, need, withTemporary } from './lib/script.ts';

type ImportLimit = { what: string; entry: string; names: string[] | '*'; gzipKB: number };
/** What Node may load at once for a file: the time of an import is made of these (decisions/090). */
type LoadLimit = { entry: string; KB: number; files: number; builtins: string[] };
type Limits = {
  load: LoadLimit;
  leftover: { entry: string; KB: number };
  imports: ImportLimit[];
  install: { with: string[]; MB: number; packages: number };
};

/** What is asked for late, if ever, is left where it is. */
const late: Plugin = {
  name: 'late',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^\./ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

function checkLoad({ entry, KB, files: most, builtins: allowed }: LoadLimit): readonly string[] {
  const { files, bytes, builtins } = loadOf(at(dirname(entry)), basename(entry));
  const kilobytes = bytes / 1000;
  console.log(`${entry} loads at once ${kilobytes.toFixed(0)} KB, limit ${KB}; ${files.length} files, limit ${most}`);
  const problems: string[] = [];
  if (kilobytes > KB) problems.push(`${entry} loads ${kilobytes.toFixed(0)} KB at once, over its limit`);
  if (files.length > most) problems.push(`${entry} loads too many files at once: ${files.join(', ')}`);
  const dear = builtins.filter((name) => !allowed.includes(name));
  if (dear.length > 0) problems.push(`${entry} loads ${dear.join(', ')} of Node at once: see src/protocol/node.ts`);
  return problems;
}

/** KB that a bundler keeps of a file although nothing of it is used: what it cannot know to be pure. */
async function leftoverKB(entry: string): Promise<number> {
  const kept: Plugin = {
    name: 'kept',
    setup: (bundle) => {
      bundle.onResolve({ filter: /^[./]/ }, ({ path, resolveDir, kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : { path: resolve(resolveDir, path), sideEffects: true },
      );
    },
  };
  const { outputFiles } = await build({
    stdin: { contents: `import ${JSON.stringify(at(entry))};`, resolveDir: at(), loader: 'js' },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    plugins: [kept],
    write: false,
    logLevel: 'error',
  });
  return (outputFiles[0]?.contents ?? '').length / 1000;
}

async function gzipKB({ entry, names }: ImportLimit): Promise<number> {
  const path = JSON.stringify(at(entry));
  const contents =
    names === '*'
      ? `export * from ${path};`
      : `import { ${names.join(', ')} } from ${path};\nconsole.log(${names.join(', ')});`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: at(), loader: 'js' },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    plugins: [late],
    write: false,
    logLevel: 'error',
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length / 1000;
}

type Installed = { readonly MB: number; readonly packages: readonly string[] };

/** Installs the packed project and its peers into an empty folder, without scripts. */
async function install(peers: readonly string[]): Promise<Installed> {
  return withTemporary('size', async (folder) => {
    const { file } = await pack(folder);
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    const args = ['install', file, ...peers, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { code, output } = await execute({ command: 'npm', args, cwd: folder, quiet: true });
    if (code !== 0) throw new Error(`npm install of the packed project failed:\n${output}`);
    const modules = join(folder, 'node_modules');
    const bytes = globSync('**/*', { cwd: modules })
      .map((path) => statSync(join(modules, path)))
      .reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
    const packages = globSync(['*/package.json', '@*/*/package.json', '**/node_modules/*/package.json'], {
      cwd: modules,
    }).map((path) => path.replace(/[\\/]package\.json$/, ''));
    return { MB: bytes / 1e6, packages };
  });
}

async function main(): Promise<void> {
  need('size', 'src/index.ts');
  built();
  const limits: Limits = JSON.parse(readFileSync(at('scripts/size-limits.json'), 'utf8'));
  const problems = [...checkLoad(limits.load)];
  const leftover = await leftoverKB(limits.leftover.entry);
  console.log(
    `${limits.leftover.entry} leaves ${leftover.toFixed(1)} KB where nothing is used, limit ${limits.leftover.KB}`,
  );
  if (leftover > limits.leftover.KB)
    problems.push(`${limits.leftover.entry} has more at its top that is not marked as pure`);
  for (const limit of limits.imports) {
    if (!existsSync(at(limit.entry))) {
      problems.push(`${limit.what}: ${limit.entry} does not exist`);
      continue;
    }
    const kilobytes = await gzipKB(limit);
    console.log(`${limit.what.padEnd(26)} ${kilobytes.toFixed(1).padStart(6)} KB gzip, limit ${limit.gzipKB}`);
    if (kilobytes > limit.gzipKB) problems.push(`${limit.what} costs ${kilobytes.toFixed(1)} KB, over its limit`);
  }
  const { MB, packages } = await install(limits.install.with);
  const { MB: mostMB, packages: mostPackages } = limits.install;
  console.log(`installed: ${MB.toFixed(1)} MB, limit ${mostMB}; ${packages.length} packages, limit ${mostPackages}`);
  if (MB > mostMB) problems.push(`An install takes ${MB.toFixed(1)} MB, over its limit`);
  if (packages.length > mostPackages) problems.push(`An install brings too many packages: ${packages.join(', ')}`);
  conclude(problems, 'size: all within scripts/size-limits.json');
}

if (import.meta.main) await main();
