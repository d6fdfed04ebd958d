/**
 * The public API as text: api/<entry>.api.md for each entry point, made from the declarations in dist/.
 *
 * `node scripts/api-report.ts` rewrites the reports, `--check` fails with the difference. A new name in the diff
 * needs a reason in the review.
 */
import { copyFileSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryPoints, type EntryPoint } from './lib/entry-points.ts';
import { at, built, conclude, execute, need, root } from './lib/script.ts';

const FOLDER = 'api';
/** Inside the project: api-extractor looks for package.json above its settings. */
const WORK = at('.baton', 'api');

/** Writes the report of one entry point into WORK and returns its path. */
async function report(entry: EntryPoint): Promise<string> {
  const config = join(WORK, `${entry.name}.json`);
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  };
  const settings = {
    projectFolder: root,
    mainEntryPointFilePath: at(entry.types),
    compiler: { overrideTsconfig: { compilerOptions, files: [at(entry.types)] } },
    apiReport: {
      enabled: true,
      reportFileName: `${entry.name}.api.md`,
      reportFolder: WORK,
      reportTempFolder: join(WORK, 'temp'),
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      extractorMessageReporting: {
        default: { logLevel: 'none' },
        'ae-forgotten-export': { logLevel: 'warning', addToApiReportFile: true },
      },
      tsdocMessageReporting: { default: { logLevel: 'none' } },
    },
  };
  writeFileSync(config, JSON.stringify(settings));
  const args = ['run', '--local', '--config', config];
  const { code, output } = await execute({ command: 'api-extractor', args, quiet: true });
  const file = join(WORK, `${entry.name}.api.md`);
  if (code !== 0 || !existsSync(file)) throw new Error(`api-extractor failed on ${entry.types}:\n${output}`);
  return file;
}

/** The difference as git prints it, or nothing. */
async function difference(committed: string, fresh: string): Promise<string> {
  if (!existsSync(at(committed))) return `${committed} does not exist`;
  const args = ['--no-pager', 'diff', '--no-index', '--unified=2', at(committed), fresh];
  const { output } = await execute({ command: 'git', args, quiet: true });
  const hunks = output.search(/^@@/m);
  return hunks < 0 ? '' : `${committed} differs from what the code exports:\n${output.slice(hunks)}`;
}

async function main(): Promise<void> {
  need('API report', 'src/index.ts');
  built();
  const check = process.argv.includes('--check');
  const entries = entryPoints();
  const problems: string[] = [];
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(join(WORK, 'temp'), { recursive: true });
  for (const entry of entries) {
    const fresh = await report(entry);
    const committed = `${FOLDER}/${entry.name}.api.md`;
    const changed = await difference(committed, fresh);
    if (!changed) continue;
    if (check) problems.push(`${changed}\nIf that is meant, run "npm run api" and commit the report.`);
    else {
      mkdirSync(at(FOLDER), { recursive: true });
      copyFileSync(fresh, at(committed));
      console.log(`wrote ${committed}`);
    }
  }
  const expected = new Set(entries.map(({ name }) => `${FOLDER}/${name}.api.md`));
  for (const file of globSync(`${FOLDER}/*.api.md`, { cwd: root })) {
    if (expected.has(file)) continue;
    if (check) problems.push(`${file} is the report of no entry point`);
    else rmSync(at(file));
  }
  conclude(problems, `api: ${entries.map(({ name }) => name).join(', ')}`);
}

if (import.meta.main) await main();
