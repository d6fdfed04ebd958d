/**
 * The JavaScript of dist/: one file for all that the package root loads at once (`core.js`), one for each thing that
 * is loaded later, and what several of these share.
 *
 * What `index.js` loads is known after a first bundling without groups; the second one puts it into one file.
 */
import { relative } from 'node:path';
import { rolldown, type OutputChunk, type Plugin, type RolldownBuild } from 'rolldown';
import { at } from './script.ts';

/** Worker threads as text, by the name under which src/store/sqlite/thread.ts looks for it. */
const THREADS = { BATON_SQLITE_WORKER: 'src/sqlite-thread.ts' } as const;
/** The entry whose files are put together. */
const ROOT = 'src/index.ts';

const COMMON = {
  cwd: at(),
  platform: 'node',
  tsconfig: false,
  // As `sideEffects` of package.json says.
  treeshake: { moduleSideEffects: false },
  // Packages and Node's modules stay where they are.
  external: /^[^./]/,
} as const;
const TARGET = 'node22.13';

/** What a static import of `entry` loads. */
export function closure(chunks: readonly OutputChunk[], entry: OutputChunk): readonly OutputChunk[] {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const found = new Set([entry]);
  for (const chunk of found) for (const name of chunk.imports) addIfThere(found, byName.get(name));
  return [...found];
}

function addIfThere<T>(set: Set<T>, value: T | undefined): void {
  if (value !== undefined) set.add(value);
}

/** Each thread bundled on its own: Node evaluates it as CommonJS. */
export async function threads(): Promise<Record<string, string>> {
  const texts = Object.entries(THREADS).map(async ([name, input]): Promise<[string, string]> => {
    const build = await rolldown({ ...COMMON, input: at(input), transform: { target: TARGET } });
    const minify = { compress: true, mangle: false, codegen: { removeWhitespace: true } } as const;
    const { output } = await build.generate({ format: 'cjs', codeSplitting: false, minify, comments: false });
    await build.close();
    return [name, JSON.stringify(output[0].code)];
  });
  return Object.fromEntries(await Promise.all(texts));
}

/**
 * Writes dist/. Gives what is wrong with it: a module of the core that is also loaded late would bring the whole
 * core with it, into the bundles of users too.
 */
export async function bundle(sources: readonly string[]): Promise<readonly string[]> {
  const input = Object.fromEntries(sources.map((source) => [source.replace(/^src\/|\.ts$/g, ''), at(source)]));
  const late = new Map<string, readonly string[]>();
  const build = await rolldown({
    ...COMMON,
    input,
    transform: { target: TARGET, define: await threads() },
    plugins: [noteLate(late), ASCII],
    // Said for modules that only share a late chunk too, where nothing is wrong.
    onLog: (level, log, handle) => (log.code === 'INEFFECTIVE_DYNAMIC_IMPORT' ? undefined : handle(level, log)),
  });
  const core = await modulesOf(build, at(ROOT));
  await build.write({
    dir: at('dist'),
    format: 'esm',
    chunkFileNames: (chunk) => (chunk.name === 'core' ? 'core.js' : 'shared-[hash].js'),
    comments: { annotation: true, jsdoc: false, legal: false },
    minifyInternalExports: false,
    codeSplitting: { groups: [{ name: 'core', test: (id) => core.has(id) }] },
  });
  await build.close();
  return [...late]
    .filter(([id]) => core.has(id))
    .map(
      ([id, by]) =>
        `${path(id)} is loaded late by ${by.map(path).join(' and ')}, but the package root loads it at once`,
    );
}

const path = (id: string): string => relative(at(), id);

/** One letter beyond ASCII doubles the memory of a whole file's text, and costs a tenth of its loading. */
const ASCII: Plugin = {
  name: 'ascii',
  // In the last of all hooks: the chunks are printed anew before it.
  generateBundle(_options, files) {
    for (const file of Object.values(files)) if (file.type === 'chunk') file.code = ascii(file.code);
  },
};

/** The same script without letters beyond ASCII: escapes mean the same in texts, templates and regular expressions. */
export function ascii(code: string): string {
  // oxlint-disable-next-line no-control-regex -- the first is NUL
  return code.replaceAll(/[^\u0000-\u007f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Notes which modules are loaded with a dynamic `import()`, and by whom. */
function noteLate(late: Map<string, readonly string[]>): Plugin {
  return {
    name: 'note-late',
    buildEnd() {
      for (const id of this.getModuleIds()) {
        const by = this.getModuleInfo(id)?.dynamicImporters ?? [];
        if (by.length > 0) late.set(id, by);
      }
    },
  };
}

/** The modules of which something is in what `entry` loads statically, without the entry itself. */
async function modulesOf(build: RolldownBuild, entry: string): Promise<ReadonlySet<string>> {
  const { output } = await build.generate({ format: 'esm' });
  const chunks = output.filter((chunk) => chunk.type === 'chunk');
  const root = chunks.find((chunk) => chunk.facadeModuleId === entry);
  if (!root) throw new Error(`No chunk was made of ${entry}`);
  const modules = closure(chunks, root).flatMap((chunk) => chunk.moduleIds);
  return new Set(modules.filter((id) => id !== entry));
}
